"use strict";
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const colours = JSON.parse(document.getElementById("dark-colours").textContent);
  const sources = [...document.querySelectorAll("script[data-figure]")];
  // No button that offers to upload a chart: the page keeps its data to itself.
  const config = { displaylogo: false, responsive: true, plotlyServerURL: "", modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d", "sendChartToCloud", "sendDataToCloud"] };
  const drawn = new Set();

  function figureOf(source, onDark) {
    let text = source.textContent;
    if (onDark) for (const [light, other] of Object.entries(colours)) text = text.replaceAll(light, other);
    return JSON.parse(text);
  }

  function draw(source, onDark = dark.matches) {
    const figure = figureOf(source, onDark);
    const place = document.getElementById(source.dataset.figure);
    const narrow = place.clientWidth < 420;
    if (narrow) figure.layout.margin = { ...figure.layout.margin, l: Math.min(figure.layout.margin.l ?? 56, 44), r: 6 };
    Plotly.react(place, figure.data, figure.layout, { ...config, displayModeBar: narrow ? false : "hover" });
    drawn.add(source);
  }

  for (const source of sources) {
    const place = document.getElementById(source.dataset.figure);
    place.style.minHeight = `${place.dataset.height}px`;
  }

  // The first figures are drawn at once, the rest in the pauses, nearest first, so that the page answers while it fills.
  for (const source of sources.slice(0, 3)) draw(source);
  const queue = sources.slice().sort((a, b) => distance(a) - distance(b));
  function distance(source) {
    const box = document.getElementById(source.dataset.figure).getBoundingClientRect();
    return box.top < innerHeight && box.bottom > 0 ? 0 : Math.max(box.top, 1);
  }
  function next() {
    const source = queue.shift();
    if (!source) { document.documentElement.dataset.drawn = "all"; return; }
    if (!drawn.has(source)) draw(source);
    setTimeout(next, 0);
  }
  setTimeout(next, 0);

  dark.addEventListener("change", () => { for (const source of drawn) draw(source); });
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const fold of closed) fold.open = true;
    for (const source of sources) draw(source, false);
  });
  addEventListener("afterprint", () => {
    for (const fold of closed) fold.open = false;
    for (const source of sources) draw(source);
  });

  const form = document.getElementById("explorer-form");
  if (!form) return;
  const data = JSON.parse(document.getElementById("explorer-data").textContent);
  const slider = document.getElementById("recall"), prevalence = document.getElementById("prevalence");
  const body = document.querySelector("#explorer-table tbody"), caption = document.getElementById("explorer-caption");
  const fixed = (value, places) => Number.isFinite(value) ? value.toFixed(places) : "–";
  let cells = [];

  function cohort() { return data.cohorts[Number(new FormData(form).get("cohort"))]; }

  function reset() {
    const c = cohort();
    prevalence.value = (100 * c.positives / (c.positives + c.negatives)).toFixed(2);
  }

  function build() {
    body.replaceChildren();
    cells = cohort().models.map((model) => {
      const row = body.insertRow();
      const head = document.createElement("th");
      head.scope = "row";
      head.textContent = model.name;
      row.append(head);
      return Array.from({ length: 9 }, () => row.insertCell());
    });
  }

  function update() {
    const c = cohort(), at = Number(slider.value) - 1, recall = data.recalls[at];
    const share = Number(prevalence.value) / 100;
    const valid = prevalence.value !== "" && share > 0 && share < 1;
    prevalence.setAttribute("aria-invalid", String(!valid));
    document.getElementById("recall-value").textContent = recall.toFixed(3);
    slider.setAttribute("aria-valuetext", `recall at least ${recall}`);
    caption.textContent = `${c.name}: recall ≥ ${recall.toFixed(3)}, prevalence set to ${valid ? prevalence.value : "–"} %`;
    const rows = c.models.map((model) => {
      const tp = model.tp[at], fp = model.fp[at], reached = tp / c.positives, fpr = fp / c.negatives;
      const found = 1000 * share * reached, alarms = 1000 * (1 - share) * fpr;
      return valid
        ? [reached, tp, fpr, tp / (tp + fp), model.threshold[at], found, 1000 * share - found, alarms, found / (found + alarms)]
        : [reached, tp, fpr, tp / (tp + fp), model.threshold[at], NaN, NaN, NaN, NaN];
    });
    const texts = rows.map((row) => [
      fixed(row[0], 3), `${row[1]}/${c.positives}`, fixed(row[2], 3), fixed(row[3], 3), String(row[4]),
      fixed(row[5], 1), fixed(row[6], 1), fixed(row[7], 1), fixed(row[8], 3),
    ]);
    // Found and missed follow from the recall that was aimed at; ties alone raise them.
    const better = { 2: Math.min, 3: Math.max, 7: Math.min, 8: Math.max };
    const places = { 2: 3, 3: 3, 7: 1, 8: 3 };
    const rivals = rows.filter((_, index) => c.models[index].competes);
    for (let column = 0; column < 9; column++) {
      const best = column in better && rows.length > 1 ? fixed(better[column](...rivals.map((row) => row[column])), places[column]) : null;
      texts.forEach((row, index) => {
        const cell = cells[index][column];
        cell.textContent = row[column];
        cell.style.fontWeight = c.models[index].competes && row[column] === best && best !== "–" ? "680" : "";
      });
    }
  }

  form.addEventListener("input", (event) => {
    if (event.target.name === "cohort") { reset(); build(); }
    update();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("prevalence-reset").addEventListener("click", () => { reset(); update(); });
  reset();
  build();
  update();
})();
