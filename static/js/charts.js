/* charts.js: draws every [data-chart]; colours in a figure are token names, so one figure serves light, dark and paper. */
(function () {
  "use strict";
  const NARROW = 560, PAPER = 700; // px: under the first the figure's `compact` layout holds; the second is A4's text width
  const root = document.documentElement;
  const token = (name) => getComputedStyle(root).getPropertyValue(name).trim();

  function paint(value) {
    if (typeof value === "string") return value.startsWith("--") ? token(value) : value;
    if (Array.isArray(value)) return value.map(paint);
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, paint(v)]));
    return value;
  }

  function merge(base, over) {
    const out = { ...base };
    for (const [k, v] of Object.entries(over || {})) out[k] = v && typeof v === "object" && !Array.isArray(v) && out[k] ? merge(out[k], v) : v;
    return out;
  }

  const house = () => ({
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: token("--ink-2") },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, hovermode: "closest", dragmode: false,
    hoverlabel: { bgcolor: token("--ink"), bordercolor: token("--ink"), font: { color: token("--surface"), size: 13 } },
  });
  const axis = () => ({ gridcolor: token("--c-grid"), linecolor: token("--c-axis"), tickcolor: token("--c-axis"), zeroline: false, automargin: false });

  function draw(el, width) {
    const source = document.getElementById(el.id + "-data");
    if (!source || !window.Plotly) return;
    const figure = JSON.parse(source.textContent);
    const narrow = el.clientWidth < NARROW;
    let layout = merge(house(), paint(narrow ? merge(figure.layout, figure.compact) : figure.layout));
    for (const key of Object.keys(layout)) if (/^[xy]axis/.test(key)) layout[key] = merge(axis(), layout[key]);
    if (width) layout.width = Math.min(width, el.clientWidth);
    if (layout.height) el.style.minHeight = layout.height + "px";
    // numbers inside cells would be too small on a phone; the table below the chart holds them
    const data = paint(figure.data).map((trace) => (narrow && trace.meta === "cells" ? { ...trace, textposition: "none" } : trace));
    Plotly.react(el, data, layout, { displayModeBar: false, responsive: !width });
    el.dataset.drawn = narrow ? "narrow" : "wide";
  }

  const charts = (which) => [...document.querySelectorAll(which || "[data-chart]")];
  const redraw = () => charts().forEach((el) => draw(el));
  addEventListener("DOMContentLoaded", redraw);
  document.addEventListener("htmx:after:swap", () => charts("[data-chart]:not([data-drawn])").forEach((el) => draw(el)));
  document.addEventListener("toggle", (e) => { // a chart in closed details had no width to be drawn in
    if (e.target.open) [...e.target.querySelectorAll("[data-chart]")].forEach((el) => draw(el));
  }, true);

  let waiting = 0; // turned or resized past the limit: the other layout; within it Plotly fits the chart by itself
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => charts().forEach((el) => {
      if (!printing && el.dataset.drawn && el.dataset.drawn !== (el.clientWidth < NARROW ? "narrow" : "wide")) draw(el);
    }), 150);
  });

  let theme = root.dataset.bsTheme, printing = false;
  new MutationObserver(() => {
    if (printing || theme === root.dataset.bsTheme) return;
    theme = root.dataset.bsTheme;
    redraw();
  }).observe(root, { attributes: true, attributeFilter: ["data-bs-theme"] });

  let opened = [];
  addEventListener("beforeprint", () => {
    printing = true;
    theme = root.dataset.bsTheme;
    root.dataset.bsTheme = "light"; // paper is white
    opened = [...document.querySelectorAll(".fig details:not([open])")];
    opened.forEach((details) => { details.open = true; });
    charts().forEach((el) => draw(el, PAPER));
  });
  addEventListener("afterprint", () => {
    opened.forEach((details) => { details.open = false; });
    root.dataset.bsTheme = theme;
    redraw();
    printing = false;
  });

  document.addEventListener("click", (e) => {
    const save = e.target.closest("[data-png]");
    if (save) Plotly.downloadImage(save.dataset.png, { format: "png", scale: 2, filename: save.dataset.name || save.dataset.png });
  });
})();
