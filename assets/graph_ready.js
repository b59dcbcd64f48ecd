/* Waiting for a graph: Plotly itself is loaded late, and the first figure is drawn later still. */
(() => {
  "use strict";
  const C = (window.centaurus ??= {});

  const RETRY_MS = 60;
  const RETRIES = 400;

  /** Call `attach(element, gd)` once Plotly has drawn the graph `id`; gives up after 24 s. */
  async function whenDrawn(id, attach) {
    for (let i = 0; i < RETRIES; i++) {
      const element = document.getElementById(id);
      const gd = element?.querySelector(".js-plotly-plot");
      if (window.Plotly && gd?.layout && gd.on) {
        try {
          attach(element, gd);
        } catch (error) {
          console.error(`${id}:`, error);
        }
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
    console.warn(`${id} was never drawn`);
  }

  C.whenDrawn = whenDrawn;
})();
