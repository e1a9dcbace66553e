/** Rows of a table by number, and rows added by position. */
import { alive, shape as checkShape } from "../check.js";
import { integer } from "../check-number.js";
import { count } from "../shape.js";
import { checkFeatures, checkIds, checkParameter, checkValue } from "./check-nn.js";
import type { Nn } from "./nn.js";
import { columnSum, split } from "./split.js";
import type { Parameter, Value } from "./value.js";

/**
 * Rows of `table` by number.
 * @param ids Integers of 0 to V - 1, in the order of `shape`
 * @param shape Sizes of ids, for example [B, N]
 * @param table [V, D]
 * @returns [...shape, D]
 * @throws RangeError when an id is not a row of the table, or shape takes another number of ids
 *
 * @example
 * const table = nn.parameter(random.normals(10 * 8), [10, 8]);
 * const y = embedding(nn, [3, 1, 4, 1, 5, 9], [2, 3], table); // [2, 3, 8]
 */
export function embedding(nn: Nn, ids: ArrayLike<number>, shape: readonly number[], table: Parameter): Value {
  checkParameter("embedding", "table", nn, table, [null, null]);
  const sizes = checkShape("embedding", shape, "f32");
  const numbers = checkIds("embedding", ids, count(sizes), table.shape[0]!);
  alive("embedding", "table", table.tensor); // still, when all getters have run
  return lookUp(nn, table, numbers, sizes);
}

/** Rows `ids` of `table`, all of whose axes but the last are one here: [...shape, D], or [ids, D]. */
export function lookUp(nn: Nn, table: Value, ids: ArrayLike<number>, shape: readonly number[] = [ids.length]): Value {
  const { tape, engine } = nn;
  const width = table.shape.at(-1)!;
  const rows = count(shape);
  const y = tape.empty([...shape, width]);
  const numbers = tape.integers(ids);
  split(engine, "embedding", rows, 1, rows * width, (first, size) => {
    return [y.ptr + 4 * first * width, table.tensor.ptr, numbers.ptr + 4 * first, size, width];
  });

  return tape.record(y, [table], [numbers], (dy) => {
    tape.give(
      table,
      (to, base) => {
        if (base === undefined) to.data.fill(0);
        split(engine, "embeddingBackward", width, 16, rows * width, (first, size) => {
          return [to.ptr, dy.ptr, numbers.ptr, rows, width, first, first + size];
        });
      },
      "in place",
    );
  });
}

/**
 * x + positions, N of them, those from `first` on.
 * @param x [B, N, D]
 * @param positions [C, D], C of first + N or more
 * @param first The position of the first of the N, default 0
 * @returns [B, N, D]
 * @throws RangeError when x is longer than there are positions, or of another width
 *
 * @example const y = addPositions(nn, x, nn.parameter(random.normals(6 * 8), [6, 8])); // [2, 5, 8]
 */
export function addPositions(nn: Nn, x: Value, positions: Parameter, first = 0): Value {
  const where = "addPositions";
  checkValue(where, "x", nn, x, 3);
  const { tape, engine } = nn;
  const [B, N, width] = x.shape as [number, number, number];
  checkParameter(where, "positions", nn, positions, [null, null]);
  checkFeatures(where, "x", x.shape, positions.shape[1]!);
  integer(where, "first", first, 0, positions.shape[0]!);
  if (first + N > positions.shape[0]!) {
    throw new RangeError(`${where}: x must have at most ${positions.shape[0]! - first} positions, got ${N}`);
  }
  const n = N * width;
  const begin = first * width;
  const y = tape.empty(x.shape);
  split(engine, "addRows", B, 1, B * n, (row, size) => {
    const at = 4 * row * n;
    return [y.ptr + at, x.tensor.ptr + at, positions.tensor.ptr + 4 * begin, size, n];
  });

  const out: Value = tape.record(y, [x, positions], [], (dy) => {
    tape.give(
      positions,
      (to, base) => {
        if (base === undefined) to.data.fill(0);
        columnSum(engine, to.ptr + 4 * begin, dy, B, n, base !== undefined);
      },
      "in place",
    );
    tape.pass(x, out, dy);
  });
  return out;
}
