/** The little of SVG that the charts need: a plot area with axes, markers, a legend. Legible on light and dark pages. */

export interface Series {
  name: string;
  colour: string;
  marker: Marker;
}

export type Marker = "circle" | "square" | "diamond" | "triangle" | "down" | "cross" | "ring";

/** Mid tones, apart for most eyes on white and on black; the markers differ as well. */
export const palette = {
  red: "#d1495b",
  orange: "#e08e1b",
  blue: "#3d8bd4",
  green: "#2fa36b",
  purple: "#a96bd1",
  grey: "#8a8f98",
} as const;

const STYLE = `
  text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #333a42 }
  .title { font-size: 15px; font-weight: 600 }
  .grid { stroke: #8a8f98; stroke-opacity: .3 }
  .axis { stroke: #8a8f98 }
  @media (prefers-color-scheme: dark) { text { fill: #d5dae0 } }`;

const round = (x: number): string => String(Math.round(10 * x) / 10);
const escaped = (x: string): string => x.replace(/&/g, "&amp;").replace(/</g, "&lt;");

type Anchor = "start" | "middle" | "end";

export const text = (x: number, y: number, content: string, anchor: Anchor = "start", style = ""): string =>
  `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}"${style}>${escaped(content)}</text>`;

export const title = (content: string): string => text(14, 22, content, "start", ' class="title"');

export const line = (x1: number, y1: number, x2: number, y2: number, style = 'class="grid"'): string =>
  `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" ${style}/>`;

const shapes: Readonly<Record<Marker, string>> = {
  circle: "M-5,0a5,5 0 1,0 10,0a5,5 0 1,0 -10,0z",
  square: "M-4.5,-4.5h9v9h-9z",
  diamond: "M0,-6l6,6l-6,6l-6,-6z",
  triangle: "M0,-6l6,10h-12z",
  down: "M0,6l6,-10h-12z",
  cross: "M-4.5,-4.5l9,9m0,-9l-9,9",
  ring: "M-4.5,0a4.5,4.5 0 1,0 9,0a4.5,4.5 0 1,0 -9,0z",
};

export function marker(x: number, y: number, { colour, marker }: Series): string {
  const open = marker === "cross" || marker === "ring";
  const paint = open ? `fill="none" stroke="${colour}" stroke-width="2.5"` : `fill="${colour}"`;
  return `<path transform="translate(${round(x)},${round(y)})" d="${shapes[marker]}" ${paint}/>`;
}

export function path(points: readonly (readonly [number, number])[], colour: string, width = 2): string {
  const d = points.map(([x, y], n) => `${n === 0 ? "M" : "L"}${round(x)},${round(y)}`).join("");
  return `<path d="${d}" fill="none" stroke="${colour}" stroke-width="${width}"/>`;
}

/** Names with their markers in rows of `width` at most. Returns the height as well. */
export function legend(
  series: readonly Series[],
  x: number,
  y: number,
  width: number,
): { svg: string; height: number } {
  const parts: string[] = [];
  let [left, row] = [0, 0];
  for (const one of series) {
    const wide = 32 + 7.1 * one.name.length;
    if (left > 0 && left + wide > width) [left, row] = [0, row + 1];
    parts.push(marker(x + left + 6, y + 22 * row - 4, one), text(x + left + 17, y + 22 * row, one.name));
    left += wide;
  }
  return { svg: parts.join("\n"), height: 22 * (row + 1) };
}

/** A logarithmic axis from `low` to `high` over [start, end]. */
export function logScale(low: number, high: number, start: number, end: number): (value: number) => number {
  const span = Math.log(high / low);
  return (value) => start + ((end - start) * Math.log(value / low)) / span;
}

/** A linear one. */
export const linearScale =
  (low: number, high: number, start: number, end: number) =>
  (value: number): number =>
    start + ((end - start) * (value - low)) / (high - low);

export function svg(width: number, height: number, label: string, parts: readonly string[]): string {
  const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img"`;
  return `${head} aria-label="${escaped(label)}">\n<style>${STYLE}\n</style>\n${parts.join("\n")}\n</svg>\n`;
}
