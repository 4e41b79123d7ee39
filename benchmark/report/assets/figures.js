"use strict";
const benchPage = { changed: [] };

/* Figures: drawn when they come into sight of the layout, again in the other colours, and light for a printer. */
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const colours = JSON.parse(document.getElementById("dark-colours").textContent);
  const sources = [...document.querySelectorAll("script[data-figure]")];
  // No button that offers to upload a chart: the page keeps its data to itself.
  const config = { displaylogo: false, responsive: true, plotlyServerURL: "", modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d", "sendChartToCloud", "sendDataToCloud"] };
  const drawn = new Set();
  const placeOf = (source) => document.getElementById(source.dataset.figure);
  const visible = (source) => placeOf(source).clientWidth > 0;
  let printing = false;

  benchPage.figure = (id, onDark = dark.matches && !printing) => {
    let text = document.querySelector(`script[data-figure="${id}"]`).textContent;
    if (onDark) for (const [light, other] of Object.entries(colours)) text = text.replaceAll(light, other);
    return JSON.parse(text);
  };

  benchPage.plot = (place, figure) => {
    const narrow = place.clientWidth < 420;
    if (narrow) figure.layout.margin = { ...figure.layout.margin, l: Math.min(figure.layout.margin.l ?? 56, 44), r: 6 };
    Plotly.react(place, figure.data, figure.layout, { ...config, displayModeBar: narrow || printing || !matchMedia("(hover: hover)").matches ? false : "hover" });
    // The toolbar is for a pointer: what it does can be read from the tables without it.
    for (const tool of place.querySelectorAll(".modebar-btn, .modebar-btn a")) tool.tabIndex = -1;
  };

  function draw(source) {
    benchPage.plot(placeOf(source), benchPage.figure(source.dataset.figure));
    drawn.add(source);
  }

  for (const source of sources) placeOf(source).style.minHeight = `${placeOf(source).dataset.height}px`;

  // In the pauses, nearest first, so that the page answers while it fills.
  function distance(source) {
    const box = placeOf(source).getBoundingClientRect();
    return box.top < innerHeight && box.bottom > 0 ? 0 : Math.max(box.top, 1);
  }
  function next() {
    const waiting = sources.filter((source) => !drawn.has(source) && visible(source));
    if (!waiting.length) { document.documentElement.dataset.drawn = "all"; return; }
    draw(waiting.reduce((a, b) => (distance(b) < distance(a) ? b : a)));
    setTimeout(next, 0);
  }
  benchPage.fill = () => { document.documentElement.dataset.drawn = "some"; next(); };
  setTimeout(next, 0);

  function redraw() {
    for (const source of drawn) if (visible(source)) draw(source); else drawn.delete(source);
    benchPage.changed.forEach((tell) => tell());
  }
  document.addEventListener("toggle", (event) => { if (event.target.open && !printing) benchPage.fill(); }, true);
  dark.addEventListener("change", redraw);

  // A link to a part in a fold opens the fold.
  function reveal() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let fold = target?.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    if (target?.closest("details")) target.scrollIntoView();
  }
  addEventListener("hashchange", reveal);
  reveal();

  let closed = [];
  addEventListener("beforeprint", () => {
    printing = true;
    document.documentElement.classList.add("printing");
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const fold of closed) fold.open = true;
    benchPage.fit?.();
    for (const source of sources) draw(source);
    benchPage.changed.forEach((tell) => tell());
  });
  addEventListener("afterprint", () => {
    printing = false;
    document.documentElement.classList.remove("printing");
    for (const fold of closed) fold.open = false;
    benchPage.fit?.();
    redraw();
  });
})();
