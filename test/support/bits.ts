/** Results compared bit by bit. */
import { type Results, resultNames } from "./bounds.js";

/** The first element of `got` that has other bits than that of `expected`; NaN is NaN, whatever its payload. */
export function firstDifference(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (got.length !== expected.length) return Math.min(got.length, expected.length);
  for (let n = 0; n < expected.length; n++) if (!Object.is(got[n], expected[n])) return n;
  return -1;
}

/** The same bits; NaN is NaN. */
export function sameBits(label: string, got: ArrayLike<number>, want: ArrayLike<number>): void {
  const n = firstDifference(got, want);
  if (n >= 0) throw new Error(`${label}[${n}]: expected ${want[n]}, got ${got[n]}`);
}

/** Throws when a result has other bits than expected, or is not there. */
export function assertSameBits(label: string, got: Results, expected: Results): void {
  for (const name of resultNames) {
    const [mine, theirs] = [got[name], expected[name]];
    if (mine === undefined && theirs === undefined) continue;
    if (mine === undefined || theirs === undefined) throw new Error(`${label}: ${name} must be there in both`);
    sameBits(`${label}: ${name}`, mine, theirs);
  }
}
