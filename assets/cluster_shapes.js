/* A cluster's shape over its points: the 95 % ellipse of its covariance and its numbered centre. */
(() => {
  "use strict";
  const C = (window.centaurus ??= {});

  const ELLIPSE_SCALE = Math.sqrt(-2 * Math.log(0.05)); // 95 % of a 2-D normal (chi square, 2 d.o.f.)
  const NORMAL_95 = 1.959964; // 95 % of a 1-D normal, two-sided
  const CENTRE_RADIUS = 8;

  /** Corners of the 95 % ellipse (or, with one column, of the 95 % interval) in data units. */
  function ellipsePath({ mean, covariance }, ix, iy) {
    if (iy === null) {
      const half = NORMAL_95 * Math.sqrt(covariance[ix][ix]);
      return [[mean[ix] - half, 0.1], [mean[ix] + half, 0.1], [mean[ix] + half, 0.9], [mean[ix] - half, 0.9]];
    }
    // Cholesky factor of the marginal covariance of the two axes.
    const a = Math.sqrt(covariance[ix][ix]);
    const b = a > 0 ? covariance[ix][iy] / a : 0;
    const c = Math.sqrt(Math.max(0, covariance[iy][iy] - b * b));
    return Array.from({ length: 73 }, (_, i) => {
      const u = ELLIPSE_SCALE * Math.cos((i * Math.PI) / 36);
      const v = ELLIPSE_SCALE * Math.sin((i * Math.PI) / 36);
      return [mean[ix] + a * u, mean[iy] + b * u + c * v];
    });
  }

  function strokeEllipse(context, cluster, { ix, iy, toX, toY }, colour, ink) {
    context.beginPath();
    ellipsePath(cluster, ix, iy).forEach(([x, y], i) => {
      if (i === 0) context.moveTo(toX(x), toY(y));
      else context.lineTo(toX(x), toY(y));
    });
    context.closePath();
    context.lineJoin = "round";
    // The halo separates the line from points of the same colour.
    context.strokeStyle = ink.ellipse_halo;
    context.lineWidth = 4.5;
    context.globalAlpha = 0.85;
    context.stroke();
    context.globalAlpha = 1;
    context.strokeStyle = colour;
    context.lineWidth = 2;
    context.stroke();
  }

  function drawCentre(context, x, y, number, colour, ink, font) {
    context.beginPath();
    context.arc(x, y, CENTRE_RADIUS, 0, 2 * Math.PI);
    context.fillStyle = ink.background;
    context.fill();
    context.strokeStyle = colour;
    context.lineWidth = 2;
    context.stroke();
    context.fillStyle = ink.text;
    context.font = `600 11px ${font}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(String(number), x, y + 0.5);
  }

  C.shapes = { ellipsePath, strokeEllipse, drawCentre };
})();
