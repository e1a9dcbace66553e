/** Batches of rows that end before the longest does. */
import { integer, list } from "../check-number.js";
import type { Nn } from "../nn/nn.js";
import type { Tensor } from "../tensor.js";

/** A copy of B integers of 0 to N, if there are any. @throws TypeError or RangeError for others */
export function checkLengths(
  where: string,
  lengths: ArrayLike<number> | undefined,
  B: number,
  N: number,
): number[] | undefined {
  if (lengths === undefined) return undefined;
  list(where, "lengths", lengths);
  const all = Array.from(lengths);
  if (all.length !== B) throw new RangeError(`${where}: lengths must be ${B}, one for each row, got ${all.length}`);
  for (const [b, length] of all.entries()) integer(where, `lengths[${b}]`, length, 0, N);
  return all;
}

/** u8 [B, N]: 1 for the first `lengths[b]` of each row, 0 for its padding. */
export function keepOf(nn: Nn, lengths: ArrayLike<number>, N: number): Tensor<"u8"> {
  const keep = new Uint8Array(lengths.length * N);
  for (let b = 0; b < lengths.length; b++) keep.fill(1, b * N, b * N + lengths[b]!);
  return nn.la.tensor(keep, [lengths.length, N]);
}
