import { assertWithin, compare, type Margins, worst } from "./bounds.js";
import { describeCase, type Kind, randomCase } from "./cases.js";
import { engines } from "./engines.js";
import { oracle } from "./oracle.js";
import { run } from "./run.js";

/**
 * Runs a random case on every build; throws with the seed and the options when a bound breaks: those of golden/README.md
 * or, where they do, those that allow for cancellation (bounds.ts).
 * @returns The margins, and whether those of golden/README.md hold.
 */
export function checkSeed(seed: number, kind: Kind = "ordinary"): { margins: Margins[]; strict: boolean } {
  const { c, placement } = randomCase(seed, kind);
  const reference = oracle(c);
  let strict = true;
  const margins = engines.map((la) => {
    try {
      const got = run(la, c, placement);
      const margins = compare(c, got, reference, reference.extent);
      if (worst(margins)[1] <= 1) return margins;
      strict = false;
      const dvTerms = oracle({ ...c, dout: Float64Array.from(c.dout, Math.abs) }).dv;
      const allowed = compare(c, got, reference, reference.extent, { cancelling: true, dvTerms });
      assertWithin(la.simd, allowed);
      return allowed;
    } catch (error) {
      throw new Error(`${(error as Error).message}\n  ${describeCase(seed, kind)}`, { cause: error });
    }
  });
  return { margins, strict };
}
