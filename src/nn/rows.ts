/** A row put before others, and one row taken: the class token of a Vision Transformer. */
import { integer } from "../check-number.js";
import { parameter, value } from "./check-nn.js";
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
  const { tape } = nn;
  value("prepend", "x", nn, x, 3);
  const [B, N, width] = x.shape as [number, number, number];
  parameter("prepend", "row", nn, row, [width]);
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
 * @returns [B, D]
 * @throws RangeError when there is no such row
 *
 * @example const first = takeRow(nn, x, 0); // x is [2, 5, 8], first [2, 8]
 */
export function takeRow(nn: Nn, x: Value, index: number): Value {
  const { tape } = nn;
  value("takeRow", "x", nn, x, 3);
  const [B, N, width] = x.shape as [number, number, number];
  integer("takeRow", "index", index, 0, N - 1);
  const y = tape.empty([B, width]);
  const at = (b: number): number => (b * N + index) * width;
  for (let b = 0; b < B; b++) y.data.set(x.tensor.data.subarray(at(b), at(b) + width), b * width);

  return tape.record(y, [x], [], (dy) => {
    tape.give(x, (to) => {
      to.data.fill(0);
      for (let b = 0; b < B; b++) to.data.set(dy.data.subarray(b * width, (b + 1) * width), at(b));
    });
  });
}
