/* Threshold explorer: the table, the points on the curves, and both in the page's address. */
(() => {
  const form = document.getElementById("explorer-form");
  if (!form) return;
  const data = JSON.parse(document.getElementById("explorer-data").textContent);
  const slider = document.getElementById("recall"), prevalence = document.getElementById("prevalence");
  const table = document.getElementById("explorer-table"), body = table.tBodies[0];
  const caption = document.getElementById("explorer-caption");
  const plots = [...document.querySelectorAll(".explorer-plot")];
  const fixed = (value, places) => Number.isFinite(value) ? value.toFixed(places) : "–";
  let cells = [];

  const at = () => Number(new FormData(form).get("cohort"));
  const cohort = () => data.cohorts[at()];

  function reset() {
    const own = cohort().prevalence;
    prevalence.value = own === null ? "" : (100 * own).toFixed(2);
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
    benchPage.label(table);
  }

  // The cohort's own curves, with one point a model that moves in place of the points of the table.
  function curves() {
    for (const place of plots) {
      const id = cohort()[place.dataset.kind];
      place.closest("figure").hidden = !id;
      if (!id) continue;
      const figure = benchPage.figure(id);
      figure.data = figure.data.filter((trace) => trace.mode !== "markers");
      const lines = figure.data.filter((trace) => trace.meta?.curve !== undefined);
      place.dataset.first = figure.data.length;
      for (const line of lines) {
        figure.data.push({
          type: "scatter", mode: "markers", x: [null], y: [null], xaxis: line.xaxis, yaxis: line.yaxis, name: line.name,
          legendgroup: line.legendgroup, showlegend: false, meta: { point: line.meta.curve }, cliponaxis: false,
          marker: { color: line.line.color, size: 12, symbol: line.meta.symbol, line: { color: figure.layout.font.color, width: 1.5 } },
          hovertemplate: "(%{x:.3f}, %{y:.3f})<extra>%{fullData.name}</extra>",
        });
      }
      benchPage.plot(place, figure);
    }
  }

  function move(rows) {
    for (const place of plots) {
      if (!place.data || place.closest("figure").hidden) continue;
      const points = place.data.map((trace, index) => ({ trace, index })).filter(({ trace }) => trace.meta?.point !== undefined);
      const pairs = points.map(({ trace }) => {
        const row = rows[trace.meta.point];
        return place.dataset.kind === "roc" ? [row[2], row[0]] : [row[0], row[3]];
      });
      Plotly.restyle(place, { x: pairs.map((pair) => [pair[0]]), y: pairs.map((pair) => [pair[1]]) }, points.map(({ index }) => index));
    }
  }

  let waiting = 0, latest = null;
  function moveSoon(rows) {
    latest = rows;
    waiting ||= requestAnimationFrame(() => { waiting = 0; move(latest); });
  }

  function update() {
    const c = cohort(), step = Number(slider.value) - 1, recall = data.recalls[step];
    const share = Number(prevalence.value) / 100;
    const valid = prevalence.value !== "" && share > 0 && share < 1;
    prevalence.setAttribute("aria-invalid", String(!valid));
    document.getElementById("recall-value").textContent = recall.toFixed(3);
    slider.setAttribute("aria-valuetext", `recall at least ${recall}`);
    caption.textContent = `${c.name}: recall ≥ ${recall.toFixed(3)}, prevalence set to ${valid ? prevalence.value : "–"} %`;
    const rows = c.models.map((model) => {
      const tp = model.tp[step], fp = model.fp[step], reached = tp / c.positives, fpr = fp / c.negatives;
      const found = 1000 * share * reached, alarms = 1000 * (1 - share) * fpr;
      return valid
        ? [reached, tp, fpr, tp / (tp + fp), model.threshold[step], found, 1000 * share - found, alarms, found / (found + alarms)]
        : [reached, tp, fpr, tp / (tp + fp), model.threshold[step], NaN, NaN, NaN, NaN];
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
      const tied = rivals.every((row) => fixed(row[column], places[column]) === best);
      texts.forEach((row, index) => {
        const cell = cells[index][column];
        cell.textContent = row[column];
        cell.style.fontWeight = !tied && c.models[index].competes && row[column] === best && best !== "–" ? "680" : "";
      });
    }
    moveSoon(rows);
  }

  // The state stands in the address, so that a link or a reload shows the same.
  function remember() {
    const state = new URLSearchParams({ cohort: String(at() + 1), recall: String(data.recalls[Number(slider.value) - 1]), prevalence: prevalence.value });
    history.replaceState(null, "", `#explorer?${state}`);
  }

  function restore() {
    const [where, text] = location.hash.slice(1).split("?");
    if (where !== "explorer" || text === undefined) return false;
    const state = new URLSearchParams(text);
    const chosen = form.querySelector(`input[name=cohort][value="${Number(state.get("cohort")) - 1}"]`);
    if (chosen) chosen.checked = true;
    reset();
    const place = data.recalls.findIndex((value) => Math.abs(value - Number(state.get("recall"))) < 1e-9);
    if (place >= 0) slider.value = place + 1;
    const share = Number(state.get("prevalence"));
    if (share > 0 && share < 100) prevalence.value = String(share);
    return true;
  }

  function show() { build(); curves(); update(); }

  form.addEventListener("input", (event) => {
    if (event.target.name === "cohort") { reset(); build(); curves(); }
    update();
  });
  form.addEventListener("change", remember);
  form.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("prevalence-reset").addEventListener("click", () => { reset(); update(); remember(); });
  benchPage.changed.push(() => { curves(); update(); move(latest); });
  addEventListener("hashchange", () => { if (restore()) show(); });
  reset();
  const named = restore();
  show();
  if (named) document.getElementById("explorer").scrollIntoView();
})();
