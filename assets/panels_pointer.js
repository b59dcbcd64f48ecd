/* Clicks and hovering over an element that Plotly also listens to.
 *
 * Plotly uses the pointer for zoom, pan and double clicks, so only what is none of these is passed on: a
 * press without movement that no second one follows, and moves without a pressed button.
 */
(() => {
  "use strict";
  const C = (window.centaurus ??= {});

  const STILL = 4; // pixels between press and release of a click
  const DOUBLE_CLICK_MS = 300; // Plotly's own

  /** `listener`: clickable(x, y), onClick(x, y), onHover(x, y), onLeave(); pixels of the element. */
  function listenToPointer(element, listener) {
    let down = null;
    let choosing = null;
    let chosenAt = -Infinity;
    let hovering = false;
    const at = (event) => {
      const box = element.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };

    element.addEventListener("pointerdown", (event) => (down = event.button === 0 ? at(event) : null), true);

    // Plotly covers the window while a drag lasts, so the end of a press is heard there.
    const released = (event) => {
      if (!down) return;
      const [x, y] = at(event);
      const pressed = down;
      down = null;
      clearTimeout(choosing); // a second click: Plotly resets the zoom
      const moved = Math.hypot(x - pressed[0], y - pressed[1]) >= STILL;
      const onButton = event.target.closest?.(".modebar, button");
      if (moved || onButton || !listener.clickable(x, y)) return;
      if (performance.now() - chosenAt < DOUBLE_CLICK_MS) return;
      chosenAt = performance.now();
      choosing = setTimeout(() => listener.onClick(x, y), DOUBLE_CLICK_MS);
    };
    window.addEventListener("pointerup", released, true);

    element.addEventListener("pointermove", (event) => {
      if (hovering) return;
      hovering = true;
      requestAnimationFrame(() => {
        hovering = false;
        if (event.buttons) listener.onLeave();
        else listener.onHover(...at(event));
      });
    });
    element.addEventListener("pointerleave", () => listener.onLeave());
  }

  C.listenToPointer = listenToPointer;
})();
