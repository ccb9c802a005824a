// Every table can be copied and downloaded as CSV; some sort by a click on a heading; one narrows by filters.

// Header rows span columns and rows: the cells of every row, repeated wherever they reach.
function grid(rows) {
  const taken = [];
  [...rows].forEach((row, r) => {
    let column = 0;
    for (const cell of row.cells) {
      while ((taken[r] ??= [])[column]) column++;
      for (let y = r; y < r + cell.rowSpan; y++) for (let x = column; x < column + cell.colSpan; x++) (taken[y] ??= [])[x] = cell;
      column += cell.colSpan;
    }
  });
  return taken;
}

const words = (cell) => cell.innerText.replace(/[†▲▼↑↓]/g, "").replace(/\s+/g, " ").trim();

// Exact figures, not those rounded for the eye; rows that a filter hides are left out.
function asRows(table) {
  const head = grid(table.tHead.rows);
  const names = head[0].map((_, x) => [...new Set(head.map((row) => row[x]))].map(words).join(" ").trim());
  const kept = names.map((name, x) => name !== "" && !head.at(-1)[x].classList.contains("bar"));
  const rows = [...table.querySelectorAll("tbody tr, tfoot tr")].filter((row) => !row.hidden && !row.classList.contains("block"));
  const value = (cell) => cell.dataset.csv ?? cell.dataset.v ?? words(cell).replace(/^–$/, "").replace("−", "-");
  return [names, ...rows.map((row) => [...row.cells].map(value))].map((row) => row.filter((_, x) => kept[x]));
}

for (const table of document.querySelectorAll("table[data-name]")) {
  const name = table.dataset.name;
  const tools = Object.assign(document.createElement("p"), { className: "tools" });
  tools.append(
    button("Copy", `Copy the table ${name} as CSV`, () => copy(csv(asRows(table))), "Copied"),
    button("CSV", `Download the table ${name} as CSV`, () => save(`${name}.csv`, csv(asRows(table)))),
  );
  table.closest(".scroll").before(tools);
}

// First click the way one looks for (figures from the top, names from A), second the other way.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const key = (row, column) => row.cells[column].dataset.v ?? "";
  grid(table.tHead.rows).at(-1).forEach((cell, column) => {
    cell.querySelector("button")?.addEventListener("click", () => sort(cell, column));
  });
  function sort(head, column) {
    const figures = head.classList.contains("n");
    const before = head.getAttribute("aria-sort");
    const down = before ? before === "ascending" : figures;
    for (const other of table.tHead.querySelectorAll("[aria-sort]")) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...body.rows].sort((a, b) => {
      const [x, y] = [key(a, column), key(b, column)];
      if (x === "" || y === "") return (x === "") - (y === ""); // what has no figure comes last either way
      const order = figures ? x - y : x.localeCompare(y, "en", { numeric: true });
      return down ? -order : order;
    });
    body.append(...rows);
  }
}

// The filter: rows stay that bear a part of the name and the mark of every pressed button; the last row is their mean.
for (const form of document.querySelectorAll(".filter")) {
  const table = document.getElementById(form.dataset.table);
  const rows = [...table.tBodies[0].rows];
  const mean = [...table.tFoot.rows[0].cells];
  const whole = mean.map((cell) => [cell.innerHTML, cell.dataset.v]); // as the run's summaries state it
  const [name, told] = [form.querySelector("input"), form.querySelector("output")];
  const marks = [...form.querySelectorAll("button[data-mark]")];

  function narrow() {
    const part = name.value.trim().toLowerCase();
    const pressed = marks.filter((b) => b.getAttribute("aria-pressed") === "true").map((b) => b.dataset.mark);
    for (const row of rows) {
      const has = row.dataset.marks.split(" ");
      row.hidden = !(row.cells[0].dataset.v.toLowerCase().includes(part) && pressed.every((mark) => has.includes(mark)));
    }
    const left = rows.filter((row) => !row.hidden);
    told.textContent = `${left.length} of ${rows.length} sequences`;
    mean.forEach((cell, x) => {
      if (left.length === rows.length) [cell.innerHTML, cell.dataset.v] = whole[x];
      else if (x === 0) cell.textContent = "mean of these";
      else if (whole[x][1] !== undefined) {
        const known = left.map((row) => row.cells[x].dataset.v).filter((v) => v !== "").map(Number);
        const value = known.reduce((a, b) => a + b, 0) / known.length;
        cell.dataset.v = known.length ? value : "";
        cell.textContent = known.length ? (100 * value).toFixed(1).replace("-", "−") : "–";
      }
    });
  }

  name.addEventListener("input", narrow);
  for (const mark of marks) {
    mark.addEventListener("click", () => {
      mark.setAttribute("aria-pressed", mark.getAttribute("aria-pressed") !== "true");
      narrow();
    });
  }
  form.querySelector("[data-clear]").addEventListener("click", () => {
    name.value = "";
    for (const mark of marks) mark.setAttribute("aria-pressed", "false");
    narrow();
  });
}
