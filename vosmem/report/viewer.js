// One sequence at a time: its frames with what is drawn over them, and its scores over time; both move together.
const viewer = document.getElementById("viewer");
const shown = { place: null, at: 0, timer: null, wanted: 0 };

function wanted(name) {
  return viewer.querySelector(`input[name=${name}]:checked`)?.value;
}

function show(at) {
  const now = clip(shown.place);
  shown.at = Math.max(0, Math.min(now.frames.length - 1, at));
  const frame = now.frames[shown.at];
  const method = wanted("method");
  const slider = viewer.querySelector("input[type=range]");
  slider.value = shown.at;
  const known = Object.entries(now.scores[method] ?? {}).filter(([, values]) => values[frame.t] !== null);
  const parts = known.map(([measure, values]) => `${measure} ${percent(values[frame.t])}`);
  if (!(frame.masks[method] ?? null)) parts.push(frame.masks[method] === "" ? "empty mask" : "no mask found");
  if (frame.annotation === null) parts.push("not annotated");
  else if (!parts.length || !known.length) parts.push("not scored");
  const told = `frame ${frame.name}, ${frame.t + 1} of ${now.names.length} · ${parts.join(" · ")}`;
  viewer.querySelector("output").textContent = told;
  slider.setAttribute("aria-valuetext", told);
  cursor(viewer.querySelector(".curve"), frame.t, now);
  const ticket = ++shown.wanted;
  const canvas = viewer.querySelector("canvas");
  canvas.setAttribute("aria-label", `${now.name}, ${told}, drawn: ${wanted("mode")}`);
  return draw(canvas, now, frame, wanted("mode"), method, () => ticket === shown.wanted);
}

function chart() {
  const now = clip(shown.place);
  const scores = Object.entries(now.scores[wanted("method")] ?? {});
  const label = `${scores.map(([measure]) => measure).join(" and ")} over the frames of ${now.name}`;
  curve(viewer.querySelector(".curve"), now, scores, label, (at) => (stop(), show(at)));
}

// Show a sequence, at a frame's index in the sequence or at its first one.
function open(place, t = null) {
  stop();
  shown.place = Number(place);
  const now = clip(shown.place);
  const option = viewer.querySelector("select");
  option.value = shown.place;
  viewer.querySelector(".told").textContent = option.selectedOptions[0].dataset.note;
  viewer.querySelector("input[type=range]").max = now.frames.length - 1;
  const annotated = now.frames.some((frame) => frame.annotation !== null);
  const moving = now.frames.some((frame) => frame.motion !== null);
  for (const [mode, there] of [["annotation", annotated], ["error", annotated], ["motion", moving]]) {
    const choice = viewer.querySelector(`input[name=mode][value=${mode}]`);
    choice.disabled = !there;
    if (choice.checked && !there) viewer.querySelector("input[name=mode][value=prediction]").checked = true;
  }
  key();
  chart();
  const at = t === null ? 0 : now.frames.findIndex((frame) => frame.t === Number(t));
  return show(Math.max(0, at));
}

// What the colours mean in this mode.
function key() {
  for (const told of viewer.querySelectorAll("[data-mode]")) told.hidden = told.dataset.mode !== wanted("mode");
}

function stop() {
  clearInterval(shown.timer);
  shown.timer = null;
  viewer.querySelector("[data-play]").textContent = "Play";
}

function play() {
  if (shown.timer) return stop();
  viewer.querySelector("[data-play]").textContent = "Stop";
  shown.timer = setInterval(() => show((shown.at + 1) % clip(shown.place).frames.length), 100);
}

if (viewer?.querySelector("canvas")) {
  viewer.querySelector(".player").hidden = false;
  const choice = viewer.querySelector("select");
  const step = (by) => {
    const options = [...choice.options];
    open(options[(choice.selectedIndex + by + options.length) % options.length].value);
  };
  choice.addEventListener("change", () => open(choice.value));
  viewer.querySelector("[data-previous]").addEventListener("click", () => step(-1));
  viewer.querySelector("[data-next]").addEventListener("click", () => step(1));
  viewer.querySelector("input[type=range]").addEventListener("input", (event) => {
    stop();
    show(Number(event.target.value));
  });
  viewer.querySelector("[data-play]").addEventListener("click", play);
  for (const input of viewer.querySelectorAll("input[name=mode]")) input.addEventListener("change", () => (key(), show(shown.at)));
  for (const input of viewer.querySelectorAll("input[name=method]")) input.addEventListener("change", () => (chart(), show(shown.at)));
  viewer.querySelector("[data-picture]").addEventListener("click", () => {
    const now = clip(shown.place);
    const name = `${now.name}-${now.frames[shown.at].name}-${wanted("mode")}.png`;
    viewer.querySelector("canvas").toBlob((blob) => save(name, blob));
  });
  viewer.querySelector("[data-scores]").addEventListener("click", () => {
    const now = clip(shown.place);
    const columns = Object.entries(now.scores).flatMap(([method, of]) => Object.entries(of).map(([m, values]) => [`${m} ${method}`, values]));
    save(`${now.name}.csv`, csv([["sequence", "frame", ...columns.map(([name]) => name)],
      ...now.names.map((frame, t) => [now.name, frame, ...columns.map(([, values]) => values[t])])]));
  });
  open(choice.value);
}

// Whatever names a sequence opens it: rows of the table, pictures of the gallery.
for (const link of document.querySelectorAll("[data-open]")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    if (link.dataset.mode) viewer.querySelector(`input[name=mode][value=${link.dataset.mode}]`).checked = true;
    open(link.dataset.open, link.dataset.t ?? null);
    viewer.scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    viewer.querySelector("input[type=range]").focus({ preventScroll: true });
  });
}
