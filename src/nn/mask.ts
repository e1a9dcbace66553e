/** Rows that are kept, or become zero: padding. */
import { count } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { checkKeep, checkUndisposed, checkValue } from "./check-nn.js";
import type { Nn } from "./nn.js";
import { split } from "./split.js";
import type { Value } from "./value.js";

/**
 * x where `keep` is not 0, else 0.
 * @param x [..., D]
 * @param keep u8, one for each row of x
 * @returns [..., D]
 * @throws RangeError when keep has not an element for each row, or is not contiguous
 *
 * @example const y = maskRows(nn, x, keep); // x is [2, 5, 8], keep [2, 5]
 */
export function maskRows(nn: Nn, x: Value, keep: Tensor<"u8">): Value {
  checkValue("maskRows", "x", nn, x);
  const { tape, engine } = nn;
  const [rows, width] = [count(x.shape.slice(0, -1)), x.shape.at(-1)!];
  checkKeep("maskRows", nn, keep, rows);
  const run = (to: Tensor, from: Tensor): void => {
    split(engine, "maskRows", rows, 1, rows * width, (first, size) => {
      const at = 4 * first * width;
      return [to.ptr + at, from.ptr + at, keep.ptr + first, size, width];
    });
  };
  const y = tape.empty(x.shape);
  run(y, x.tensor);

  return tape.record(y, [x], [], (dy) => {
    checkUndisposed("maskRows", { keep });
    tape.give(x, (dx) => run(dx, dy));
  });
}

/**
 * Mean over the rows of each batch entry, those that `keep` keeps: a pooled feature.
 * @param x [B, T, D]
 * @param keep u8 [B, T]; all rows where it is left out
 * @returns [B, D], 0 where no row is kept
 * @throws RangeError when x has not three axes, or keep not its first two, or is not contiguous
 *
 * @example const y = maskedMean(nn, x, keep); // x is [2, 5, 8], y [2, 8]
 */
export function maskedMean(nn: Nn, x: Value, keep?: Tensor<"u8">): Value {
  checkValue("maskedMean", "x", nn, x, 3);
  const { tape, engine } = nn;
  const [B, T, width] = x.shape as [number, number, number];
  if (keep !== undefined) checkKeep("maskedMean", nn, keep, [B, T]);
  const y = tape.empty([B, width]);
  engine.kernels.maskedMean(y.ptr, x.tensor.ptr, keep?.ptr ?? 0, B, T, width);

  return tape.record(y, [x], [], (dy) => {
    checkUndisposed("maskedMean", { keep });
    tape.give(x, (dx) => engine.kernels.maskedMeanBackward(dx.ptr, dy.ptr, keep?.ptr ?? 0, B, T, width));
  });
}
