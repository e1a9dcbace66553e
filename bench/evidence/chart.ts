/** The measure of a family against steps: a thin line for each seed of both variants, the thick one with marks their mean. */
import type { Variant } from "../../src/types.js";
import { legend, line, linearScale, marker, palette, path, type Series, svg, text, title } from "../svg.js";
import { variantName, variants } from "../tasks.js";
import type { Result } from "./runs.js";
import { ofVariant } from "./statistics.js";

const [WIDTH, HEIGHT, LEFT, RIGHT, BOTTOM] = [640, 380, 62, 620, 330];
const series: Readonly<Record<Variant, Series>> = {
  standard: { name: variantName("standard"), colour: palette.blue, marker: "square" },
  laser: { name: variantName("laser"), colour: palette.red, marker: "diamond" },
};
/** The first evaluations lie far above what the chart is about: its axis begins at this share of the run. */
const SHOWN = 0.2;

type Point = readonly [step: number, value: number];

/** Multiples of 1, 2 or 5 times a power of ten from at most `low` to at least `high`: four to ten of them. */
function ticks(low: number, high: number): number[] {
  const span = Math.max(high - low, 1e-3); // a flat line has ticks as well
  const power = 10 ** Math.floor(Math.log10(span / 4));
  const step = power * ([1, 2, 5].find((times) => span / (times * power) <= 8) ?? 10);
  const [first, last] = [Math.floor(low / step), Math.max(Math.ceil(high / step), Math.floor(low / step) + 1)];
  return Array.from({ length: last - first + 1 }, (_, n) => (first + n) * step);
}

/** The mean over runs, which evaluate after the same steps. */
const meanOf = (runs: readonly (readonly Point[])[]): Point[] =>
  runs[0]!.map(([step], n) => [step, runs.reduce((sum, points) => sum + points[n]![1], 0) / runs.length]);

export function evidenceChart(heading: string, results: readonly Result[]): string {
  const { steps } = results[0]!.recipe;
  const from = SHOWN * steps;
  const pointsOf = ({ evaluations }: Result): Point[] =>
    evaluations.filter(({ step }) => step >= from).map(({ step, value }) => [step, value]);
  const values = results.flatMap(pointsOf).map(([, value]) => value);
  const marks = ticks(Math.min(...values), Math.max(...values));
  const key = legend(
    variants.map((variant) => series[variant]),
    LEFT,
    50,
    RIGHT - LEFT,
  );
  const top = 50 + key.height;
  const [x, y] = [linearScale(from, steps, LEFT, RIGHT), linearScale(marks[0]!, marks.at(-1)!, BOTTOM, top)];
  const place = (points: readonly Point[]): Point[] => points.map(([step, value]) => [x(step), y(value)]);
  const parts = [title(heading), key.svg];
  for (const value of marks) {
    const label = String(Number(value.toPrecision(4)));
    parts.push(line(LEFT, y(value), RIGHT, y(value)), text(LEFT - 8, y(value) + 4.5, label, "end"));
  }
  for (const part of [0, 0.25, 0.5, 0.75, 1]) {
    const step = from + (steps - from) * part;
    parts.push(text(x(step), BOTTOM + 20, String(Math.round(step)), "middle"));
  }
  parts.push(text((LEFT + RIGHT) / 2, BOTTOM + 40, "steps", "middle"));
  const all = variants
    .map((variant) => ({ look: series[variant], runs: ofVariant(results, variant).map(pointsOf) }))
    .filter(({ runs }) => runs.length > 0);
  for (const { look, runs } of all) {
    if (runs.length > 1) for (const points of runs) parts.push(path(place(points), look.colour, 0.7));
  }
  for (const { look, runs } of all) {
    const mean = place(meanOf(runs));
    parts.push(path(mean, look.colour, 2.5), ...mean.map(([px, py]) => marker(px, py, look)));
  }
  return svg(WIDTH, HEIGHT, heading, parts);
}
