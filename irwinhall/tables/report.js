// Sorts and filters the tables of the report. Without it, the page shows all rows.
"use strict";

// The number to sort a cell by: the first of a pair, the value of a fraction, -Infinity for no number.
function number(text) {
  const found = text.match(/^(-?[\d.]+(?:e[-+]?\d+)?)(?:\/(\d+))?/);
  if (found) return Number(found[1]) / Number(found[2] ?? 1);
  return text.startsWith("infinity") ? Infinity : -Infinity;
}

// For "series_4<1e-6 n>=100 word": comparisons of a column's absolute values, and words in any cell.
function condition(term, columns) {
  const found = term.match(/^(\w+)(<=|>=|<|>|=)(.+)$/);
  const column = found ? columns.indexOf(found[1]) : -1;
  if (column < 0) return (row) => row.textContent.toLowerCase().includes(term);
  const limit = Math.abs(Number(found[3]));
  const holds = {
    "<": (x) => x < limit, "<=": (x) => x <= limit, "=": (x) => x === limit,
    ">": (x) => x > limit, ">=": (x) => x >= limit,
  }[found[2]];
  return (row) => {
    const text = row.cells[column].textContent;
    return text !== "" && holds(Math.abs(number(text)));
  };
}

function prepare(section) {
  const table = section.querySelector("table");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  const columns = heads.map((head) => head.dataset.column);
  const input = section.querySelector("input");
  const count = section.querySelector("output");

  function filter() {
    const terms = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const conditions = terms.map((term) => condition(term, columns));
    let shown = 0;
    for (const row of rows) {
      row.hidden = !conditions.every((holds) => holds(row));
      shown += !row.hidden;
    }
    count.textContent = `${shown} of ${rows.length} rows`;
  }

  function sort(index) {
    const head = heads[index];
    const descending = head.getAttribute("aria-sort") === "ascending";
    const numeric = head.classList.contains("number");
    const errors = head.classList.contains("error");
    const keys = new Map(rows.map((row) => {
      const text = row.cells[index].textContent;
      const value = errors && text !== "" ? Math.abs(number(text)) : number(text);
      return [row, numeric ? value : text];
    }));
    const sign = descending ? -1 : 1;
    const order = (a, b) => (a < b ? -sign : a > b ? sign : 0);
    body.append(...rows.sort((a, b) => order(keys.get(a), keys.get(b))));
    for (const other of heads) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", descending ? "descending" : "ascending");
  }

  input.addEventListener("input", filter);
  heads.forEach((head, index) => {
    head.querySelector("button").addEventListener("click", () => sort(index));
  });
  section.querySelector(".tools").hidden = false;
  filter();
}

for (const section of document.querySelectorAll("section.table")) prepare(section);

for (const button of document.querySelectorAll("button.copy")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.parentElement.querySelector("code").textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
}

// A link to a form opens its details.
function open() {
  const details = document.getElementById(location.hash.slice(1));
  if (details instanceof HTMLDetailsElement) details.open = true;
}
addEventListener("hashchange", open);
open();
