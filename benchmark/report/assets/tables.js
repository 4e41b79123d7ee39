/* Tables: cells wrap, then rows become blocks, where a table would be wider than its place; columns sort on a click. */
(() => {
  const regions = [...document.querySelectorAll(".table")];

  // What each column is called, with the heading above it where there are two lines of them.
  function headings(table) {
    const names = [];
    const rows = [...table.tHead.rows];
    const filled = rows.map(() => []);
    rows.forEach((row, at) => {
      let column = 0;
      for (const cell of row.cells) {
        while (filled[at][column] !== undefined) column++;
        const text = (cell.querySelector("button") ?? cell).textContent.trim();
        for (let down = 0; down < cell.rowSpan; down++) for (let k = 0; k < cell.colSpan; k++) filled[at + down][column + k] = down ? "" : text;
        column += cell.colSpan;
      }
    });
    const last = filled.at(-1).map((text, column) => text || filled[0][column]);
    last.forEach((text, column) => {
      const group = filled[0][column];
      names.push(group && group !== text && last.indexOf(text) !== last.lastIndexOf(text) ? `${group} · ${text}` : text);
    });
    return names;
  }

  benchPage.label = (table) => {
    const names = headings(table);
    for (const row of table.tBodies[0].rows) [...row.cells].forEach((cell, column) => { cell.dataset.label = names[column] ?? ""; });
  };

  function fit(region) {
    if (!region.clientWidth) return;
    const table = region.querySelector("table");
    region.classList.remove("wrapped", "stacked");
    if (table.scrollWidth > region.clientWidth) region.classList.add("wrapped");
    if (table.scrollWidth > region.clientWidth) {
      benchPage.label(table);
      region.classList.add("stacked");
    }
    // Only what has to be scrolled needs to be reached.
    if (region.scrollWidth > region.clientWidth) region.tabIndex = 0; else region.removeAttribute("tabindex");
  }
  benchPage.fit = () => regions.forEach(fit);
  const widths = new Map();
  const observer = new ResizeObserver((entries) => {
    for (const entry of entries) {
      if (widths.get(entry.target) === entry.contentRect.width) continue;
      widths.set(entry.target, entry.contentRect.width);
      fit(entry.target);
    }
  });
  benchPage.fit();
  for (const region of regions) observer.observe(region);

  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
      const numbers = column > 0;
      const down = head.getAttribute("aria-sort") ? head.getAttribute("aria-sort") === "ascending" : numbers;
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = (row) => numbers ? row.cells[column].dataset.order : row.cells[column].textContent;
      const rows = [...table.tBodies[0].rows].sort((a, b) => {
        const x = key(a), y = key(b);
        if (numbers && (x === "" || y === "")) return (x === "") - (y === "");  // without a number: last
        const order = numbers ? Number(x) - Number(y) : x.localeCompare(y, "en", { numeric: true });
        return down ? -order : order;
      });
      table.tBodies[0].append(...rows);
    }));
  }
})();
