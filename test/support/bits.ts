/** Results compared bit by bit. */
import { type Results, resultNames } from "./bounds.js";

/** The first element of `got` that has other bits than that of `expected`; NaN is NaN, whatever its payload. */
export function firstDifference(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (got.length !== expected.length) return Math.min(got.length, expected.length);
  for (let n = 0; n < expected.length; n++) if (!Object.is(got[n], expected[n])) return n;
  return -1;
}

/** Throws when a result has other bits than expected, or is not there. */
export function assertSameBits(label: string, got: Results, expected: Results): void {
  for (const name of resultNames) {
    const [mine, theirs] = [got[name], expected[name]];
    if (mine === undefined && theirs === undefined) continue;
    if (mine === undefined || theirs === undefined) throw new Error(`${label}: ${name} must be there in both`);
    const n = firstDifference(mine, theirs);
    if (n >= 0) throw new Error(`${label}: ${name}[${n}] must be ${theirs[n]}, got ${mine[n]}`);
  }
}
