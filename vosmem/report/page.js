// Tables sort by a click on a heading: first click the way one looks for (figures from the top, names from A), second the other way.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const key = (row, column) => row.cells[column].dataset.v ?? "";
  // Two header rows span columns; a button sorts the column under it, found by where it stands in the grid.
  const taken = [];
  [...table.tHead.rows].forEach((row, r) => {
    let column = 0;
    for (const cell of row.cells) {
      while ((taken[r] ??= [])[column]) column++;
      for (let y = r; y < r + cell.rowSpan; y++) for (let x = column; x < column + cell.colSpan; x++) (taken[y] ??= [])[x] = true;
      const at = column;
      cell.querySelector("button")?.addEventListener("click", () => sort(cell, at));
      column += cell.colSpan;
    }
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
