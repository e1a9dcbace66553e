/** Batches of rows that end before the longest does. */
import { checkIds } from "../nn/check-nn.js";
import type { Nn } from "../nn/nn.js";
import type { Tensor } from "../tensor.js";

/** A copy of B integers of 0 to N, if there are any. @throws TypeError or RangeError for others */
export const checkLengths = (
  where: string,
  lengths: ArrayLike<number> | undefined,
  B: number,
  N: number,
): number[] | undefined => (lengths === undefined ? undefined : checkIds(where, lengths, B, N + 1, 0, "lengths"));

/** u8 [B, N]: 1 for the first `lengths[b]` of each row, 0 for its padding. */
export function keepOf(nn: Nn, lengths: ArrayLike<number>, N: number): Tensor<"u8"> {
  const keep = new Uint8Array(lengths.length * N);
  for (let b = 0; b < lengths.length; b++) keep.fill(1, b * N, b * N + lengths[b]!);
  return nn.la.tensor(keep, [lengths.length, N]);
}
