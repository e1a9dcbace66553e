import { assertWithin, compare, type Margins, worst } from "./bounds.js";
import { describeCase, randomCase } from "./cases.js";
import { engines } from "./engines.js";
import { oracle } from "./oracle.js";
import { run } from "./run.js";

/**
 * Runs a random case on every build; throws with the seed and the options when a bound breaks.
 * @returns The margins, and whether even the floor of golden/README.md holds, which does not allow for cancellation.
 */
export function checkSeed(seed: number): { margins: Margins[]; strict: boolean } {
  const { c, placement } = randomCase(seed);
  const reference = oracle(c);
  let strict = true;
  const margins = engines.map((la) => {
    try {
      const got = run(la, c, placement);
      const allowed = compare(c, got, reference, reference.extent, { cancelling: true });
      assertWithin(la.simd, allowed);
      strict &&= worst(compare(c, got, reference, reference.extent))[1] <= 1;
      return allowed;
    } catch (error) {
      throw new Error(`${(error as Error).message}\n  ${describeCase(seed)}`, { cause: error });
    }
  });
  return { margins, strict };
}
