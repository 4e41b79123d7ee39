"use strict";
for (const source of document.querySelectorAll("script[data-figure]")) {
  const figure = JSON.parse(source.textContent);
  const config = { displaylogo: false, responsive: true, modeBarButtonsToRemove: ["lasso2d", "select2d"] };
  Plotly.newPlot(source.dataset.figure, figure.data, figure.layout, config);
}
