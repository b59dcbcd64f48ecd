/* Pictures of the graphs: PNG and SVG, made in the browser from what is on the screen.
 *
 * The panels' points lie on a canvas, so their picture is drawn from a real Plotly figure with the points
 * as traces, off the screen. Other graphs are downloaded as they are.
 */
(() => {
  "use strict";
  const C = (window.centaurus ??= {});
  const dc = (window.dash_clientside ??= {});

  // Above these, points are drawn with WebGL: quick, but a picture inside an SVG file. WebGL lies above
  // all other traces, so then ellipses and centres are drawn with it, too.
  const VECTOR_POINTS = { svg: 60_000, png: 30_000 };
  const PNG_SCALE = 2;

  /** The six panels at state.k as {data, layout}: points, ellipses, numbered centres, titles. */
  function panelsFigure(format) {
    const { style, theme, cache, k } = C.live.state;
    const ink = style.ink[theme];
    const { ix, iy, xs, ys } = C.panels.coordinates();
    const shown = C.panels.describe();
    const L = C.panelsLayout;
    const grid = L.panelBoxes(style.types.length, 1100);
    const layout = L.axesLayout({
      grid,
      titles: [L.axisTitle(cache.points, ix), L.axisTitle(cache.points, iy)],
      ink,
      font: style.font_family,
      flatY: iy === null,
    });
    Object.assign(layout, { paper_bgcolor: ink.background, plot_bgcolor: ink.background, annotations: [] });
    const kind = xs.length * style.types.length <= VECTOR_POINTS[format] ? "scatter" : "scattergl";
    const data = [];
    style.types.forEach((type, i) => {
      const axes = { xaxis: L.axisRef("x", i), yaxis: L.axisRef("y", i) };
      for (const [letter, range] of [["x", shown.view.x], ["y", shown.view.y]]) {
        Object.assign(layout[L.axisName(letter, i)], { autorange: false, range: [...range] });
      }
      const { name, score, mark, sentence } = shown.titles[i];
      layout.annotations.push({
        text: L.plain([name, score, mark].filter(Boolean).join(" · ") || name),
        xref: `${axes.xaxis} domain`,
        yref: `${axes.yaxis} domain`,
        x: 0,
        y: 1,
        xanchor: "left",
        yanchor: "bottom",
        showarrow: false,
        font: { size: 13 },
      });
      const cell = cache.cell(type, k);
      if (sentence || !cell?.model) data.push({ type: "scatter", x: [], y: [], ...axes });
      else {
        data.push(...panelTraces(cell, { ix, iy, xs, ys, axes, kind, ink }));
        layout.annotations.push(...numbers(cell, ix, iy, axes));
      }
    });
    return { data, layout };
  }

  function panelTraces(cell, { ix, iy, xs, ys, axes, kind, ink }) {
    const { clusters } = cell.model;
    const colours = C.panels.clusterColours(cell.type, cell.k, clusters.length);
    const marker = { size: 2 * C.raster.pointRadius(xs.length), opacity: 0.8, line: { width: 0 } };
    const points = clusters.map((_, c) => {
      const rows = [];
      for (let i = 0; i < cell.labels.length; i++) if (cell.labels[i] === c) rows.push(i);
      return {
        type: kind,
        mode: "markers",
        name: `${cell.type}, cluster ${c + 1}`,
        x: rows.map((i) => xs[i]),
        y: rows.map((i) => ys[i]),
        marker: { ...marker, color: colours[c] },
        ...axes,
      };
    });
    const ellipses = !C.live.state.ellipses
      ? []
      : clusters.map((cluster, c) => {
          const path = C.shapes.ellipsePath(cluster, ix, iy);
          path.push(path[0]);
          return {
            type: kind,
            mode: "lines",
            x: path.map((p) => p[0]),
            y: path.map((p) => p[1]),
            line: { color: colours[c], width: 2 },
            ...axes,
          };
        });
    const centres = {
      type: kind,
      mode: "markers",
      name: `${cell.type}, centres`,
      x: clusters.map((cluster) => cluster.mean[ix]),
      y: clusters.map((cluster) => (iy === null ? 0.5 : cluster.mean[iy])),
      marker: { size: 16, color: ink.background, line: { width: 2, color: colours } },
      ...axes,
    };
    return [...points, ...ellipses, centres];
  }

  /** The clusters' numbers on their centres, above everything. */
  function numbers(cell, ix, iy, { xaxis, yaxis }) {
    return cell.model.clusters.map((cluster, c) => ({
      text: String(c + 1),
      x: cluster.mean[ix],
      y: iy === null ? 0.5 : cluster.mean[iy],
      xref: xaxis,
      yref: yaxis,
      showarrow: false,
      font: { size: 11 },
    }));
  }

  async function exportFigure(graphId, format, name) {
    const { state } = C.live;
    const filename = name ?? `centaurus-${graphId.replace(/-graph$/, "")}`;
    if (graphId === state.style?.ids.PANELS_GRAPH) {
      if (!state.cache?.points || !C.panels.describe().view) return;
      const figure = panelsFigure(format);
      const { width, height } = figure.layout;
      await window.Plotly.downloadImage(figure, { format, width, height, scale: PNG_SCALE, filename });
      return;
    }
    const gd = document.getElementById(graphId)?.querySelector(".js-plotly-plot");
    if (!gd) return;
    const [width, height] = [gd.clientWidth, gd.clientHeight];
    await window.Plotly.downloadImage(gd, { format, width, height, scale: PNG_SCALE, filename });
  }

  dc.centaurus ??= {};
  dc.centaurus.exportFigure = async (graphId, format, name) => {
    try {
      await exportFigure(graphId, format, name);
    } catch (error) {
      console.error(`export of ${graphId}:`, error);
    }
    return dc.no_update;
  };

  C.panelsFigure = panelsFigure;
})();
