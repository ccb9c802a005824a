// Two rows side by side: the same frame with the masks of each, and the scores of both over the frames.
const compared = document.querySelector(".compare");
const now = { place: 0, at: 0, wanted: 0 };
const sides = [...(compared?.querySelectorAll(".side") ?? [])];
const rowOf = (side) => side.querySelector("select").value;
const drawn = () => compared.querySelector("input[name=mode]:checked").value;

function show(at) {
  const one = clip(now.place);
  now.at = Math.max(0, Math.min(one.frames.length - 1, at));
  const frame = one.frames[now.at];
  const ticket = ++now.wanted;
  const slider = compared.querySelector("input[type=range]");
  [slider.max, slider.value] = [one.frames.length - 1, now.at];
  slider.setAttribute("aria-valuetext", `frame ${frame.name}`);
  for (const side of sides) {
    const row = rowOf(side);
    const known = Object.entries(one.scores[row] ?? {}).filter(([, values]) => values[frame.t] !== null);
    const parts = known.map(([measure, values]) => `${measure} ${percent(values[frame.t])}`);
    if (!(frame.masks[row] ?? null)) parts.push(frame.masks[row] === "" ? "empty mask" : "no mask found");
    else if (!known.length) parts.push("not scored");
    const told = `frame ${frame.name} · ${parts.join(" · ")}`;
    side.querySelector("output").textContent = told;
    const canvas = side.querySelector("canvas");
    canvas.setAttribute("aria-label", `${one.name}, ${row}, ${told}, drawn: ${drawn()}`);
    draw(canvas, one, frame, drawn(), row, () => ticket === now.wanted);
  }
  cursor(compared.querySelector(".curve"), frame.t, one);
}

function chart() {
  const one = clip(now.place);
  const measure = compared.dataset.measure;
  const rows = [...new Set(sides.map(rowOf))];
  const lines = rows.map((row) => [`${measure} ${row}`, one.scores[row]?.[measure] ?? []]);
  const known = lines.filter(([, values]) => values.some((value) => value !== null));
  curve(compared.querySelector(".curve"), one, known, `${measure} over the frames of ${one.name}`, show);
}

function refresh() {
  for (const told of compared.querySelectorAll("[data-mode]")) told.hidden = told.dataset.mode !== drawn();
  chart();
  show(now.at);
}

function open(place) {
  [now.place, now.at] = [Number(place), 0];
  compared.querySelector(".pick select").value = place;
  const annotated = clip(now.place).frames.some((frame) => frame.annotation !== null);
  for (const mode of ["annotation", "error"]) {
    const choice = compared.querySelector(`input[name=mode][value=${mode}]`);
    choice.disabled = !annotated;
    if (choice.checked && !annotated) compared.querySelector("input[name=mode][value=prediction]").checked = true;
  }
  refresh();
}

if (compared) {
  compared.hidden = false;
  const choice = compared.querySelector(".pick select");
  const step = (by) => open((choice.selectedIndex + by + choice.length) % choice.length);
  choice.addEventListener("change", () => open(choice.value));
  compared.querySelector("[data-previous]").addEventListener("click", () => step(-1));
  compared.querySelector("[data-next]").addEventListener("click", () => step(1));
  compared.querySelector("input[type=range]").addEventListener("input", (event) => show(Number(event.target.value)));
  for (const input of compared.querySelectorAll("input[name=mode]")) input.addEventListener("change", refresh);
  for (const side of sides) side.querySelector("select").addEventListener("change", refresh);
  for (const link of document.querySelectorAll("[data-open]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      open(link.dataset.open);
      document.getElementById("viewer").scrollIntoView();
      compared.querySelector("input[type=range]").focus({ preventScroll: true });
    });
  }
  open(0);
}
