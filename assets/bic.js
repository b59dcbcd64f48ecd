/* The model selection chart while a job runs: a criterion over K, one line per covariance type.
 *
 * Traces and their order are those of dashboard/figures/bic.py (per type: lower edge, upper edge, line;
 * then the star), so that a picture exported by the server looks the same; one more trace at the end marks
 * the selected clustering. The figure is written as the graph's property, because dcc.Graph plots the one
 * that it knows after every zoom; the zoom itself is carried over here, legend clicks by uirevision.
 */
(() => {
  "use strict";
  const C = (window.centaurus ??= {});

  const OWNER = "centaurus-curves";
  const REST_FACTOR = 3;
  const TOP_PADDING = 0.08;
  const UNRELIABLE_SYMBOL = "x-thin-open"; // no fit has enough members in every cluster

  let state = null;
  let gd = null;
  let hovered = null; // points under the pointer
  let scheduled = false;
  let wanted = "all"; // how much of the score axis: "all" | "top"
  let topRange = null; // as last drawn, to tell a person's zoom from it
  const drawn = { began: 0, at: 0, took: 0, empty: true }; // the last redraw: milliseconds

  // --- traces -----------------------------------------------------------------------------------

  function cellsOf(type) {
    const cells = [...(state.cache?.cells.values() ?? [])];
    return cells
      .filter((cell) => cell.type === type && cell.scores[state.criterion]?.mean != null)
      .sort((a, b) => a.k - b.k);
  }

  function pointNote(cell) {
    if (!cell.n || cell.n_eligible_experiments === cell.n) return "";
    if (!cell.n_eligible_experiments) return "<br>no fit has enough members in every cluster";
    return `<br>${cell.n_eligible_experiments} of them eligible; the others do not count`;
  }

  function withOpacity(colour, opacity) {
    const [r, g, b] = [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
    return `rgba(${r},${g},${b},${opacity})`;
  }

  function typeTraces(type) {
    const { style, criterion, theme } = state;
    const look = style.lines[type];
    const colour = look[theme];
    const cells = cellsOf(type);
    const scores = cells.map((cell) => cell.scores[criterion]);
    const shared = { type: "scatter", x: cells.map((cell) => cell.k), legendgroup: type, meta: type };
    const edge = { ...shared, mode: "lines", line: { width: 0, color: colour }, hoverinfo: "skip", showlegend: false };
    const name = style.criteria[criterion];
    return [
      { ...edge, y: scores.map((s) => s.low) },
      {
        ...edge,
        y: scores.map((s) => s.high),
        fill: "tonexty",
        fillcolor: withOpacity(colour, style.band_opacity),
      },
      {
        ...shared,
        y: scores.map((s) => s.mean),
        name: type,
        mode: "lines+markers",
        line: { color: colour, width: 2, dash: look.dash },
        marker: {
          color: colour,
          size: 8,
          line: { width: 2, color: colour },
          symbol: cells.map((cell) => (cell.eligible ? look.symbol : UNRELIABLE_SYMBOL)),
        },
        customdata: cells.map((cell, i) => [
          scores[i].low,
          scores[i].high,
          cell.n,
          cell.n_experiments,
          pointNote(cell),
        ]),
        hovertemplate:
          `<b>${type}, K = %{x}</b><br>mean ${name} %{y:,.1f} (higher is better)<br>` +
          "95 % of experiments: %{customdata[0]:,.1f} to %{customdata[1]:,.1f}<br>" +
          "%{customdata[2]} of %{customdata[3]} experiments%{customdata[4]}<extra></extra>",
        showlegend: cells.length > 0,
      },
    ];
  }

  function starTrace() {
    const record = state.cache?.recommended?.[state.criterion];
    const ink = state.style.ink[state.theme];
    const name = state.style.criteria[state.criterion];
    return {
      type: "scatter",
      x: record ? [record.k] : [],
      y: record ? [record.score] : [],
      name: "recommended",
      mode: "markers",
      marker: { symbol: "star", size: 18, color: ink.star, line: { color: ink.background, width: 1.5 } },
      text: record
        ? [`<b>Recommended: ${record.type}, K = ${record.k}</b><br>${name} ${C.text.number(record.score)} (higher is better)`]
        : [],
      hovertemplate: "%{text}<extra></extra>",
      showlegend: Boolean(record),
      cliponaxis: false,
    };
  }

  function selectedTrace() {
    const { selection, criterion, style, theme } = state;
    const cell = selection?.type ? state.cache?.cell(selection.type, selection.k) : null;
    const score = cell?.scores[criterion]?.mean;
    return {
      type: "scatter",
      x: score == null ? [] : [selection.k],
      y: score == null ? [] : [score],
      mode: "markers",
      marker: {
        symbol: "circle-open",
        size: 19,
        color: style.ink[theme].text,
        line: { width: 2, color: style.ink[theme].text },
      },
      hoverinfo: "skip",
      showlegend: false,
      cliponaxis: false,
    };
  }

  /** [low, high] with the best K of every type and everything above, or null: `top_range` of bic.py. */
  function rangeOfTop() {
    const peaks = [];
    const tops = [];
    for (const type of state.style.types) {
      const scores = cellsOf(type).map((cell) => cell.scores[state.criterion]);
      if (scores.length) peaks.push(Math.max(...scores.map((score) => score.mean)));
      tops.push(...scores.flatMap((score) => [score.high, score.best]).filter((top) => top != null));
    }
    if (!peaks.length) return null;
    const [low, high] = [Math.min(...peaks), Math.max(...tops, ...peaks)];
    const pad = TOP_PADDING * (high - low) || Math.max(1, Math.abs(high) * 0.01);
    return [low - pad, high + pad];
  }

  function layout() {
    const { style, criterion, theme, job } = state;
    const [first, last] = [job?.k_min ?? 1, job?.k_max ?? 10];
    const few = last - first <= 20;
    // A zoom survives new results and settings, not another table, K range or (upwards) criterion.
    const revision = JSON.stringify([job?.dataset, job?.columns, first, last]);
    const fresh = {
      template: style.templates[theme],
      margin: { l: 72, r: 16, t: 16, b: 48 },
      hovermode: "closest",
      uirevision: revision,
      legend: {
        orientation: "h",
        x: 0,
        xanchor: "left",
        y: 1.02,
        yanchor: "bottom",
        uirevision: "legend",
      },
      xaxis: {
        title: { text: "number of clusters K" },
        tickmode: "linear",
        tick0: few ? first : 0,
        dtick: few ? 1 : 5,
        tickformat: "d",
        range: [first - 0.4, last + 0.4],
      },
      yaxis: {
        title: { text: `${style.criteria[criterion]} (higher is better)` },
        tickformat: ",",
        autorange: true,
        exponentformat: "none",
        showticklabels: state.cache?.cells.size > 0, // no made-up scale while there is nothing
        uirevision: revision + criterion + wanted,
      },
      meta: OWNER,
    };
    const former = topRange;
    topRange = wanted === "top" ? rangeOfTop() : null;
    if (topRange) Object.assign(fresh.yaxis, { autorange: false, range: [...topRange] });
    carryZoom(fresh, gd.layout, former);
    return fresh;
  }

  function carryZoom(fresh, shown, former) {
    if (shown?.meta !== OWNER || shown.uirevision !== fresh.uirevision) return;
    if (shown.xaxis.range) fresh.xaxis.range = [...shown.xaxis.range];
    const zoomed = shown.yaxis.autorange === false && String(shown.yaxis.range) !== String(former);
    if (zoomed && shown.yaxis.uirevision === fresh.yaxis.uirevision) {
      Object.assign(fresh.yaxis, { autorange: false, range: [...shown.yaxis.range] });
    }
  }

  // --- drawing ----------------------------------------------------------------------------------

  const handlers = {
    plotly_click: (event) => {
      const picked = api.picked(event);
      if (picked) state.onPick(picked.type, picked.k);
    },
    plotly_hover: (event) => {
      hovered = event.points.map(({ curveNumber, pointNumber }) => ({ curveNumber, pointNumber }));
    },
    plotly_unhover: () => (hovered = null),
    plotly_afterplot: () => {
      if (drawn.began) {
        drawn.at = performance.now();
        drawn.took = drawn.at - drawn.began;
        drawn.began = 0;
      }
      // The label under the pointer is drawn again with the new numbers.
      const there = ({ curveNumber, pointNumber }) => pointNumber < gd.data[curveNumber]?.x.length;
      if (hovered?.every(there)) window.Plotly.Fx.hover(gd, hovered);
    },
  };

  function listen() {
    for (const [name, handler] of Object.entries(handlers)) {
      gd.removeListener(name, handler);
      gd.on(name, handler);
    }
  }

  function redraw() {
    const data = [...state.style.types.flatMap(typeTraces), starTrace(), selectedTrace()];
    listen();
    const figure = { data, layout: layout() };
    drawn.began = performance.now();
    drawn.empty = !state.cache?.cells.size;
    window.dash_clientside.set_props(state.style.ids.BIC_GRAPH, { figure });
  }

  const api = {
    /** The state that is drawn; before anything else. */
    use(liveState) {
      state = liveState;
    },

    /** The graph is there. */
    attach(_host, graph) {
      gd = graph;
    },

    attached: () => Boolean(gd?.isConnected),

    /** Draw soon: several reasons within one update cost one redraw, and on a slow machine redraws take
     *  at most a quarter of the time. */
    draw() {
      if (scheduled || !gd?.isConnected || !window.Plotly) return;
      scheduled = true;
      // The first points never wait.
      const rest = drawn.empty ? 0 : drawn.at + REST_FACTOR * drawn.took - performance.now();
      setTimeout(() => {
        requestAnimationFrame(() => {
          scheduled = false;
          try {
            redraw();
          } catch (error) {
            console.error("curves:", error);
          }
        });
      }, Math.max(0, rest));
    },

    /** {type, k} of a clicked point, or null. */
    picked(clickData) {
      const point = clickData?.points?.[0];
      if (!point || !state) return null;
      const type = state.style.types[Math.floor(point.curveNumber / 3)];
      if (type) return { type, k: point.x };
      const record = state.cache?.recommended?.[state.criterion];
      return record ? { type: record.type, k: record.k } : null;
    },
  };

  C.bic = api;

  const dc = (window.dash_clientside ??= {});
  (dc.centaurus ??= {}).show_score_range = (range) => {
    wanted = range === "top" ? "top" : "all";
    if (state) api.draw();
    return dc.no_update;
  };
})();
