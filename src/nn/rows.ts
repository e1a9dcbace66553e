/** A row put before others, and rows taken: the class token of a Vision Transformer, the hidden places of a BERT. */
import { alive } from "../check.js";
import { integer } from "../check-number.js";
import { count } from "../shape.js";
import { checkIds, checkParameter, checkValue } from "./check-nn.js";
import { lookUp } from "./embedding.js";
import type { Nn } from "./nn.js";
import type { Parameter, Value } from "./value.js";

/**
 * The same row before the rows of each batch entry.
 * @param row [D]
 * @param x [B, N, D]
 * @returns [B, N + 1, D]
 * @throws RangeError when x and the row differ in width
 *
 * @example const y = prepend(nn, nn.parameter(random.normals(8), [8]), x); // x is [2, 5, 8], y [2, 6, 8]
 */
export function prepend(nn: Nn, row: Parameter, x: Value): Value {
  checkValue("prepend", "x", nn, x, 3);
  const { tape } = nn;
  const [B, N, width] = x.shape as [number, number, number];
  checkParameter("prepend", "row", nn, row, [width]);
  const y = tape.empty([B, N + 1, width]);
  const n = N * width;
  for (let b = 0; b < B; b++) {
    const at = b * (n + width);
    y.data.set(row.tensor.data, at);
    y.data.set(x.tensor.data.subarray(b * n, (b + 1) * n), at + width);
  }

  return tape.record(y, [row, x], [], (dy) => {
    tape.give(
      row,
      (to, base) => {
        const [sum, from] = [to.data, dy.data];
        if (base === undefined) sum.fill(0);
        for (let b = 0; b < B; b++) for (let i = 0; i < width; i++) sum[i]! += from[b * (n + width) + i]!;
      },
      "in place",
    );
    tape.give(x, (to) => {
      for (let b = 0; b < B; b++) {
        const at = b * (n + width) + width;
        to.data.set(dy.data.subarray(at, at + n), b * n);
      }
    });
  });
}

/**
 * Row `index` of each batch entry.
 * @param x [B, N, D]
 * @param index 0 to N - 1
 * @returns [B, D]
 * @throws RangeError when there is no such row
 *
 * @example const first = takeRow(nn, x, 0); // x is [2, 5, 8], first [2, 8]
 */
export function takeRow(nn: Nn, x: Value, index: number): Value {
  checkValue("takeRow", "x", nn, x, 3);
  const [B, N] = x.shape as [number, number, number];
  integer("takeRow", "index", index, 0, N - 1);
  return lookUp(nn, x, rowOfEach(B, N, index));
}

/** Where row `index` of each of B batch entries is among all B N rows. */
export const rowOfEach = (B: number, N: number, index: number): number[] =>
  Array.from({ length: B }, (_, b) => b * N + index);

/**
 * Some rows, by their numbers among the rows of all axes but the last.
 * @param x [..., D]
 * @param rows R integers, in any order; a row may be taken more than once
 * @returns [R, D]
 * @throws RangeError when there is no such row
 *
 * @example const some = takeRows(nn, x, [0, 3, 9]); // x is [2, 5, 8], some [3, 8]: rows 0 and 3 of the first entry, 4 of the second
 */
export function takeRows(nn: Nn, x: Value, rows: ArrayLike<number>): Value {
  checkValue("takeRows", "x", nn, x);
  const numbers = checkIds("takeRows", rows, undefined, count(x.shape.slice(0, -1)), 0, "rows");
  alive("takeRows", "x", x.tensor); // still, when all getters have run
  return lookUp(nn, x, numbers);
}
