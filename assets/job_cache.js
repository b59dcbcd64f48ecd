/* What the server has told so far about one job, decoded once.
 *
 * A JobCache takes the answers of GET /api/jobs/<id>/updates and /points as they come and keeps them as
 * typed arrays. It draws nothing and fetches nothing.
 */
(() => {
  "use strict";
  const C = (window.centaurus ??= {});

  const FINISHED = new Set(["done", "cancelled", "failed"]);

  function decodeBytes(base64) {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
    const text = atob(base64);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    return bytes;
  }

  class JobCache {
    constructor(jobId) {
      this.jobId = jobId;
      this.cursor = 0;
      this.token = "";
      this.job = null; // progress, as the server counts it
      this.cells = new Map(); // "type|k" -> {type, k, n, scores, model, labels, ...}
      this.colours = {}; // "type|k" -> palette slot per cluster
      this.recommended = {}; // criterion -> recommendation or null
      this.points = null; // {columns, units, nRows, nShown, rows, values: [Float32Array per column]}
    }

    get finished() {
      return this.job !== null && FINISHED.has(this.job.state);
    }

    cell(type, k) {
      return this.cells.get(`${type}|${k}`);
    }

    /** Take one answer; tells which "type|k" cells changed. */
    absorb(payload) {
      const changed = new Set();
      if (payload.cursor < this.cursor) {
        // The server counts from the beginning again (its store was replaced) and sent everything.
        this.cells.clear();
        this.colours = {};
      }
      for (const cell of payload.cells ?? []) {
        const key = `${cell.type}|${cell.k}`;
        const known = this.cells.get(key);
        const next = { ...cell, model: known?.model ?? null, labels: known?.labels ?? null };
        if (cell.model) {
          // The text of the labels is not kept: the decoded bytes are four thirds smaller.
          const { labels, ...model } = cell.model;
          next.model = model;
          next.labels = labels ? decodeBytes(labels) : null;
        }
        this.cells.set(key, next);
        changed.add(key);
      }
      const colours = payload.colours ?? {};
      for (const [key, slots] of Object.entries(colours)) {
        if (String(this.colours[key]) !== String(slots)) changed.add(key);
        this.colours[key] = slots;
      }
      this.recommended = payload.recommended ?? this.recommended;
      this.job = payload.job ?? this.job;
      this.cursor = payload.cursor ?? this.cursor;
      this.token = payload.token ?? this.token;
      return changed;
    }

    setPoints(payload) {
      const bytes = decodeBytes(payload.values);
      const all = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
      const n = payload.n_shown;
      const rows = decodeBytes(payload.rows);
      this.points = {
        columns: payload.columns,
        units: payload.units ?? [],
        nRows: payload.n_rows,
        nShown: n,
        rows: new Int32Array(rows.buffer, rows.byteOffset, rows.byteLength / 4),
        values: payload.columns.map((_, i) => all.subarray(i * n, (i + 1) * n)),
      };
    }

    /** The type with the highest score at this K, or null. Larger is better for every criterion. */
    bestTypeAt(k, criterion) {
      let best = null;
      for (const cell of this.cells.values()) {
        const score = cell.k === k && cell.eligible ? cell.scores?.[criterion]?.best : null;
        if (score != null && (best === null || score > best.score)) best = { type: cell.type, score };
      }
      return best && best.type;
    }
  }

  C.JobCache = JobCache;
})();
