/** The measure of a family against steps: a thin line for each seed of both variants, the thick one their mean. */
import { legend, line, palette, path, type Series, svg, text } from "../svg.js";
import { variantName, variants } from "../tasks.js";
import type { Result } from "./runs.js";

const [WIDTH, HEIGHT, LEFT, RIGHT, BOTTOM] = [640, 380, 62, 620, 330];
const series: readonly Series[] = [
  { name: "standard", colour: palette.blue, marker: "square" },
  { name: "LASER", colour: palette.red, marker: "diamond" },
];
/** The first evaluations lie far above what the chart is about: its axis begins at this share of the run. */
const SHOWN = 0.2;
const TICKS = 5;

type Point = readonly [step: number, value: number];

const linear =
  (low: number, high: number, start: number, end: number) =>
  (value: number): number =>
    start + ((end - start) * (value - low)) / (high - low || 1);

/** The mean over runs, which evaluate after the same steps. */
const meanOf = (runs: readonly Result[]): Point[] =>
  runs[0]!.evaluations.map(({ step }, n) => [
    step,
    runs.reduce((sum, { evaluations }) => sum + evaluations[n]!.value, 0) / runs.length,
  ]);

export function evidenceChart(title: string, results: readonly Result[]): string {
  const { steps } = results[0]!.recipe;
  const from = SHOWN * steps;
  const shown = (points: readonly Point[]) => points.filter(([step]) => step >= from);
  const pointsOf = ({ evaluations }: Result): Point[] =>
    shown(evaluations.map(({ step, value }) => [step, value] as const));
  const values = results.flatMap(pointsOf).map(([, value]) => value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const key = legend(series, LEFT, 50, RIGHT - LEFT);
  const top = 50 + key.height;
  const [x, y] = [linear(from, steps, LEFT, RIGHT), linear(low, high, BOTTOM, top)];
  const parts = [text(14, 22, title, "start", ' class="title"'), key.svg];
  for (let n = 0; n < TICKS; n++) {
    const value = low + ((high - low) * n) / (TICKS - 1);
    parts.push(line(LEFT, y(value), RIGHT, y(value)), text(LEFT - 8, y(value) + 4.5, value.toPrecision(3), "end"));
    const step = from + ((steps - from) * n) / (TICKS - 1);
    parts.push(text(x(step), BOTTOM + 20, String(Math.round(step)), "middle"));
  }
  parts.push(text((LEFT + RIGHT) / 2, BOTTOM + 40, "steps", "middle"));
  for (const variant of variants) {
    const { colour } = series.find(({ name }) => name === variantName(variant))!;
    const runs = results.filter(({ recipe }) => recipe.variant === variant);
    const draw = (points: readonly Point[], width: number) =>
      parts.push(
        path(
          points.map(([step, value]) => [x(step), y(value)] as const),
          colour,
          width,
        ),
      );
    if (runs.length > 1) for (const run of runs) draw(pointsOf(run), 0.8);
    if (runs.length > 0) draw(shown(meanOf(runs)), 2.5);
  }
  return svg(WIDTH, HEIGHT, title, parts);
}
