/** What the runs are held against, as data. */
import type { FamilyName } from "../../src/train/index.js";
import type { Variant } from "../../src/types.js";

interface Reference {
  /** Mean and standard deviation of three seeds in PyTorch on a GPU, with the same recipe; no script of this repository prints them. */
  pytorch: Readonly<Record<Variant, readonly [mean: number, deviation: number]>>;
  /** What the project asks of the mean. */
  most: Readonly<Record<Variant, number>>;
}

export const references: Readonly<Record<FamilyName, Reference>> = {
  lm: { pytorch: { standard: [1.509, 0.003], laser: [1.507, 0.004] }, most: { standard: 1.56, laser: 1.56 } },
  bert: { pytorch: { standard: [1.591, 0.045], laser: [1.526, 0.027] }, most: { standard: 1.7, laser: 1.7 } },
  vit: { pytorch: { standard: [0.552, 0.006], laser: [0.518, 0.006] }, most: { standard: 0.57, laser: 0.54 } },
  conformer: { pytorch: { standard: [0.062, 0.004], laser: [0.068, 0.004] }, most: { standard: 0.09, laser: 0.09 } },
};
