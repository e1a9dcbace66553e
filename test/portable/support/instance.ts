import type { LaserAttention } from "laser-attention";
import { ExactRandom } from "./exact-random.js";

/** The sum of an attention call: one number that tells two instances apart, of the same kernels the same. */
export function sum(la: LaserAttention): number {
  const x = la.tensor(new ExactRandom(9).normals(2 * 19 * 8), [1, 2, 19, 8]);
  return la
    .attention(x, x, x, { variant: "laser", causal: true })
    .toArray()
    .reduce((a, b) => a + b, 0);
}
