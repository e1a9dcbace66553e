/** Maps of numbers as coloured cells, on a logarithmic scale from 1e-6 to 1. */

const CELL = 7;
const MARGIN = 14;
const DECADES = 6;

/** 0 below 1e-6, 1 at 1 and above. */
const strength = (x) => Math.min(1, Math.max(0, 1 + Math.log10(Math.abs(x)) / DECADES));

/** Black for plain numbers; red above 0 and blue below for signed ones. */
function colour(x, signed) {
  const rest = Math.round(255 * (1 - strength(x)));
  if (!signed) return `rgb(${rest} ${rest} ${rest})`;
  return x > 0 ? `rgb(255 ${rest} ${rest})` : `rgb(${rest} ${rest} 255)`;
}

/** Sizes the canvas in CSS pixels, sharp on any screen, and returns its context. */
function prepare(canvas, width, height) {
  const ratio = devicePixelRatio;
  Object.assign(canvas, { width: width * ratio, height: height * ratio });
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  context.font = "8px monospace";
  context.textAlign = "center";
  context.textBaseline = "middle";
  return context;
}

/** A causal N x N map with the letters of `text` along both sides. */
export function drawMap(canvas, map, text, signed) {
  const N = text.length;
  const size = MARGIN + N * CELL;
  const context = prepare(canvas, size, size);
  for (let i = 0; i < N; i++) {
    const middle = MARGIN + (i + 0.5) * CELL;
    context.fillStyle = "#222";
    context.fillText(text[i], middle, MARGIN / 2);
    context.fillText(text[i], MARGIN / 2, middle);
    for (let j = 0; j < N; j++) {
      context.fillStyle = j > i ? "#e4e4e4" : colour(map[i * N + j], signed);
      context.fillRect(MARGIN + j * CELL, MARGIN + i * CELL, CELL, CELL);
    }
  }
}

/** The scale of all three maps. */
export function drawLegend(canvas) {
  const [width, height] = [360, 12];
  const context = prepare(canvas, 2 * width + 40, height + 20);
  for (const [left, signed] of [
    [20, false],
    [width + 20, true],
  ]) {
    const inner = width - 40;
    for (let x = 0; x < inner; x++) {
      const middle = inner / 2;
      const share = signed ? Math.abs(x - middle) / middle : x / inner;
      const value = 10 ** (DECADES * (share - 1));
      context.fillStyle = colour(signed && x < middle ? -value : value, signed);
      context.fillRect(left + x, 0, 1, height);
    }
    const ticks = signed ? ["-1", "-1e-3", "0", "1e-3", "1"] : ["1e-6", "1e-3", "1"];
    context.fillStyle = "#222";
    for (const [n, tick] of ticks.entries()) {
      context.fillText(tick, left + (inner * n) / (ticks.length - 1), height + 9);
    }
  }
}
