import type { Simd } from "../../src/index.js";
import { assertWithin, compare, type Margins, worst } from "./bounds.js";
import { describeCase, type Kind, randomCase } from "./cases.js";
import { engines } from "./engines.js";
import { oracle } from "./oracle.js";
import { run } from "./run.js";

/** What became of a random case on one build: its margins, and whether they are those of bounds.ts as they are. */
export interface Checked {
  simd: Simd;
  margins: Margins;
  strict: boolean;
}

/**
 * Runs a random case on every build; throws with the seed and the options when a bound breaks: those of bounds.ts
 * or, where they do, those that allow for cancellation (bounds.ts).
 */
export function checkSeed(seed: number, kind: Kind = "ordinary"): Checked[] {
  const { c, placement } = randomCase(seed, kind);
  const reference = oracle(c);
  return engines.map((la) => {
    const { simd } = la;
    try {
      const got = run(la, c, placement);
      const margins = compare(c, got, reference, reference.extent);
      if (worst(margins)[1] <= 1) return { simd, margins, strict: true };
      const dvTerms = oracle({ ...c, dout: Float64Array.from(c.dout, Math.abs) }).dv;
      const allowed = compare(c, got, reference, reference.extent, { cancelling: true, tails: true, dvTerms });
      assertWithin(simd, allowed);
      return { simd, margins: allowed, strict: false };
    } catch (error) {
      throw new Error(`${(error as Error).message}\n  ${describeCase(seed, kind)}`, { cause: error });
    }
  });
}
