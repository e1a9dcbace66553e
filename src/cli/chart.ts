/** Line charts as SVG text. */

export interface Line {
  name: string;
  points: readonly (readonly [x: number, y: number])[];
}

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT] = [640, 260, 56, 28, 12, 12];
const COLOURS = ["#1b6ca8", "#c8553d"];

export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]!);

/** Means over as many parts as a chart can show. */
export function smooth(values: readonly number[], parts = 200): [number, number][] {
  const size = Math.max(1, Math.ceil(values.length / parts));
  const points: [number, number][] = [];
  for (let first = 0; first < values.length; first += size) {
    const part = values.slice(first, first + size);
    points.push([first + part.length, part.reduce((a, b) => a + b, 0) / part.length]);
  }
  return points;
}

export function chart(title: string, lines: readonly Line[]): string {
  const all = lines.flatMap(({ points }) => points);
  if (all.length === 0) return "";
  let [most, low, high] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const [x, y] of all) [most, low, high] = [Math.max(most, x), Math.min(low, y), Math.max(high, y)];
  const x = (value: number) => LEFT + (value / most) * (WIDTH - LEFT - RIGHT);
  const y = (value: number) => HEIGHT - BOTTOM - ((value - low) / (high - low || 1)) * (HEIGHT - BOTTOM - TOP);
  const ticks = Array.from({ length: 5 }, (_, n) => low + ((high - low) * n) / 4);
  const grid = ticks.map((value) => {
    const at = y(value).toFixed(1);
    return `<path d="M${LEFT} ${at}H${WIDTH - RIGHT}" stroke="#ddd"/><text x="${LEFT - 6}" y="${at}" text-anchor="end" dy="4">${value.toPrecision(3)}</text>`;
  });
  const step = (value: number, anchor: string, unit = "") =>
    `<text x="${x(value)}" y="${HEIGHT - 8}" text-anchor="${anchor}">${unit}${Math.round(value)}</text>`;
  const steps = [step(0, "middle"), step(most / 2, "middle"), step(most, "end", "step ")];
  const drawn = lines.map(({ points }, n) => {
    // The last point twice, with round ends: a line of one point shows too.
    const path = [...points, ...points.slice(-1)]
      .map(([px, py]) => `${x(px).toFixed(1)},${y(py).toFixed(1)}`)
      .join(" ");
    // Of two lines the first is broad and pale, so that it shows where the second lies on it.
    const [line, dot, opacity] = n < lines.length - 1 ? [5, 9, 0.4] : [1.6, 6, 1];
    return `<polyline points="${path}" fill="none" stroke="${COLOURS[n % 2]}" stroke-width="${points.length > 1 ? line : dot}" stroke-opacity="${opacity}" stroke-linecap="round"/>`;
  });
  const key = lines.map(({ name }, n) => `<span style="color:${COLOURS[n % 2]}">${escapeHtml(name)}</span>`).join(" ");
  return `<h2>${escapeHtml(title)}</h2><p>${key}</p><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(title)}">${[...grid, ...steps, ...drawn].join("")}</svg>`;
}
