/**
 * The explanation of a control, on hover and on keyboard focus.
 *
 * One bubble for the whole page: the element under the pointer, or with the focus, that lies in a
 * `.explained` says what to show (data-explanation) and where (data-side: top, bottom, left or
 * right). While it is shown, the focused control is described by it (aria-describedby). Escape hides
 * it, so do a press and scrolling.
 */
(() => {
  "use strict";
  const DELAY_MS = 350;
  const GAP_PX = 8;
  const EDGE_PX = 6; // kept free at the window's edges

  let bubble = null;
  let shownFor = null;
  let described = null;
  let timer = null;

  function place(side, box) {
    const { offsetWidth: width, offsetHeight: height } = bubble;
    const { innerWidth, innerHeight } = window;
    const room = {
      top: box.top - height,
      bottom: innerHeight - box.bottom - height,
      left: box.left - width,
      right: innerWidth - box.right - width,
    };
    const opposite = { top: "bottom", bottom: "top", left: "right", right: "left" };
    const needed = GAP_PX + EDGE_PX;
    const fits = [side, opposite[side], "bottom", "top"].find((name) => room[name] >= needed);
    const where = fits ?? side;
    let x = box.left + (box.width - width) / 2;
    let y = box.top + (box.height - height) / 2;
    if (where === "top") y = box.top - height - GAP_PX;
    if (where === "bottom") y = box.bottom + GAP_PX;
    if (where === "left") x = box.left - width - GAP_PX;
    if (where === "right") x = box.right + GAP_PX;
    const within = (value, size, limit) =>
      Math.max(EDGE_PX, Math.min(value, limit - size - EDGE_PX));
    bubble.style.left = `${within(x, width, innerWidth)}px`;
    bubble.style.top = `${within(y, height, innerHeight)}px`;
  }

  function show(holder, control) {
    if (!holder.isConnected) return;
    if (!bubble) {
      bubble = document.createElement("div");
      bubble.id = "explanation";
      bubble.setAttribute("role", "tooltip");
      document.body.append(bubble);
    }
    bubble.textContent = holder.dataset.explanation;
    bubble.classList.add("shown");
    place(holder.dataset.side, holder.getBoundingClientRect());
    if (control && !control.hasAttribute("aria-describedby")) {
      described = control;
      described.setAttribute("aria-describedby", bubble.id);
    }
  }

  function hide() {
    clearTimeout(timer);
    shownFor = null;
    bubble?.classList.remove("shown");
    described?.removeAttribute("aria-describedby");
    described = null;
  }

  function ask(target, control) {
    const holder = target.closest?.(".explained[data-explanation]") ?? null;
    if (holder === shownFor) return;
    hide();
    if (!holder) return;
    shownFor = holder;
    timer = setTimeout(() => show(holder, control), DELAY_MS);
  }

  document.addEventListener("pointerover", (event) => {
    if (event.pointerType !== "touch") ask(event.target, null);
  });
  document.addEventListener("focusin", (event) => {
    // A press moves the focus as well, but asks for no explanation.
    if (event.target.matches(":focus-visible")) ask(event.target, event.target);
  });
  document.addEventListener("focusout", hide);
  document.documentElement.addEventListener("pointerleave", hide);
  document.addEventListener("pointerdown", hide);
  document.addEventListener("scroll", hide, { capture: true, passive: true });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
  });
})();
