/* The polling loop: follows one job with a cursor until it is finished.
 *
 * One request at a time; the next one starts 300 ms after the last began (later when it was slow), so that
 * a slow server is never asked twice. When the server does not answer, the pause doubles up to five
 * seconds and the page says so; the cursor is kept, so nothing is lost or received twice.
 */
(() => {
  "use strict";
  const C = (window.centaurus ??= {});

  const PERIOD_MS = 300;
  const FIRST_PERIOD_MS = 80; // until there is something to show
  const LEAST_PAUSE_MS = 120;
  const REQUEST_MS = 15_000;
  const FIRST_RETRY_MS = 500;
  const LAST_RETRY_MS = 5_000;
  const LOST_AFTER = 2; // failures in a row until the page says "reconnecting"

  function pathPrefix() {
    try {
      const config = JSON.parse(document.getElementById("_dash-config").textContent);
      return config.requests_pathname_prefix ?? "/";
    } catch {
      return "/";
    }
  }

  class UpdatesFeed {
    /** `listener`: {onUpdate(changedKeys), onPoints(), onConnection("ok" | "reconnecting" | "gone", code)};
     *  `code` says what is gone, the job or its dataset. */
    constructor(cache, listener) {
      this.cache = cache;
      this.listener = listener;
      this.stopped = false;
      this.abort = new AbortController();
      this.connection = "ok";
      this.following = false;
      this.base = `${pathPrefix()}api/jobs/${encodeURIComponent(cache.jobId)}`;
    }

    start() {
      // The points come beside the updates: curves must not wait for them.
      this.repeat(() => this.fetchPoints());
      this.follow();
      // A finished job may be deleted or run again elsewhere: who comes back to this tab sees it.
      const back = () => document.visibilityState === "visible" && !this.following && this.follow();
      const signal = this.abort.signal;
      window.addEventListener("focus", back, { signal });
      document.addEventListener("visibilitychange", back, { signal });
    }

    async follow() {
      this.following = true;
      await this.repeat(() => this.fetchUpdates());
      this.following = false;
    }

    stop() {
      this.stopped = true;
      this.abort.abort();
    }

    /** Run `step` until it answers true (finished); a failed step is tried again, later and later. */
    async repeat(step) {
      let failures = 0;
      while (!this.stopped) {
        const began = performance.now();
        let pause;
        try {
          if (await step()) return;
          failures = 0;
          const waiting = this.cache.cells.size === 0 && !this.cache.finished;
          const spent = performance.now() - began;
          pause = waiting ? FIRST_PERIOD_MS : Math.max(LEAST_PAUSE_MS, PERIOD_MS - spent);
        } catch (error) {
          if (this.stopped) return;
          if (error.gone) {
            this.stop();
            this.tell("gone", error.gone);
            return;
          }
          failures += 1;
          if (failures >= LOST_AFTER) this.tell("reconnecting");
          pause = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1));
        }
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }

    tell(connection, code) {
      if (this.connection === connection) return;
      this.connection = connection;
      this.listener.onConnection(connection, code);
    }

    async fetchUpdates() {
      const { cursor, token } = this.cache;
      const query = `after=${cursor}&state=${encodeURIComponent(token)}`;
      const response = await this.request(`${this.base}/updates?${query}`);
      if (this.stopped) return true;
      this.tell("ok");
      if (response.status === 204) return this.cache.finished;
      const payload = await response.json();
      if (this.stopped) return true;
      this.listener.onUpdate(this.cache.absorb(payload));
      // A finished job is asked once more: an answer may hold only a part of what was new.
      return false;
    }

    async fetchPoints() {
      const response = await this.request(`${this.base}/points`);
      const payload = await response.json();
      if (this.stopped) return true;
      this.cache.setPoints(payload);
      this.listener.onPoints();
      return true;
    }

    async request(url) {
      const signal = AbortSignal.any([this.abort.signal, AbortSignal.timeout(REQUEST_MS)]);
      const response = await fetch(url, { signal, cache: "no-store" });
      if (response.status === 404) {
        const answer = await response.json().catch(() => ({}));
        throw Object.assign(new Error("no such job"), { gone: answer.error?.code ?? "unknown_job" });
      }
      if (!response.ok) throw new Error(`${url} answered ${response.status}`);
      return response;
    }
  }

  C.UpdatesFeed = UpdatesFeed;
})();
