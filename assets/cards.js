/* Texts of the progress card and the recommendation card, from what the server counts.
 *
 * Pure functions from records to component properties, so that live.js only has to hand them to Dash.
 * Texts become React children or component properties and are never read as HTML.
 */
(() => {
  "use strict";
  const C = (window.centaurus ??= {});

  // --- numbers as a person reads them -------------------------------------------------------------

  const minus = (text) => text.replace("-", "\u2212");
  const whole = (n) => minus(Number(n).toLocaleString("en-GB", { maximumFractionDigits: 0 }));

  /** A score with one decimal: differences of one and three are what the evidence is about. */
  const number = (value) =>
    minus(
      Number(value).toLocaleString("en-GB", { minimumFractionDigits: 1, maximumFractionDigits: 1 }),
    );

  /** A measured value with five significant digits. */
  function value(v) {
    const size = Math.abs(v);
    if (v !== 0 && (size < 1e-4 || size >= 1e7)) return minus(Number(v).toExponential(3));
    return minus(Number(v).toLocaleString("en-GB", { maximumSignificantDigits: 5 }));
  }

  function duration(seconds) {
    if (seconds < 60) return `${seconds.toFixed(1)} s`;
    const minutes = Math.floor(seconds / 60);
    if (minutes < 60) return `${minutes} min ${Math.round(seconds - 60 * minutes)} s`;
    return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  }

  /** US dollars; dollars() in money.py says the same. */
  function money(usd) {
    const sum = Number(usd ?? 0);
    if (sum === 0) return "$0.00";
    if (sum < 0.00005) return "under $0.0001";
    if (sum < 0.01) return `$${sum.toFixed(4)}`;
    return `$${sum.toLocaleString("en-GB", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
  }

  /** What the button beside a capped job offers; raised_cap() in money.py does it. */
  const raisedCap = (job) => 2 * Math.max(job.cap_usd ?? 0, job.cost_usd ?? 0, 0.0001);

  C.text = { whole, number, value, duration };

  // --- components -----------------------------------------------------------------------------

  const html = (type, props, children) => ({
    namespace: "dash_html_components",
    type,
    props: children === undefined ? props : { ...props, children },
  });

  // --- progress -------------------------------------------------------------------------------

  const STATES = {
    queued: { text: "queued", colour: "gray" },
    running: { text: "running", colour: "blue" },
    done: { text: "done", colour: "teal" },
    cancelled: { text: "cancelled", colour: "yellow" },
    failed: { text: "failed", colour: "red" },
  };
  const LOST = { text: "reconnecting", colour: "orange" };
  const CAPPED = { text: "cap reached", colour: "orange" };
  const DELETED = { text: "deleted", colour: "gray" };
  const SHOWN_ERRORS = 5;

  /** {component: properties}. `connection`: "ok" | "reconnecting" | "gone". */
  function progress(job, connection) {
    const gone = connection === "gone";
    const lost = connection === "reconnecting";
    const known = STATES[job.state] ?? { text: String(job.state), colour: "gray" };
    const state = gone ? DELETED : lost ? LOST : job.capped ? CAPPED : known;
    const active = !gone && (job.state === "running" || job.state === "queued");
    const share = job.n_fits ? (100 * job.n_fits_done) / job.n_fits : 0;
    const detail = [];
    if (lost) detail.push("the server does not answer; this page goes on as soon as it does");
    if (job.n_running && active) detail.push(`${whole(job.n_running)} running`);
    if (job.n_failed) detail.push(`${whole(job.n_failed)} failed`);
    if (job.elapsed_s > 0) detail.push(`${duration(job.elapsed_s)}${active ? " elapsed" : ""}`);
    if (active && job.remaining_s != null) {
      detail.push(job.remaining_s < 1 ? "under 1 s left" : `${duration(job.remaining_s)} left`);
    }
    if (job.state === "done" && job.elapsed_s > 0.05) {
      detail.push(`${whole(job.n_fits_done / job.elapsed_s)} fits/s`);
    }
    if (job.n_requests) detail.push(`${whole(job.n_requests)} requests`);
    detail.push(money(job.cost_usd) + (job.cap_usd == null ? "" : ` of at most ${money(job.cap_usd)}`));
    return {
      PROGRESS_STATE: { children: state.text, color: state.colour },
      PROGRESS_FITS: { children: `${whole(job.n_fits_done)} of ${whole(job.n_fits)} fits` },
      PROGRESS_DETAIL: { children: detail.join(" · ") },
      PROGRESS_BAR: {
        value: Math.min(100, Math.round(share * 10) / 10),
        color: state.colour,
        animated: active && job.state === "running" && !lost,
      },
      PROGRESS_ERRORS: { children: errorList(job) },
      CANCEL: { disabled: !active },
      RERUN: { disabled: gone || active || !job.n_failed },
      RAISE: {
        children: `Raise to ${money(raisedCap(job))} and continue`,
        style: job.capped && !gone ? {} : { display: "none" },
      },
    };
  }

  const GONE_SENTENCES = {
    unknown_dataset:
      "The dataset of this job was deleted. Upload the same table again, or choose another dataset. ",
    unknown_job:
      "This job was deleted. Run starts it again with the settings beside it; fits that are still " +
      "remembered are not computed twice. ",
  };

  /** The sentence above the results when the job in view is no longer there. */
  function gone(code) {
    const link = { namespace: "dash_core_components", type: "Link", props: { href: "/jobs", children: "See all jobs" } };
    return {
      namespace: "dash_mantine_components",
      type: "Alert",
      props: {
        title: "This job is no longer there",
        children: [GONE_SENTENCES[code] ?? GONE_SENTENCES.unknown_job, link, "."],
        color: "red",
        variant: "light",
      },
    };
  }

  function errorList(job) {
    const errors = job.errors ?? [];
    const lines = errors.slice(0, SHOWN_ERRORS).map((e) => {
      const where = e.covariance_type ? `${e.covariance_type}, K = ${e.k}: ` : "";
      return where + e.message;
    });
    if (errors.length > SHOWN_ERRORS) lines.push(`and ${whole(errors.length - SHOWN_ERRORS)} more`);
    const own = typeof job.error === "string" ? job.error : job.error?.message;
    if (own) lines.unshift(own);
    if (!lines.length) return [];
    return html("Ul", { className: "task-errors" }, lines.map((line) => html("Li", {}, line)));
  }

  // --- recommendation ----------------------------------------------------------------------------

  /** {component: properties} for a recommendation record, or for none. */
  function recommendation(record, criterionName, colours, finished) {
    if (!record) {
      return {
        REC_TITLE: { children: finished ? "No recommendation" : "…" },
        REC_SCORE: {
          children: finished
            ? "No experiment gave every cluster enough members."
            : "Waiting for the first experiments.",
        },
        REC_EVIDENCE: { children: "" },
        REC_AGREEMENT_BAR: { value: 0 },
        REC_AGREEMENT: { children: "–" },
        REC_SIZES: { children: [] },
        REC_WARNINGS: { children: [] },
        REC_SHOW: { disabled: true },
      };
    }
    const votes = `${whole(record.votes)} of ${whole(record.n_votes)} experiments choose it`;
    const agreement = record.agreement;
    return {
      REC_TITLE: { children: `${record.type}, K = ${record.k}` },
      REC_SCORE: {
        children: `${criterionName} ${number(record.score)} · ${whole(record.n_parameters)} parameters`,
      },
      REC_EVIDENCE: { children: record.evidence },
      REC_AGREEMENT_BAR: { value: agreement == null ? 0 : Math.max(0, Math.round(100 * agreement)) },
      REC_AGREEMENT: {
        children: (agreement == null ? "–" : agreement.toFixed(2)) + (record.n_votes ? ` · ${votes}` : ""),
      },
      REC_SIZES: { children: sizeRows(record.sizes, colours) },
      REC_WARNINGS: { children: (record.warnings ?? []).map((text) => html("P", {}, text)) },
      REC_SHOW: { disabled: false },
    };
  }

  function sizeRows(sizes, colours) {
    const total = sizes.reduce((sum, size) => sum + size, 0) || 1;
    return sizes.map((size, c) => {
      const share = (100 * size) / total;
      const backgroundColor = colours[c];
      return html("Div", { className: "size-row", title: `cluster ${c + 1}` }, [
        html("Span", { className: "size-dot", style: { backgroundColor } }),
        html("Span", {}, whole(size)),
        html("Span", { className: "size-bar" }, [
          html("Span", { style: { width: `${share.toFixed(1)}%`, backgroundColor } }),
        ]),
        html("Span", { className: "spread" }, `${share < 1 ? share.toFixed(1) : Math.round(share)} %`),
      ]);
    });
  }

  C.cards = { progress, recommendation, gone };
})();
