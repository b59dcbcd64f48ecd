/* The live engine: follows a job and keeps progress, curves, recommendation and panels up to date.
 *
 * What the page connects (dashboard/pages/analyse/clientside.py) is at the end of this file, in
 * window.dash_clientside.centaurus. Each function takes the values of its inputs and returns no_update;
 * everything that changes on the page is written with dash_clientside.set_props:
 *
 *   follow(job, style, selection)      a job was opened or started (LIVE_JOB): forget the old, poll it
 *   show_criterion("bic"|"icl"|"aic")  curves, titles and recommendation by another criterion
 *   pick_point(clickData)              a click on the curves selects that (type, K)
 *   show_axes(x, y, ellipses)          other columns on the panels' axes
 *   play(clicks)                       start or stop stepping through K
 *   show_recommended(clicks)           select the recommended clustering again, and follow it
 *   show_selection(selection)          somebody else selected (a link, the Fits grid)
 *   show_theme("light"|"dark")         redraw in another theme
 *
 * The K slider is followed through its own element (k_slider.js): panels at once, selection after a rest.
 *
 * Written: the progress and recommendation cards, JOB_PROBLEM, K_SLIDER, K_VALUE, PLAY, X_AXIS, Y_AXIS,
 * PANELS_NOTE, SELECTION, and LIVE_STATUS when what the open tab shows has changed. The other files: updates_feed.js
 * (polling), job_cache.js (what was received), cards.js (texts), k_slider.js, graph_ready.js, bic.js (the
 * curves), panels*.js, points_raster.js and cluster_shapes.js (the six panels), figure_export.js (pictures).
 */
