/** The two charts of the README, from the numbers of bench:peers. */
import type { Growth } from "./peers/costs.js";
import type { WorkloadResult } from "./peers/run.js";
import { legend, line, logScale, marker, palette, path, type Series, svg, text, title } from "./svg.js";
import { ours } from "./tables.js";
import { variantName } from "./tasks.js";

/** How each line looks in both charts; what is not listed here is not drawn. */
const looks: Readonly<Record<string, Omit<Series, "name">>> = {
  "laser-attention/relaxed": { colour: palette.red, marker: "diamond" },
  "laser-attention/relaxed, LASER": { colour: palette.red, marker: "ring" },
  "laser-attention, plain": { colour: palette.red, marker: "diamond" },
  "onnxruntime-web": { colour: palette.orange, marker: "circle" },
  "tfjs-wasm": { colour: palette.blue, marker: "square" },
  "jax-js": { colour: palette.green, marker: "triangle" },
  "onnxruntime-node": { colour: palette.purple, marker: "down" },
  "plain JS": { colour: palette.grey, marker: "cross" },
};
const seriesOf = (names: ReadonlySet<string>): Series[] =>
  Object.entries(looks).flatMap(([name, look]) => (names.has(name) ? [{ name, ...look }] : []));

const WIDTH = 860;
/** 1, 2, 5, 10, ... within [low, high]. */
function ticks(low: number, high: number): number[] {
  const all: number[] = [];
  for (let power = 10 ** Math.floor(Math.log10(low)); power <= high; power *= 10) {
    all.push(power, 2 * power, 5 * power);
  }
  return all.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
}

/** The name of a workload without what a chart's reader can do without: "ViT N 197 forward + backward". */
const shortName = (name: string): string =>
  name.replace(/ H [\d/]+| D \d+| standard/g, "").replace("both", "forward + backward");

/** A row a workload, a mark a peer: its time over that of our relaxed build. */
export function ratioChart(workloads: readonly WorkloadResult[]): string {
  const [left, right, rowHeight] = [300, WIDTH - 20, 21];
  const look = (peer: string) => (peer === "laser-attention" ? "laser-attention, plain" : peer);
  const names = new Set(workloads.flatMap(({ results }) => results.map(({ peer }) => look(peer))));
  names.delete(ours);
  const series = seriesOf(names);
  const all = workloads.flatMap(({ results }) => results.map(({ ratios }) => ratios[ours]!)).filter(Boolean);
  const [low, high] = [Math.min(0.5, ...all) * 0.95, Math.max(2, ...all) * 1.05];
  const key = legend(series, left, 48, right - left);
  const top = 48 + key.height + 8;
  const bottom = top + rowHeight * workloads.length;
  const x = logScale(low, high, left, right);
  const parts = [title("Time of one call, as a multiple of laser-attention/relaxed")];
  parts.push(key.svg);
  for (const tick of ticks(low, high)) {
    parts.push(line(x(tick), top, x(tick), bottom), text(x(tick), bottom + 18, String(tick), "middle"));
  }
  parts.push(line(x(1), top, x(1), bottom, `stroke="${palette.red}" stroke-width="2"`));
  parts.push(
    text(x(1) - 8, bottom + 37, "← faster", "end"),
    text(x(1) + 8, bottom + 37, "slower than laser-attention/relaxed →"),
  );
  for (const [n, { name, results }] of workloads.entries()) {
    const y = top + rowHeight * (n + 0.5);
    parts.push(text(left - 10, y + 4.5, shortName(name), "end"), line(left, y, right, y));
    for (const one of series) {
      const ratio = results.find(({ peer }) => look(peer) === one.name)?.ratios[ours];
      if (ratio !== undefined) parts.push(marker(x(ratio), y, one));
    }
  }
  return svg(WIDTH, bottom + 48, "Time of each library as a multiple of laser-attention/relaxed, by workload", parts);
}

interface Panel {
  name: string;
  left: number;
  right: number;
  value(one: Growth): number;
  unit: string;
}

function drawPanel({ name, left, right, value, unit }: Panel, growth: readonly Growth[], top: number, bottom: number) {
  const lengths = [...new Set(growth.map(({ N }) => N))].sort((a, b) => a - b);
  const values = growth.map(value);
  const [low, high] = [Math.min(...values) / 1.2, Math.max(...values) * 1.2];
  const x = logScale(lengths[0]!, lengths.at(-1)!, left + 8, right - 8);
  const y = logScale(low, high, bottom, top);
  const parts = [text(left, top - 12, name)];
  for (const tick of ticks(low, high)) {
    parts.push(line(left, y(tick), right, y(tick)), text(left - 7, y(tick) + 4.5, `${tick}`, "end"));
  }
  parts.push(text(left - 7, top - 12, unit, "end"));
  for (const N of lengths) {
    const [label, at] = [N >= 1024 ? `${N / 1024}k` : String(N), x(N)];
    parts.push(line(at, bottom, at, bottom + 4, 'class="axis"'), text(at, bottom + 19, label, "middle"));
  }
  parts.push(line(left, bottom, right, bottom, 'class="axis"'));
  parts.push(text((left + right) / 2, bottom + 38, "N, queries and keys", "middle"));
  for (const one of seriesOf(new Set(growth.map(({ peer }) => peer)))) {
    const points = growth.filter(({ peer }) => peer === one.name).map((g) => [x(g.N), y(value(g))] as const);
    parts.push(path(points, one.colour), ...points.map(([x, y]) => marker(x, y, one)));
  }
  return parts;
}

/** Time per pair and memory against N, the variants of ours as lines of their own. */
export function growthChart(all: readonly Growth[]): string {
  const growth = all
    .map((one) => ({ ...one, peer: one.variant === "laser" ? `${one.peer}, ${variantName(one.variant)}` : one.peer }))
    .filter(({ peer }) => peer in looks);
  const names = new Set(growth.map(({ peer }) => peer));
  const key = legend(seriesOf(names), 20, 50, WIDTH - 40);
  const [top, height] = [50 + key.height + 28, 280];
  const nanoseconds = ({ ms, N }: Growth) => (1e6 * ms) / (4 * N * N);
  const panels: Panel[] = [
    { name: "time per query-key pair", unit: "ns", left: 56, right: 410, value: nanoseconds },
    { name: "peak memory above a bare process", unit: "MB", left: 492, right: 846, value: ({ bytes }) => bytes / 1e6 },
  ];
  const parts = panels.flatMap((panel) => drawPanel(panel, growth, top, top + height));
  return svg(WIDTH, top + height + 48, "Time per pair and memory of each library against N", [
    title("Forward, H 4, D 64: cost as the sequence grows"),
    key.svg,
    ...parts,
  ]);
}
