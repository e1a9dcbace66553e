/** What the runs are held against, as data. */
import type { FamilyName } from "../../src/train/index.js";
import type { Variant } from "../../src/types.js";
import type { Spread } from "./statistics.js";

interface Reference {
  /** The same recipe in PyTorch on a GPU, with data prepared in other ways; no script of this repository prints them. */
  pytorch: Readonly<Record<Variant, Spread>>;
  /** The same recipe and preparation of data in PyTorch: bench/evidence/pytorch.py, seeds 1 to 8, on an H100. */
  again?: Readonly<Record<Variant, Spread>>;
  /** What the project asks of the mean. */
  most: Readonly<Record<Variant, number>>;
}

const of = (count: number, mean: number, deviation: number): Spread => ({ mean, deviation, count });

export const references: Readonly<Record<FamilyName, Reference>> = {
  lm: {
    pytorch: { standard: of(3, 1.509, 0.003), laser: of(3, 1.507, 0.004) },
    most: { standard: 1.56, laser: 1.56 },
  },
  bert: {
    pytorch: { standard: of(3, 1.591, 0.045), laser: of(3, 1.526, 0.027) },
    again: { standard: of(8, 1.645, 0.046), laser: of(8, 1.573, 0.038) },
    most: { standard: 1.7, laser: 1.7 },
  },
  vit: {
    pytorch: { standard: of(3, 0.552, 0.006), laser: of(3, 0.518, 0.006) },
    most: { standard: 0.57, laser: 0.54 },
  },
  conformer: {
    pytorch: { standard: of(3, 0.062, 0.004), laser: of(3, 0.068, 0.004) },
    again: { standard: of(8, 0.0208, 0.003), laser: of(8, 0.0226, 0.003) },
    most: { standard: 0.09, laser: 0.09 },
  },
};
