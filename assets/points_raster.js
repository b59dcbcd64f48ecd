/* Points as pixels: thousands of small anti-aliased discs written straight into an ImageData.
 *
 * Six panels show the same points in different colours, so the work is split: `place` finds the pixel of
 * every point once per view (zoom, size), `paint` runs once per panel and only mixes colours. At 6 x 5,000
 * points a step takes a few milliseconds, where WebGL traces need more than a hundred with software GL.
 * No canvas is needed here: the functions work on plain arrays.
 */
(() => {
  "use strict";
  const C = (window.centaurus ??= {});

  const PHASES = 4; // a disc can be centred on a quarter of a pixel in x and in y
  const SAMPLES = 6; // per pixel and direction, for the coverage of a disc's edge
  const FULL = 128; // an opaque alpha: 7 bits, so that two colour channels fit into one int32 product

  /** Radius of a point in CSS pixels: smaller when there are more of them. */
  function pointRadius(n) {
    return Math.min(2.6, Math.max(1.2, 2.6 - 0.77 * Math.log10(Math.max(n, 1) / 300)));
  }

  /** Coverage of a disc of `radius` pixels for each phase, for an image of `stride` pixels a row. */
  function discs(radius, opacity, stride) {
    const reach = Math.ceil(radius) + 1;
    const shapes = [];
    for (let phase = 0; phase < PHASES * PHASES; phase++) {
      const cx = ((phase % PHASES) + 0.5) / PHASES;
      const cy = (Math.floor(phase / PHASES) + 0.5) / PHASES;
      const at = [];
      const alpha = [];
      for (let y = -reach; y <= reach; y++) {
        for (let x = -reach; x <= reach; x++) {
          let inside = 0;
          for (let s = 0; s < SAMPLES * SAMPLES; s++) {
            const dx = x + ((s % SAMPLES) + 0.5) / SAMPLES - cx;
            const dy = y + (Math.floor(s / SAMPLES) + 0.5) / SAMPLES - cy;
            if (dx * dx + dy * dy <= radius * radius) inside++;
          }
          const a = Math.round((inside / (SAMPLES * SAMPLES)) * opacity * FULL);
          if (a > 0) {
            at.push(y * stride + x);
            alpha.push(a);
          }
        }
      }
      shapes.push({ at: Int32Array.from(at), alpha: Int32Array.from(alpha) });
    }
    return { shapes, reach };
  }

  /** Pixel index and phase of every point; -1 where it is outside.
   *  `view`: {left, perX, top, perY}: pixel = left + x * perX, top + y * perY, inside width x height.
   *  The image has a rim of `reach` pixels on every side, so that painting needs no clipping. */
  function place(xs, ys, view, width, height, reach) {
    const n = xs.length;
    const stride = width + 2 * reach;
    const offset = new Int32Array(n);
    const phase = new Uint8Array(n);
    for (let i = 0; i < n; i++) {
      const x = view.left + xs[i] * view.perX;
      const y = view.top + ys[i] * view.perY;
      if (!(x >= 0 && y >= 0 && x < width && y < height)) {
        offset[i] = -1;
        continue;
      }
      const px = Math.floor(x);
      const py = Math.floor(y);
      offset[i] = (py + reach) * stride + px + reach;
      phase[i] = Math.floor((y - py) * PHASES) * PHASES + Math.floor((x - px) * PHASES);
    }
    return { offset, phase };
  }

  /** 0xAABBGGRR of "#rrggbb", as an ImageData's bytes lie in memory (little endian). */
  function packed(hex) {
    const rgb = parseInt(hex.slice(1, 7), 16);
    return ((rgb & 0xff) << 16) | (rgb & 0xff00) | (rgb >> 16);
  }

  /** Paint all points into `pixels` (Int32Array over an ImageData). `labels[i]` picks from `colours`. */
  function paint(pixels, placed, labels, colours, background, shapes) {
    const { offset, phase } = placed;
    const redBlue = new Int32Array(256);
    const green = new Int32Array(256);
    for (let c = 0; c < 256; c++) {
      const colour = packed(colours[c % colours.length]);
      redBlue[c] = colour & 0xff00ff;
      green[c] = colour & 0xff00;
    }
    pixels.fill(packed(background)); // alpha 0: invisible, but edges mix with the right colour
    for (let i = 0; i < offset.length; i++) {
      const start = offset[i];
      if (start < 0) continue;
      const { at, alpha } = shapes[phase[i]];
      const rb = redBlue[labels[i]];
      const g = green[labels[i]];
      for (let j = 0; j < at.length; j++) {
        const p = start + at[j];
        const a = alpha[j];
        const old = pixels[p];
        pixels[p] =
          0xff000000 |
          (((Math.imul(rb, a) + Math.imul(old & 0xff00ff, FULL - a)) >>> 7) & 0xff00ff) |
          (((Math.imul(g, a) + Math.imul(old & 0xff00, FULL - a)) >>> 7) & 0xff00);
      }
    }
  }

  C.raster = { pointRadius, discs, place, paint };
})();
