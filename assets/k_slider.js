/* What a person does with the K slider, straight from its element.
 *
 * The way through Dash's callbacks costs three to five times as much as painting the six panels, and a drag
 * makes many steps. The thumb's aria-valuenow is the public face of every step. Only what a person moves is
 * told: the slider also changes when its range does, or when a clustering is selected elsewhere.
 */
(() => {
  "use strict";
  const C = (window.centaurus ??= {});

  const TOUCH_MS = 1000; // a change later than this after the last key press is not a person's
  const followed = new WeakSet();

  let touchedAt = -Infinity;
  let pressed = false;

  /** Call `onMove(k)` on every step that a person makes on the slider `element`. */
  function followSlider(element, onMove) {
    if (followed.has(element)) return;
    followed.add(element);
    // On the window, because React hears events at the page's root, before any element in it.
    const listen = (name, pressing) =>
      window.addEventListener(
        name,
        (event) => {
          if (!pressed && !element.contains(event.target)) return;
          touchedAt = performance.now();
          pressed = pressing;
        },
        true,
      );
    listen("keydown", false);
    listen("pointerdown", true);
    listen("pointerup", false);
    listen("pointercancel", false);
    new MutationObserver(() => {
      if (!pressed && performance.now() - touchedAt > TOUCH_MS) return;
      const k = Number(element.querySelector("[role=slider]")?.getAttribute("aria-valuenow"));
      if (k) onMove(k);
    }).observe(element, { subtree: true, attributes: true, attributeFilter: ["aria-valuenow"] });
  }

  /** The slider is about to be moved by the page: that is not a person's step, however late it shows. */
  function letGoOfSlider() {
    touchedAt = -Infinity;
    pressed = false;
  }

  /** Labels under the slider, no more of them than fit. */
  function sliderMarks(low, high) {
    const step = Math.max(1, Math.ceil((high - low) / 20));
    const marks = [];
    for (let k = low; k <= high; k += step) marks.push({ value: k, label: String(k) });
    return marks;
  }

  Object.assign(C, { followSlider, letGoOfSlider, sliderMarks });
})();
