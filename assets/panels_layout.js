/* Where the six panels are, and the Plotly figure that carries their axes.
 *
 * The figure on the page holds axes only: one invisible trace per panel that spans the data, so that
 * Plotly's own zoom, pan and "reset" work. The points lie on a canvas below it (panels.js). All boxes are
 * whole CSS pixels and come from these functions alone, so canvas and axes agree exactly.
 */
(() => {
  "use strict";
  const C = (window.centaurus ??= {});

  const MARGIN = { l: 62, r: 12, t: 30, b: 48 };
  const GAP = { x: 26, y: 40 }; // the vertical one holds the next row's titles
  const OWNER = "centaurus-panels";

  /** Pixel boxes of `count` panels in a graph of `width`; tells the height that they need. */
  function panelBoxes(count, width) {
    const inner = width - MARGIN.l - MARGIN.r;
    const columns = inner >= 620 ? 3 : inner >= 340 ? 2 : 1;
    const rows = Math.ceil(count / columns);
    const w = Math.max(40, Math.floor((inner - (columns - 1) * GAP.x) / columns));
    const h = Math.round(Math.min(340, Math.max(150, 0.68 * w)));
    const boxes = [];
    for (let i = 0; i < count; i++) {
      const column = i % columns;
      const row = Math.floor(i / columns);
      boxes.push({
        x: MARGIN.l + column * (w + GAP.x),
        y: MARGIN.t + row * (h + GAP.y),
        w,
        h,
        first: column === 0,
        last: row === rows - 1 || i + columns >= count,
      });
    }
    return { boxes, width, height: MARGIN.t + rows * h + (rows - 1) * GAP.y + MARGIN.b };
  }

  /** Plotly reads a few tags and entities in texts; a column's name must show as it is. */
  function plain(text) {
    return String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  }

  function axisTitle(points, index) {
    if (index == null) return "";
    const unit = points.units[index];
    return plain(points.columns[index]) + (unit ? ` (${plain(unit)})` : "");
  }

  const axisName = (letter, i) => (i ? `${letter}axis${i + 1}` : `${letter}axis`);
  const axisRef = (letter, i) => (i ? `${letter}${i + 1}` : letter);

  /** Layout with one pair of matching axes per panel. `state`: {grid, titles: [x, y], ink, font, flatY}. */
  function axesLayout({ grid, titles, ink, font, flatY }) {
    const innerWidth = grid.width - MARGIN.l - MARGIN.r;
    const innerHeight = grid.height - MARGIN.t - MARGIN.b;
    const layout = {
      width: grid.width,
      height: grid.height,
      margin: { ...MARGIN, pad: 0, autoexpand: false },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: font, size: 12, color: ink.text },
      showlegend: false,
      hovermode: false,
      dragmode: "zoom",
      modebar: {
        // Plotly's own picture would lack the points; the Export menu's has them (figure_export.js).
        remove: ["toImage", "select2d", "lasso2d", "autoScale2d"],
        bgcolor: "rgba(0,0,0,0)",
        color: ink.muted,
        activecolor: ink.text,
      },
      meta: OWNER,
    };
    const common = {
      autorange: true,
      showgrid: false,
      zeroline: false,
      showline: true,
      linecolor: ink.axis,
      tickcolor: ink.axis,
      ticks: "outside",
      ticklen: 4,
      nticks: 6,
      automargin: false,
      exponentformat: "SI",
      title: { text: "", standoff: 6, font: { size: 12 } },
    };
    grid.boxes.forEach((box, i) => {
      layout[axisName("x", i)] = {
        ...common,
        domain: [(box.x - MARGIN.l) / innerWidth, (box.x - MARGIN.l + box.w) / innerWidth],
        anchor: axisRef("y", i),
        showticklabels: box.last,
        title: { ...common.title, text: box.last ? titles[0] : "" },
        ...(i ? { matches: "x" } : {}),
      };
      const bottom = box.y - MARGIN.t + box.h;
      layout[axisName("y", i)] = {
        ...common,
        domain: [1 - bottom / innerHeight, 1 - (bottom - box.h) / innerHeight],
        anchor: axisRef("x", i),
        showticklabels: box.first && !flatY,
        ticks: flatY ? "" : "outside",
        fixedrange: flatY,
        title: { ...common.title, text: box.first ? titles[1] : "" },
        ...(i ? { matches: "y" } : {}),
      };
    });
    return layout;
  }

  function extent(values) {
    let low = Infinity;
    let high = -Infinity;
    for (const v of values) {
      if (v < low) low = v;
      if (v > high) high = v;
    }
    if (!(low <= high)) return [0, 1];
    return low === high ? [low - 0.5, high + 0.5] : [low, high];
  }

  /** The invisible traces: both corners of the data in every panel, so that autorange shows all points. */
  function spanTraces(count, xs, ys) {
    const [x, y] = [extent(xs), extent(ys)];
    return Array.from({ length: count }, (_, i) => ({
      type: "scatter",
      mode: "markers",
      x,
      y,
      xaxis: axisRef("x", i),
      yaxis: axisRef("y", i),
      marker: { size: 4, opacity: 0 },
      hoverinfo: "skip",
    }));
  }

  C.panelsLayout = { panelBoxes, axesLayout, axisTitle, axisName, axisRef, extent, spanTraces, plain, OWNER };
})();
