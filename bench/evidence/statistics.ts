/** Means and standard deviations over seeds. */
import type { Variant } from "../../src/types.js";
import type { Result } from "./runs.js";

export interface Spread {
  mean: number;
  /** Of a sample, n - 1; NaN for one value. */
  deviation: number;
  count: number;
}

export function spread(values: readonly number[]): Spread {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / (count - 1)), count };
}

export const ofVariant = (results: readonly Result[], variant: Variant): Result[] =>
  results.filter(({ recipe }) => recipe.variant === variant);

/** LASER less standard, seed by seed: both saw the same batches. After the last step, or so many evaluations before. */
export function differences(results: readonly Result[], before = 0): number[] {
  const lossOf = ({ evaluations }: Result): number => evaluations.at(-1 - before)?.value ?? Number.NaN;
  const standard = new Map(ofVariant(results, "standard").map((run) => [run.recipe.seed, lossOf(run)]));
  return ofVariant(results, "laser").flatMap((run) => {
    const other = standard.get(run.recipe.seed);
    return other === undefined ? [] : [lossOf(run) - other];
  });
}

/** a.mean - b.mean in standard errors of that difference (Welch). */
export const apart = (a: Spread, b: Spread): number =>
  (a.mean - b.mean) / Math.hypot(a.deviation / Math.sqrt(a.count), b.deviation / Math.sqrt(b.count));
