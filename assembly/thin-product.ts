/**
 * matmul for few rows of a, as of a token of a language model, or one column of b: the other factor is read where it lies, since packing it
 * would take longer than the product. Each sum has the order of matmul.ts, so the bits are the same. What it gives: docs/design.md, "A token".
 */
import { KEYS, thinScores, thinValues } from "./thin";
import { NR, PANEL } from "./tile";
import { LINE } from "./touch";

/** The most rows of a, where rows of b are contiguous, and where its columns lie one after the other: with one more, packing is as fast. */
const ROWS: i32 = 3;
const TRANSPOSED_ROWS: i32 = 2;

/** The most columns of b at a time, where its rows are contiguous: 1024 rows of them stay in the second-level cache for the next row of a. */
const CHUNK: i32 = 128;

/** Whether matmulThin takes c[m, n] = base + a b, strides in elements. Some columns are taken twice, so c is no base of itself. */
export function isThin(
  m: i32,
  n: i32,
  k: i32,
  aColumn: usize,
  bRow: usize,
  bColumn: usize,
  span: i32,
  based: bool,
): bool {
  if (based || aColumn != 1 || m == 0 || k == 0) return false;
  if (bColumn == 1) return m <= ROWS && n >= NR;
  return bRow == 1 && bColumn == <usize>k && m <= TRANSPOSED_ROWS && n >= KEYS && ((k | span) & 3) == 0;
}

/**
 * c[m, n] = base + a b, base 0: none, baseRow 0: one row for all; without scratch. Distances of rows in bytes, bColumn of columns of b: rows of
 * a are contiguous, and so are rows of b, or its columns, k long.
 */
export function matmulThin(
  c: usize,
  a: usize,
  b: usize,
  m: i32,
  n: i32,
  k: i32,
  aRow: usize,
  bRow: usize,
  bColumn: usize,
  cRow: usize,
  span: i32,
  base: usize,
  baseRow: usize,
): void {
  const transposed = bColumn != 4;
  const least = transposed ? KEYS : NR;
  assert(m > 0 && k > 0, "m and k must be 1 or more");
  assert(!transposed || bColumn == (<usize>k) << 2, "columns of b must lie one after the other");
  assert(!transposed || ((k | span) & 3) == 0, "k and span must be multiples of 4");
  assert(n >= least, "there must be 8 columns or more, 16 of a transposed b");
  assert(span > 0 && base != c, "span must be above 0, and c no base of itself");
  for (let j = 0, columns = 0; j < n; j += columns) {
    columns = min((n - j) & -NR, transposed ? KEYS : CHUNK);
    if (columns < least) {
      columns = least; // the last ones, and some again
      j = n - least;
    }
    const at = (<usize>j) << 2;
    const bytes = (<usize>columns) << 2;
    const from = b + <usize>j * bColumn;
    if (transposed) touch(c + at, from, <usize>KEYS * bColumn);
    for (let i: usize = 0; i < <usize>m; ++i) {
      const to = c + i * cRow + at;
      const start = base + i * baseRow + at;
      // -0 and a sum is that sum, its sign included where it has underflowed.
      for (let x: usize = 0; x < bytes; x += 16) v128.store(to + x, base ? v128.load(start + x) : f32x4.splat(-0.0));
      for (let p = 0; p < k; p += span) {
        const terms = min(k - p, span);
        const w = a + i * aRow + ((<usize>p) << 2);
        const e = from + <usize>p * bRow;
        if (transposed) thinScores(to, w, 4, e, bColumn, KEYS, terms, true);
        else thinValues(to, w, e, bRow, PANEL, columns, terms, 0);
      }
    }
  }
}

/**
 * Columns one after the other, of which the processor fetches ahead, before they are read in turns, of which it does not. What is
 * stored, so that the loads have a use, is written over.
 */
function touch(to: usize, columns: usize, bytes: usize): void {
  let seen = f32x4.splat(0);
  for (let x = columns; x < columns + bytes; x += LINE) seen = v128.xor(seen, v128.load(x));
  v128.store(to, seen);
}
