// The page's data: read from the elements that hold them, and handed out as CSV files.
const read = (id) => JSON.parse(document.getElementById(id).textContent);

function csv(rows) {
  const field = (value) => {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => row.map(field).join(",") + "\n").join("");
}

function save(name, content) {
  const link = document.createElement("a");
  const blob = content instanceof Blob ? content : new Blob([content], { type: "text/csv" });
  link.href = URL.createObjectURL(blob);
  link.download = name.replace(/[^\w.-]+/g, "-");
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // a browser that does not take a page of the disk as safe
    const area = Object.assign(document.createElement("textarea"), { value: text });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

function button(text, label, act, done = text) {
  const made = Object.assign(document.createElement("button"), { type: "button", textContent: text });
  made.setAttribute("aria-label", label);
  made.addEventListener("click", async () => {
    await act();
    made.textContent = done; // a download shows itself, a copy does not
    setTimeout(() => (made.textContent = text), 1500);
  });
  return made;
}

// What is drawn in a section's charts, all of it or one chart's rows.
for (const made of document.querySelectorAll("button[data-drawn]")) {
  made.addEventListener("click", () => {
    const { drawn, of } = made.dataset;
    const { header, rows } = read("drawn")[drawn];
    save(of === undefined ? `${drawn}.csv` : `${drawn}-${of}.csv`, csv([header, ...rows.filter((row) => of === undefined || row[0] === of)]));
  });
}
