// Scores over the frames of a clip: a line each, and a cursor at the frame that is shown.
const CHART = { width: 0, height: 150, left: 30, right: 8, top: 8, bottom: 22, dash: 5 }; // in units of its view box
const axis = (t, now) => CHART.left + (t / Math.max(1, now.names.length - 1)) * (CHART.width - CHART.left - CHART.right);
const level = (value) => CHART.height - CHART.bottom - value * (CHART.height - CHART.top - CHART.bottom);
const percent = (value) => (100 * value).toFixed(1);
const SVG = document.querySelector(".curve svg")?.namespaceURI;

function element(kind, attributes, text = "") {
  const made = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

// Draw [name, value of every frame or null] pairs into a figure; `go` is called with the place, in the clip's list of
// frames, of the one nearest to where somebody points. Without lines the figure is hidden.
function curve(figure, now, lines, label, go) {
  figure.hidden = !lines.length;
  CHART.width = figure.parentElement.clientWidth; // so that letters are as large as elsewhere
  const svg = element("svg", { class: "chart", viewBox: `0 0 ${CHART.width} ${CHART.height}`, role: "img", "aria-label": label });
  for (const value of [0, 0.5, 1]) {
    svg.append(element("path", { class: "grid", d: `M${CHART.left} ${level(value)}H${CHART.width - CHART.right}` }));
    svg.append(element("text", { class: "y", x: CHART.left - 5, y: level(value) + 3.5 }, percent(value).replace(".0", "")));
  }
  const last = now.names.length - 1;
  for (const [t, anchor] of [[0, "start"], [last, "end"]]) {
    svg.append(element("text", { x: axis(t, now), y: CHART.height - 5, "text-anchor": anchor }, now.names[t]));
  }
  lines.forEach(([, values], series) => {
    let pen = "M";
    const points = values.map((value, t) => {
      if (value === null) return (pen = "M") && "";
      const alone = (values[t - 1] ?? null) === null && (values[t + 1] ?? null) === null; // a dash, which can be seen
      if (alone) return `M${(axis(t, now) - CHART.dash / 2).toFixed(1)} ${level(value).toFixed(1)}h${CHART.dash}`;
      const point = `${pen}${axis(t, now).toFixed(1)} ${level(value).toFixed(1)}`;
      pen = "L";
      return point;
    });
    svg.append(element("path", { class: `line s${series}`, d: points.join("") }));
  });
  svg.append(element("path", { class: "cursor", d: `M0 ${CHART.top}V${CHART.height - CHART.bottom}` }));
  const legend = lines.map(([name], series) => {
    const key = document.createElement("span");
    const dash = element("svg", { viewBox: "0 0 24 8", "aria-hidden": "true" });
    dash.append(element("path", { class: `line s${series}`, d: "M0 4H24" }));
    key.append(dash, name);
    return key;
  });
  figure.querySelector("div").replaceChildren(svg);
  figure.querySelector(".legend").replaceChildren(...legend);
  const point = (event) => {
    if (event.type === "pointermove" && !event.buttons) return;
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * CHART.width;
    const t = ((x - CHART.left) / (CHART.width - CHART.left - CHART.right)) * last;
    const near = now.frames.map((frame) => Math.abs(frame.t - t));
    go(near.indexOf(Math.min(...near)));
  };
  svg.addEventListener("pointerdown", point);
  svg.addEventListener("pointermove", point);
}

// Move the cursor to a frame's index in the sequence.
function cursor(figure, t, now) {
  figure.querySelector(".cursor")?.setAttribute("transform", `translate(${axis(t, now)} 0)`);
}
