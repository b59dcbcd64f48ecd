/* The six panels: points, ellipses and numbered centres of every covariance type at one K.
 *
 * A step of the K slider repaints one canvas and six titles; Plotly and the server take no part in it.
 * The view (ranges) is read from Plotly's events and layout, so zoom and pan are exact.
 *
 * Everything that is drawn comes from `state`, which live.js fills:
 *   cache (JobCache) · k · criterion · selection {type, k} · x, y (column names) · ellipses · theme · style
 */
(() => {
  "use strict";
  const C = (window.centaurus ??= {});

  const OPACITY = 0.8;
  const HOVER_REACH = 10; // CSS pixels

  let state = null;
  let gd = null; // Plotly's element
  let host = null; // the element around it
  let overlay = null;
  let grid = null;
  let view = null; // {x: [low, high], y: [low, high]} that is painted now
  let placed = null; // pixels of the points for the current view
  let images = []; // one {image, pixels} per panel
  let configured = ""; // what the axes show now, to see when they must be set up again
  let jitter = null;

  /** Numbers of the chosen columns; with a single column y is a fixed jitter. */
  function coordinates() {
    const { points } = state.cache;
    const ix = Math.max(0, points.columns.indexOf(state.x));
    let iy = points.columns.indexOf(state.y);
    if (iy < 0) iy = points.columns.length > 1 ? (ix === 0 ? 1 : 0) : ix;
    const flat = ix === iy;
    if (flat && jitter?.length !== points.nShown) {
      // Golden-ratio steps fill [0, 1] evenly and are the same on every draw.
      jitter = Float32Array.from({ length: points.nShown }, (_, i) => (0.5 + i * 0.6180339887) % 1);
    }
    return { ix, iy: flat ? null : iy, xs: points.values[ix], ys: flat ? jitter : points.values[iy] };
  }

  function palette() {
    return state.style.palette[state.theme];
  }

  function clusterColours(type, k, clusters) {
    const slots = state.cache.colours[`${type}|${k}`] ?? [];
    const colours = palette();
    return Array.from({ length: clusters }, (_, c) => colours[(slots[c] ?? c) % colours.length]);
  }

  // --- axes ------------------------------------------------------------------------------------

  function attach(element, graph) {
    host = element;
    if (!overlay?.connected || overlay.host !== host) {
      overlay = new C.PanelsOverlay(host, state.style.types, (type) => state.onChoose(type));
      grid = null;
      C.listenToPointer(host, {
        clickable: (x, y) => panelAt(x, y) >= 0,
        onClick: (x, y) => guarded(() => state.onChoose(state.style.types[panelAt(x, y)])),
        onHover: (x, y) => guarded(() => hover(x, y)),
        onLeave: () => overlay.showTooltip(null),
      });
      new ResizeObserver(() => requestAnimationFrame(() => guarded(resized))).observe(host);
      configured = "";
    }
    if (gd !== graph) {
      gd = graph;
      configured = "";
    }
  }

  function listenToPlotly() {
    // Plotly.newPlot by others drops listeners; setting up the axes adds them again.
    for (const [name, handler] of Object.entries(plotlyHandlers)) {
      gd.removeListener?.(name, handler);
      gd.on(name, handler);
    }
  }

  const plotlyHandlers = {
    // A pan moves the axes while it lasts, a zoom box does not: the event alone cannot tell them apart.
    plotly_relayouting: () => guarded(() => paint(drawnView())),
    plotly_relayout: () => guarded(() => paint()),
    plotly_afterplot: () => {
      guarded(() => paint());
    },
  };

  /** The ranges that Plotly shows at this moment of a drag. */
  function drawnView() {
    const { xaxis, yaxis } = gd._fullLayout ?? {};
    return xaxis && yaxis ? { x: [...xaxis.range], y: [...yaxis.range] } : view;
  }

  function viewFromLayout() {
    const { xaxis, yaxis } = gd.layout;
    if (!xaxis?.range || !yaxis?.range) return null;
    return { x: xaxis.range.map(Number), y: yaxis.range.map(Number) };
  }

  /** Set up the axes when the columns, the size or the theme changed. Tells whether they did. */
  function configure() {
    const width = Math.floor(host.clientWidth);
    if (width < 60 || !window.Plotly) return false; // hidden; a resize will tell
    if (grid?.width !== width) placeGrid(width);
    const points = state.cache?.points;
    if (!points) return false;
    const { ix, iy, xs, ys } = coordinates();
    // Other settings for the same table keep the zoom.
    const table = JSON.stringify([state.job?.dataset_id, points.columns, points.nShown, ix, iy]);
    const key = `${table}|${width}|${state.theme}`;
    if (configured === key) return false;
    const ours = gd.layout?.meta === C.panelsLayout.OWNER;
    const layout = C.panelsLayout.axesLayout({
      grid,
      titles: [C.panelsLayout.axisTitle(points, ix), C.panelsLayout.axisTitle(points, iy)],
      ink: state.style.ink[state.theme],
      font: state.style.font_family,
      flatY: iy === null,
    });
    if (ours && configured.startsWith(`${table}|`)) keepRanges(layout);
    configured = key;
    listenToPlotly();
    // As a property and not with Plotly.react: after a zoom, dcc.Graph plots the figure that it knows.
    // afterplot paints the points with the new ranges.
    const data = C.panelsLayout.spanTraces(grid.boxes.length, xs, ys);
    window.dash_clientside.set_props(state.style.ids.PANELS_GRAPH, { figure: { data, layout } });
    return true;
  }

  function placeGrid(width) {
    grid = C.panelsLayout.panelBoxes(state.style.types.length, width);
    const box = host.closest(".graph-box");
    if (box) box.style.height = `${grid.height}px`;
    overlay.place(grid);
  }

  /** A new size or theme must not lose the zoom. */
  function keepRanges(layout) {
    for (const name of Object.keys(layout).filter((key) => /^[xy]axis/.test(key))) {
      const old = gd.layout[name];
      if (old && old.autorange === false) {
        layout[name] = { ...layout[name], autorange: false, range: [...old.range] };
      }
    }
  }

  function resized() {
    if (!state || !overlay) return;
    if (!configure()) paint();
  }

  // --- painting --------------------------------------------------------------------------------

  function paint(nextView) {
    if (!grid || !state.cache?.points || gd.layout?.meta !== C.panelsLayout.OWNER) return;
    view = nextView ?? viewFromLayout();
    if (!view) return;
    const ratio = window.devicePixelRatio || 1;
    const { canvas } = overlay;
    const [width, height] = [Math.round(grid.width * ratio), Math.round(grid.height * ratio)];
    if (canvas.width !== width || canvas.height !== height) {
      Object.assign(canvas, { width, height });
      Object.assign(canvas.style, { width: `${grid.width}px`, height: `${grid.height}px` });
    }
    const context = canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    const points = placePoints(ratio);
    grid.boxes.forEach((box, i) => {
      const cell = state.cache.cell(state.style.types[i], state.k);
      if (drawable(cell)) paintPanel(context, i, box, cell, points, ratio);
    });
  }

  function drawable(cell) {
    return Boolean(cell?.model && cell.labels?.length === state.cache.points.nShown);
  }

  /** Pixels of all points in a panel: the same for the six, so found once per view. */
  function placePoints(ratio) {
    const { ix, iy, xs, ys } = coordinates();
    const { w, h } = grid.boxes[0];
    const key = [state.cache.jobId, xs.length, ix, iy, w, h, ratio, view.x, view.y].join("|");
    if (placed?.key === key && placed.source === xs) return placed;
    const width = Math.round(w * ratio);
    const height = Math.round(h * ratio);
    const radius = C.raster.pointRadius(xs.length) * ratio;
    const reach = Math.ceil(radius) + 1;
    const stride = width + 2 * reach;
    const { shapes } = C.raster.discs(radius, OPACITY, stride);
    const perX = width / (view.x[1] - view.x[0]);
    const perY = -height / (view.y[1] - view.y[0]);
    const window_ = { left: -view.x[0] * perX, perX, top: height - view.y[0] * perY, perY };
    const pixels = C.raster.place(xs, ys, window_, width, height, reach);
    if (images[0]?.image.width !== stride || images[0]?.image.height !== height + 2 * reach) {
      images = grid.boxes.map(() => {
        const image = new ImageData(stride, height + 2 * reach);
        return { image, pixels: new Int32Array(image.data.buffer) };
      });
    }
    placed = { key, source: xs, ...pixels, shapes, reach, width, height };
    return placed;
  }

  function paintPanel(context, i, box, cell, points, ratio) {
    const { clusters } = cell.model;
    const colours = clusterColours(cell.type, cell.k, clusters.length);
    const ink = state.style.ink[state.theme];
    const { image, pixels } = images[i];
    C.raster.paint(pixels, points, cell.labels, colours, ink.background, points.shapes);
    const { reach, width, height } = points;
    const [left, top] = [Math.round(box.x * ratio), Math.round(box.y * ratio)];
    context.putImageData(image, left - reach, top - reach, reach, reach, width, height);
    context.save();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.beginPath();
    context.rect(box.x, box.y, box.w, box.h);
    context.clip();
    const toX = (x) => box.x + ((x - view.x[0]) / (view.x[1] - view.x[0])) * box.w;
    const toY = (y) => box.y + box.h - ((y - view.y[0]) / (view.y[1] - view.y[0])) * box.h;
    const { ix, iy } = coordinates();
    if (state.ellipses) {
      clusters.forEach((cluster, c) => C.shapes.strokeEllipse(context, cluster, { ix, iy, toX, toY }, colours[c], ink));
    }
    // Largest last: its number stays readable where centres coincide.
    for (let c = clusters.length - 1; c >= 0; c--) {
      const y = iy === null ? 0.5 : clusters[c].mean[iy];
      C.shapes.drawCentre(context, toX(clusters[c].mean[ix]), toY(y), c + 1, colours[c], ink, state.style.font_family);
    }
    context.restore();
  }

  // --- titles ----------------------------------------------------------------------------------

  function titles() {
    const { cache, k, criterion, style } = state;
    const best = cache?.bestTypeAt(k, criterion);
    const recommended = cache?.recommended?.[criterion];
    return style.types.map((type) => {
      const cell = cache?.cell(type, k);
      const score = cell?.scores?.[criterion]?.best;
      const isRecommended = recommended?.type === type && recommended?.k === k;
      let mark = isRecommended ? "★ best" : type === best ? `best at K = ${k}` : "";
      const tiny = Boolean(cell?.model && !cell.eligible);
      if (tiny) mark = "tiny cluster";
      const scored = score == null ? "" : `${style.criteria[criterion]} ${C.text.number(score)}`;
      return {
        name: type,
        score: scored,
        mark,
        tiny,
        detail: cell ? titleDetail(cell, scored) : "",
        sentence: sentenceFor(type, cell),
        selected: state.selection?.type === type && state.selection?.k === k,
      };
    });
  }

  function titleDetail(cell, scored) {
    const parts = [
      `${cell.type}, K = ${cell.k}: ${scored}, higher is better.`,
      `${cell.n} of ${cell.n_experiments} experiments.`,
    ];
    const recommended = state.cache.recommended?.[state.criterion];
    if (recommended?.type === cell.type && recommended.k === cell.k) parts.push("Recommended.");
    if (!cell.eligible) parts.push("A cluster has fewer members than asked for, so it does not compete.");
    parts.push("Click to select this clustering.");
    return parts.join(" ");
  }

  function sentenceFor(type, cell) {
    const { cache, job, k } = state;
    if (!cache) return job ? "No job is open." : ""; // no answer yet, or the answer that there is none
    if (job?.covariance_types && !job.covariance_types.includes(type)) return "Not part of this job.";
    if (job && (k < job.k_min || k > job.k_max)) return `K = ${k} is not part of this job.`;
    if (!cell?.model) {
      if (cell?.n && !cell.eligible) return `No clustering with K = ${k} has enough members in every cluster.`;
      return cache.finished ? `K = ${k} was not computed.` : `K = ${k} is being computed…`;
    }
    if (!cache.points) return "The points are on their way…";
    return "";
  }

  // --- pointer ---------------------------------------------------------------------------------

  function panelAt(x, y) {
    return grid ? grid.boxes.findIndex((b) => x >= b.x && x < b.x + b.w && y >= b.y && y < b.y + b.h) : -1;
  }

  function hover(x, y) {
    const i = panelAt(x, y);
    const cell = i >= 0 && view ? state.cache?.cell(state.style.types[i], state.k) : null;
    const row = cell && state.cache.points && drawable(cell) ? nearestPoint(grid.boxes[i], x, y) : -1;
    if (row < 0) return overlay.showTooltip(null);
    const { points } = state.cache;
    const { ix, iy, xs, ys } = coordinates();
    const value = (index, v) => {
      const unit = points.units[index] ? ` ${points.units[index]}` : "";
      return `${points.columns[index]}  ${C.text.value(v)}${unit}`;
    };
    const cluster = cell.labels[row];
    const lines = [`cluster ${cluster + 1} · row ${(points.rows[row] + 1).toLocaleString("en-GB")}`];
    lines.push(value(ix, xs[row]));
    if (iy !== null) lines.push(value(iy, ys[row]));
    const colour = clusterColours(cell.type, cell.k, cell.model.clusters.length)[cluster];
    return overlay.showTooltip(lines, x, y, colour);
  }

  function nearestPoint(box, x, y) {
    const { xs, ys } = coordinates();
    const perX = box.w / (view.x[1] - view.x[0]);
    const perY = box.h / (view.y[1] - view.y[0]);
    const dataX = view.x[0] + (x - box.x) / perX;
    const dataY = view.y[0] + (box.y + box.h - y) / perY;
    let nearest = -1;
    let least = HOVER_REACH * HOVER_REACH;
    for (let i = 0; i < xs.length; i++) {
      const dx = (xs[i] - dataX) * perX;
      const dy = (ys[i] - dataY) * perY;
      const distance = dx * dx + dy * dy;
      if (distance <= least) {
        least = distance;
        nearest = i;
      }
    }
    return nearest;
  }

  // --- the names that live.js uses ----------------------------------------------------------------

  function guarded(action) {
    try {
      return action();
    } catch (error) {
      console.error("panels:", error);
      return undefined;
    }
  }

  const api = {
    /** The state that is drawn; before anything else. */
    use(liveState) {
      state = liveState;
    },

    /** The graph is there: `element` around it and Plotly's own. */
    attach,

    attached: () => Boolean(gd?.isConnected && overlay?.connected),

    /** Redraw everything at state.k now. */
    draw() {
      if (!overlay) return;
      overlay.show(titles());
      overlay.showTooltip(null);
      if (!configure()) paint();
    },

    /** Titles, frames and sentences alone. */
    drawTitles() {
      if (overlay) overlay.show(titles());
    },

    /** What is shown, for tests and measurements: no part of the page depends on it. */
    describe() {
      return {
        k: state?.k,
        view,
        boxes: grid?.boxes ?? [],
        types: state?.style.types,
        titles: state ? titles() : [],
        origin: host ? [host.getBoundingClientRect().left, host.getBoundingClientRect().top] : null,
        ready: Boolean(placed && view),
      };
    },

    note() {
      const points = state?.cache?.points;
      if (!points || points.nShown >= points.nRows) return "";
      const [shown, all] = [points.nShown, points.nRows].map((n) => n.toLocaleString("en-GB"));
      return `${shown} of ${all} points drawn`;
    },

    coordinates,
    clusterColours,
  };

  C.panels = api;
})();
