/* What lies above the panels as ordinary HTML: titles (buttons), frames, sentences, the tooltip.
 *
 * Titles are buttons, so a panel can be chosen with the keyboard and is announced. All texts are set with
 * textContent: names that come from a file are never read as HTML.
 */
(() => {
  "use strict";
  const C = (window.centaurus ??= {});

  function element(tag, className, parent) {
    const node = document.createElement(tag);
    node.className = className;
    parent.append(node);
    return node;
  }

  function setText(node, text) {
    if (node.textContent !== text) node.textContent = text;
  }

  class PanelsOverlay {
    /** `host`: the graph's outer element; `onChoose(type)` is called when a panel is chosen. */
    constructor(host, types, onChoose) {
      this.host = host;
      this.types = types;
      host.classList.add("panels-host");
      // The box around a graph may be announced as one picture, which would hide the buttons in it.
      host.closest("[role=img], [role=figure]")?.setAttribute("role", "group");
      this.canvas = element("canvas", "panels-canvas", host);
      this.canvas.setAttribute("aria-hidden", "true");
      this.layer = element("div", "panels-layer", host);
      this.panels = types.map((type) => {
        const frame = element("div", "panel-frame", this.layer);
        const title = element("button", "panel-title", this.layer);
        title.type = "button";
        title.dataset.type = type;
        title.addEventListener("click", () => onChoose(type));
        const sentence = element("div", "panel-sentence", this.layer);
        return {
          frame,
          title,
          name: element("span", "panel-name", title),
          score: element("span", "panel-score", title),
          mark: element("span", "panel-mark", title),
          sentence,
        };
      });
      this.tooltip = element("div", "panel-tooltip", this.layer);
      this.tooltip.hidden = true;
    }

    get connected() {
      return this.canvas.isConnected && this.layer.isConnected;
    }

    place(grid) {
      grid.boxes.forEach((box, i) => {
        const { frame, title, sentence } = this.panels[i];
        Object.assign(frame.style, {
          left: `${box.x - 7}px`,
          top: `${box.y - 27}px`,
          width: `${box.w + 14}px`,
          height: `${box.h + 33}px`,
        });
        Object.assign(title.style, { left: `${box.x - 2}px`, top: `${box.y - 24}px`, maxWidth: `${box.w + 18}px` });
        Object.assign(sentence.style, {
          left: `${box.x}px`,
          top: `${box.y}px`,
          width: `${box.w}px`,
          height: `${box.h}px`,
        });
      });
    }

    /** `texts[i]`: {name, score, mark, tiny, detail, sentence, selected}. */
    show(texts) {
      texts.forEach((text, i) => {
        const panel = this.panels[i];
        setText(panel.name, text.name);
        setText(panel.score, text.score);
        setText(panel.mark, text.mark);
        panel.mark.classList.toggle("tiny", text.tiny);
        setText(panel.sentence, text.sentence);
        panel.sentence.hidden = text.sentence === "";
        panel.title.disabled = text.sentence !== "";
        panel.title.title = text.detail;
        panel.title.setAttribute("aria-pressed", String(text.selected));
        panel.frame.classList.toggle("selected", text.selected);
      });
    }

    /** `lines`: texts of the tooltip next to (x, y) in graph pixels; null hides it. */
    showTooltip(lines, x, y, colour) {
      this.tooltip.hidden = lines === null;
      if (lines === null) return;
      setText(this.tooltip, lines.join("\n"));
      this.tooltip.style.borderLeftColor = colour;
      const left = x + 14 + this.tooltip.offsetWidth > this.host.clientWidth;
      this.tooltip.style.left = `${left ? x - 14 - this.tooltip.offsetWidth : x + 14}px`;
      this.tooltip.style.top = `${Math.max(0, y - this.tooltip.offsetHeight - 8)}px`;
    }
  }

  C.PanelsOverlay = PanelsOverlay;
})();
