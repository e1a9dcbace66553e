/** Rows of a table by number, and rows added by position. */
import { count } from "../shape.js";
import { ids as checkIds, features } from "./check-nn.js";
import type { Nn } from "./nn.js";
import { split } from "./split.js";
import type { Parameter, Value } from "./value.js";

/**
 * Rows of `table` by number.
 * @param ids Integers of 0 to V - 1, in the order of `shape`
 * @param shape Sizes of ids, for example [B, N]
 * @param table [V, D]
 * @returns [...shape, D]
 * @throws RangeError when an id is not a row of the table
 *
 * @example
 * const table = nn.parameter(random.normals(10 * 8), [10, 8]);
 * const y = embedding(nn, [3, 1, 4, 1, 5, 9], [2, 3], table); // [2, 3, 8]
 */
export function embedding(nn: Nn, ids: ArrayLike<number>, shape: readonly number[], table: Parameter): Value {
  const { tape, engine } = nn;
  const [vocabulary, width] = table.shape as [number, number];
  const rows = count(shape);
  checkIds("embedding", ids, rows, vocabulary);
  const y = tape.empty([...shape, width]);
  const numbers = tape.integers(ids);
  split(engine, "embedding", rows, 1, rows * width, (first, size) => {
    return [y.ptr + 4 * first * width, table.tensor.ptr, numbers.ptr + 4 * first, size, width];
  });

  return tape.record(y, [table], [numbers], (dy) => {
    tape.give(
      table,
      (to, add) => {
        if (!add) to.data.fill(0);
        split(engine, "embeddingBackward", width, 16, rows * width, (first, size) => {
          return [to.ptr, dy.ptr, numbers.ptr, rows, width, first, first + size];
        });
      },
      true,
    );
  });
}

/**
 * x + positions, the first N of them.
 * @param x [B, N, D]
 * @param positions [C, D], C of N or more
 * @returns [B, N, D]
 * @throws RangeError when x is longer than there are positions, or of another width
 *
 * @example const y = addPositions(nn, x, nn.parameter(random.normals(6 * 8), [6, 8])); // [2, 5, 8]
 */
export function addPositions(nn: Nn, x: Value, positions: Parameter): Value {
  const { tape, engine } = nn;
  const [B, N, width] = x.shape as [number, number, number];
  features("addPositions", "x", x.shape, positions.shape[1]!);
  if (N > positions.shape[0]!) {
    throw new RangeError(`addPositions: x must have at most ${positions.shape[0]} positions, got ${N}`);
  }
  const n = N * width;
  const y = tape.empty(x.shape);
  split(engine, "addRows", B, 1, B * n, (first, size) => {
    return [y.ptr + 4 * first * n, x.tensor.ptr + 4 * first * n, positions.tensor.ptr, size, n];
  });

  const out: Value = tape.record(y, [x, positions], [], (dy) => {
    tape.give(
      positions,
      (to, add) => {
        if (!add) to.data.fill(0, n);
        engine.kernels.sumRows(to.ptr, dy.ptr, B, n, add ? 1 : 0);
      },
      true,
    );
    tape.pass(x, out, dy);
  });
  return out;
}