(() => {
  "use strict";
  const C = (window.centaurus ??= {});
  const dc = (window.dash_clientside ??= {});

  const PLAY_MS = 900;
  const SELECT_REST_MS = 350; // how long the slider rests before the tabs below are asked to follow
  const STATUS_MS = 1500;

  const state = {
    job: null, // LIVE_JOB's data
    style: null, // STYLE's data: palette, lines, types, ink, ids
    cache: null, // what is drawn
    criterion: "bic",
    k: 1,
    x: null,
    y: null,
    ellipses: true,
    theme: "light",
    selection: null, // {type, k, follow}
    connection: "ok",
    onChoose: (type) => choose(type, state.k),
    onPick: (type, k) => choose(type, k),
  };
  let feed = null;
  let incoming = null; // what the open job's feed fills; drawn as soon as it holds a result
  let opened = 0; // counts the jobs that were opened: late answers of an older one are dropped
  let playing = null;
  let selectTimer = null;
  let selectionTold = ""; // what was last written to SELECTION: its echo is no news
  let statusTimer = null;
  let statusAt = -Infinity;
  let statusShown = "";
  const written = new Map(); // component -> properties as last written

  // --- writing to the page -----------------------------------------------------------------------

  function write(component, props) {
    const id = state.style.ids[component];
    const text = JSON.stringify(props);
    if (written.get(id) === text) return;
    written.set(id, text);
    dc.set_props(id, props);
  }

  function writeAll(updates) {
    for (const [component, props] of Object.entries(updates)) write(component, props);
  }

  function guarded(what, action) {
    try {
      action();
    } catch (error) {
      console.error(`live engine, ${what}:`, error);
    }
  }

  const drawProgress = () =>
    guarded("progress", () => {
      const job = (incoming ?? state.cache)?.job;
      if (job) writeAll(C.cards.progress(job, state.connection));
    });

  const drawRecommendation = () =>
    guarded("recommendation", () => {
      const { cache, criterion, style } = state;
      if (!cache) return;
      const record = cache.recommended[criterion];
      const colours = record
        ? C.panels.clusterColours(record.type, record.k, record.sizes.length)
        : [];
      writeAll(C.cards.recommendation(record, style.criteria[criterion], colours, cache.finished));
    });

  const drawCurves = () => guarded("curves", () => C.bic.draw());
  const drawPanels = () =>
    guarded("panels", () => {
      C.panels.draw();
      if (state.cache) write("PANELS_NOTE", { children: C.panels.note() });
    });

  function drawAll() {
    drawProgress();
    drawRecommendation();
    drawCurves();
    drawPanels();
  }

  /** Tell the server-side tabs what there is now; they ask the server when it changes. Each time costs the
   *  page several callbacks, so they hear of what they show: the selected model, or all fits. */
  function reportStatus() {
    if (statusTimer) return;
    const pause = state.cache?.finished ? 0 : STATUS_MS - (performance.now() - statusAt);
    statusTimer = setTimeout(() => {
      statusTimer = null;
      guarded("status", sendStatus);
    }, Math.max(0, pause));
  }

  function sendStatus() {
    const { cache, selection } = state;
    if (!cache?.job) return;
    const cell = selection ? cache.cell(selection.type, selection.k) : null;
    const data = {
      job_id: cache.jobId,
      state: cache.job.state,
      cursor: cache.cursor,
      model_version: cell?.model?.version ?? null,
    };
    const tab = window.dash_component_api?.getLayout(state.style.ids.TABS)?.props?.value;
    const shown = [data.job_id, data.state, data.model_version, tab, (tab === "fits" || tab === "tasks") && data.cursor].join();
    if (shown === statusShown) return;
    statusShown = shown;
    statusAt = performance.now();
    write("LIVE_STATUS", { data });
  }

  async function attachGraphs() {
    const { BIC_GRAPH, PANELS_GRAPH, K_SLIDER } = state.style.ids;
    await Promise.all([C.whenDrawn(BIC_GRAPH, C.bic.attach), C.whenDrawn(PANELS_GRAPH, C.panels.attach)]);
    const element = document.getElementById(K_SLIDER);
    if (element) C.followSlider(element, (k) => guarded("slider", () => movedTo(k)));
  }

  // --- following a job -----------------------------------------------------------------------------

  function openJob(job) {
    const mine = ++opened;
    feed?.stop();
    feed = null;
    stopPlaying();
    const before = state.job;
    state.job = job;
    state.connection = "ok";
    if (!job?.job_id) {
      state.cache = incoming = null;
      drawAll();
      return;
    }
    const cache = new C.JobCache(job.job_id);
    incoming = cache;
    if (!sameTable(before, job)) state.cache = cache;
    else if (state.cache) cache.points = state.cache.points;
    offerAxes(job);
    offerK(job);
    feed = new C.UpdatesFeed(cache, {
      onUpdate: (changed) => mine === opened && received(changed),
      onPoints: () => mine === opened && received(null),
      onConnection: (connection, code) => {
        if (mine !== opened) return;
        state.connection = connection;
        if (connection === "gone") dc.set_props(state.style.ids.JOB_PROBLEM, { children: C.cards.gone(code) });
        drawProgress();
      },
    });
    feed.start();
    if (state.cache === cache) drawAll();
    else drawProgress();
  }

  /** Other settings for the same rows and columns: what is drawn may stay until there is something new. */
  function sameTable(before, job) {
    const table = (j) => JSON.stringify([j?.dataset, j?.dataset_id, j?.columns, j?.n_rows]);
    return state.cache !== null && table(before) === table(job);
  }

  /** `changed`: "type|k" of what is new; null when everything may be. */
  function received(changed) {
    if (state.cache !== incoming) {
      if (!incoming.cells.size && !incoming.finished) {
        drawProgress();
        return;
      }
      state.cache = incoming;
      changed = null;
    }
    followRecommended();
    drawProgress();
    drawRecommendation();
    if (changed === null || changed.size) drawCurves();
    const shown = changed === null || state.style.types.some((type) => changed.has(`${type}|${state.k}`));
    if (shown) drawPanels();
    else guarded("titles", () => C.panels.drawTitles());
    reportStatus();
  }

  function offerAxes(job) {
    const columns = job.columns ?? [];
    if (!columns.includes(state.x)) state.x = columns[0] ?? null;
    if (!columns.includes(state.y) || state.y === state.x) {
      state.y = columns.find((name) => name !== state.x) ?? state.x;
    }
    write("X_AXIS", { data: columns, value: state.x });
    write("Y_AXIS", { data: columns, value: state.y });
  }

  function offerK(job) {
    const [low, high] = [job.k_min ?? 1, job.k_max ?? 10];
    const wanted = state.selection?.k ?? state.k;
    state.k = Math.min(high, Math.max(low, wanted));
    moveSlider({ min: low, max: high, marks: C.sliderMarks(low, high), value: state.k });
    write("K_VALUE", { children: String(state.k) });
  }

  // --- selection ------------------------------------------------------------------------------------

  function choose(type, k) {
    stopPlaying();
    select({ type, k, follow: false });
  }

  function select(selection, { tell = true } = {}) {
    const same = JSON.stringify(selection) === JSON.stringify(state.selection);
    state.selection = selection;
    if (selection && selection.k !== state.k) showK(selection.k, { toSlider: true });
    if (same) return;
    clearTimeout(selectTimer);
    if (tell) tellSelection();
    guarded("titles", () => C.panels.drawTitles());
    guarded("curves", () => C.bic.draw());
    reportStatus();
  }

  function tellSelection() {
    selectionTold = JSON.stringify(state.selection);
    dc.set_props(state.style.ids.SELECTION, { data: state.selection });
  }

  /** While nobody has chosen, the recommended clustering is the one in view. */
  function followRecommended() {
    if (state.selection && !state.selection.follow) return;
    if (state.cache !== incoming) return; // what is drawn is the former job's
    const record = state.cache?.recommended?.[state.criterion];
    if (record) select({ type: record.type, k: record.k, follow: true });
  }

  function showK(k, { toSlider = false } = {}) {
    state.k = k;
    drawPanels();
    write("K_VALUE", { children: String(k) });
    if (toSlider) moveSlider({ value: k });
  }

  function moveSlider(props) {
    C.letGoOfSlider();
    dc.set_props(state.style.ids.K_SLIDER, props);
  }

  /** A person moved the slider. */
  function movedTo(k) {
    if (k === state.k) return;
    stopPlaying();
    showK(k);
    selectAfterRest();
  }

  /** A person moved K: the same type at another K is selected once the slider rests. */
  function selectAfterRest() {
    clearTimeout(selectTimer);
    const k = state.k;
    const type = state.selection?.type ?? state.cache?.bestTypeAt(k, state.criterion);
    if (!type) return;
    state.selection = { type, k, follow: false };
    guarded("titles", () => C.panels.drawTitles());
    selectTimer = setTimeout(() => {
      tellSelection();
      guarded("curves", () => C.bic.draw());
      reportStatus();
    }, SELECT_REST_MS);
  }

  // --- play -----------------------------------------------------------------------------------------

  function stopPlaying() {
    if (playing === null) return;
    clearInterval(playing);
    playing = null;
    write("PLAY", { children: "Play" });
  }

  function startPlaying() {
    const [low, high] = [state.job?.k_min ?? 1, state.job?.k_max ?? 10];
    if (low === high) return;
    const step = () => {
      const k = state.k >= high ? low : state.k + 1;
      showK(k, { toSlider: true });
      selectAfterRest();
      if (k === high) stopPlaying();
    };
    playing = setInterval(step, PLAY_MS);
    write("PLAY", { children: "Pause" });
    step();
  }

  // --- what the page calls ----------------------------------------------------------------------------

  const ready = () => state.style !== null;

  const callbacks = {
    follow(job, style, selection) {
      if (!style) return;
      state.style = style;
      C.bic.use(state);
      C.panels.use(state);
      if (selection) state.selection = selection.type ? selection : null;
      if (!C.bic.attached() || !C.panels.attached()) attachGraphs().then(drawAll);
      openJob(job);
    },

    show_criterion(criterion) {
      if (!criterion) return;
      state.criterion = criterion;
      if (!ready()) return;
      followRecommended();
      drawRecommendation();
      drawCurves();
      guarded("titles", () => C.panels.drawTitles());
    },

    pick_point(clickData) {
      const picked = ready() ? C.bic.picked(clickData) : null;
      if (picked) choose(picked.type, picked.k);
    },

    show_axes(x, y, ellipses) {
      state.ellipses = ellipses !== false;
      if (x) state.x = x;
      if (y) state.y = y;
      if (ready()) drawPanels();
    },

    play(clicks) {
      if (!clicks || !ready() || !state.cache) return;
      if (playing === null) startPlaying();
      else stopPlaying();
    },

    show_recommended(clicks) {
      const record = clicks && ready() ? state.cache?.recommended?.[state.criterion] : null;
      if (!record) return;
      stopPlaying();
      select({ type: record.type, k: record.k, follow: true });
    },

    show_selection(selection) {
      if (!ready()) {
        state.selection = selection?.type ? selection : null;
        return;
      }
      // An echo may come late, when a person has already moved on.
      if (JSON.stringify(selection) === selectionTold) return;
      selectionTold = "";
      if (selection?.type) select(selection, { tell: false });
      else state.selection = null;
      followRecommended();
    },

    show_theme(scheme) {
      state.theme = scheme === "dark" ? "dark" : "light";
      if (!ready()) return;
      drawCurves();
      drawRecommendation();
      drawPanels();
    },
  };

  dc.centaurus ??= {};
  for (const [name, callback] of Object.entries(callbacks)) {
    dc.centaurus[name] = (...values) => {
      guarded(name, () => callback(...values));
      return dc.no_update;
    };
  }

  C.live = { state };
})();
