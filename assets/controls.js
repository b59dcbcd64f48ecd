/* The page's controls: the sidebar as one specification, the address bar, export links, navigation.
   Everything that follows a job (polling, curves, panels) is live.js. */

(function () {
  "use strict";

  const dc = (window.dash_clientside = window.dash_clientside || {});
  const centaurus = (dc.centaurus = dc.centaurus || {});

  document.documentElement.lang = "en";

  const REST_MS = 300;
  let latestGather = 0;
  let lastRun = 0;

  const typed = (value) => (value === "" || value === null || value === undefined ? null : Number(value));

  /* All controls -> the settings store, once the sidebar has been at rest for 300 ms. A press of
     Run does not wait. A field that was emptied counts as its default. */
  centaurus.gather = async function (
    dataset, columns, standardise, kRange, types, experiments, restarts, minMembers, seed,
    distance, maxIter, regCovar, run, live, cap, style
  ) {
    const mine = ++latestGather;
    const pressed = (run || 0) > lastRun;
    lastRun = run || 0;
    if (!pressed) {
      await new Promise((resolve) => setTimeout(resolve, REST_MS));
      if (mine !== latestGather) {
        return dc.no_update;
      }
    }
    return {
      spec: {
        dataset_id: dataset,
        columns: columns || [],
        standardise: Boolean(standardise),
        k_min: kRange[0],
        k_max: kRange[1],
        covariance_types: types || [],
        n_experiments: experiments,
        n_restarts: restarts,
        min_members: typed(minMembers),
        seed: typed(seed) ?? style.defaults.seed,
        distance: distance,
        reg_covar: typed(regCovar) ?? style.defaults.reg_covar,
        max_iter: typed(maxIter) ?? style.defaults.max_iter,
      },
      run: pressed,
      live: Boolean(live),
      cap_usd: cap,
      first: mine === 1, // nobody has touched anything yet
    };
  };

  /* Only an uploaded dataset can be deleted. */
  centaurus.offer_removal = function (dataset, choices, style) {
    const uploads = (choices || []).find((group) => group.group === style.uploads_group);
    const own = uploads && uploads.items.some((item) => item.value === dataset);
    return own ? {} : { display: "none" };
  };

  centaurus.describe_controls = function (kRange, types, experiments, restarts, style) {
    const range = kRange[0] === kRange[1] ? `only ${kRange[0]}` : `${kRange[0]} to ${kRange[1]}`;
    return [range, `${(types || []).length} of ${style.types.length}`, String(experiments), String(restarts)];
  };

  /* The page of an address, the first one when no page has it; as Site.page_at on the server. */
  const pageAt = (pages, pathname) => {
    const path = (pathname || "").replace(/\/+$/, "");
    return pages.slice(1).find((page) => path.endsWith(page.path)) || pages[0];
  };

  /* One of the pages, its link marked, its sidebar beside it. A page without a sidebar closes the bar
     and leaves in it what is there, which slides away. */
  centaurus.show_page = function (pathname, opened, style) {
    const { pages, navbar } = style;
    const page = pageAt(pages, pathname);
    const navigated = dc.callback_context.triggered_id === "url";
    const shown = navigated ? false : Boolean(opened);
    document.body.dataset.page = page.name;
    document.body.dataset.sidebar = page.sidebar ? "own" : "none";
    document.title = page === pages[0] ? "Centaurus" : `${page.label} · Centaurus`;
    return [
      ...pages.map((one) => one !== page),
      ...pages.map((one) => (one === page ? "nav active" : "nav")),
      ...pages.map((one) => (page.sidebar ? one !== page : dc.no_update)),
      { ...navbar, collapsed: { mobile: !shown, desktop: !page.sidebar } },
      shown,
    ];
  };

  /* A row of the Fits grid is one experiment; its clustering is the one to look at. */
  centaurus.select_fit = function (rows) {
    if (!rows || !rows.length) {
      return dc.no_update;
    }
    return { type: rows[0].type, k: rows[0].k, follow: false };
  };

  centaurus.open_help = function (clicks) {
    return Boolean(clicks);
  };

  /* The job and the selected clustering stay in the address bar, without a history entry each. */
  centaurus.mirror_url = function (job, selection, pathname) {
    if (!job || !job.job_id || pathname !== "/") {
      return dc.no_update;
    }
    const query = new URLSearchParams({ job: job.job_id });
    if (selection && selection.type && selection.k && !selection.follow) {
      query.set("type", selection.type);
      query.set("k", selection.k);
    }
    const address = `/?${query}`;
    if (window.location.pathname === "/" && window.location.search !== address.slice(1)) {
      window.history.replaceState(window.history.state, "", address);
    }
    return dc.no_update;
  };

  const root = document.documentElement;
  let watched = false;

  const drawnScheme = () => (root.dataset.mantineColorScheme === "dark" ? "dark" : "light");

  /* Mantine decides the scheme shortly after the page is there; later it changes with the toggle or
     with the system. */
  centaurus.read_scheme = async function () {
    const known = () => ["dark", "light"].includes(root.dataset.mantineColorScheme);
    for (let i = 0; i < 100 && !known(); i++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    if (!watched) {
      watched = true;
      new MutationObserver(() => dc.set_props("scheme", { data: drawnScheme() })).observe(root, {
        attributeFilter: ["data-mantine-color-scheme"],
      });
    }
    return drawnScheme();
  };

  centaurus.grid_theme = function (scheme) {
    document.body.dataset.agThemeMode = scheme === "dark" ? "dark" : "light";
    return dc.no_update;
  };

  /* What the server exports is what the page shows: same clustering, criterion, axes and theme. */
  centaurus.export_links = function (job, selection, criterion, x, y, scheme, style) {
    if (!job || !job.job_id) {
      return style.exports.map(() => "#");
    }
    const query = new URLSearchParams({ criterion: criterion || "bic", theme: scheme || "light" });
    if (selection && selection.type && selection.k) {
      query.set("type", selection.type);
      query.set("k", selection.k);
    }
    if (x) query.set("x", x);
    if (y) query.set("y", y);
    return style.exports.map((name) => `/api/jobs/${job.job_id}/export/${name}?${query}`);
  };

  /* Pictures are made in the browser, from what is on the screen. */
  centaurus.export_chart = function () {
    const clicked = dc.callback_context.triggered_id;
    const match = /^export-(bic|panels|selected)-(png|svg)$/.exec(clicked || "");
    if (!match || !dc.callback_context.triggered[0].value) {
      return dc.no_update;
    }
    const graph = `${match[1]}-graph`;
    if (centaurus.exportFigure) {
      centaurus.exportFigure(graph, match[2]);
    } else {
      const gd = document.querySelector(`#${graph} .js-plotly-plot`);
      window.Plotly.downloadImage(gd, { format: match[2], filename: `centaurus-${match[1]}`, scale: 2 });
    }
    return dc.no_update;
  };
})();
