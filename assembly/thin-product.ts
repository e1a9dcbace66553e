/**
 * matmul for few rows of a, as of a token of a language model, or one column of b: the other factor is read where it lies, since packing it
 * would take longer than the product. Each sum has the order of matmul.ts, so the bits are the same. What it gives: docs/design.md, "A token".
 */
import { Simd } from "./simd";
import { beginSums, KEYS, thinScores, thinValues } from "./thin";
import { NR, PANEL } from "./tile";
import { touchRows } from "./touch";

/**
 * The most rows of a, where rows of b are contiguous, and where its columns lie one after the other: with some more, packing is as fast. With at most
 * four, the product of eight took 1.33 times the time (`npm run bench:compare -- DIR --filter "matmul 8"`). By columns, two rows take 1.25
 * to 1.36 times the time with at most one; with four, three take 0.90 to 1.00 and four 1.08 to 1.27 ("transposed", three entries).
 */
const ROWS: i32 = 8;
const TRANSPOSED_ROWS: i32 = 2;

/**
 * The most columns of b at a time, where its rows are contiguous: 256 rows of them stay in the second-level cache for the next row of a. With 256
 * columns one row took 1.07 times the time, with 1,024 eight took 1.04 (and one 0.96).
 */
const CHUNK: i32 = 512;

/** The fewest columns that go row by row: with 64, products of 128 columns took up to 1.07 times the time. */
const STREAM: i32 = 128;

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
    const half = ((n - j) / 2) & -NR;
    const stream = !transposed && half >= STREAM;
    if (stream) columns = min(columns, half);
    const at = (<usize>j) << 2;
    const bytes = (<usize>columns) << 2;
    const from = b + <usize>j * bColumn;
    if (transposed) touchRows(from, 0, KEYS * k, 0, 1); // as one row: read in turns, columns are not fetched ahead
    for (let i: usize = 0; i < <usize>m; ++i) {
      beginSums(c + i * cRow + at, base ? base + i * baseRow + at : 0, bytes);
    }
    for (let p = 0; p < k; p += span) {
      const terms = min(k - p, span);
      const e = from + <usize>p * bRow;
      for (let i: usize = 0; i < <usize>m; ++i) {
        const to = c + i * cRow + at;
        const w = a + i * aRow + ((<usize>p) << 2);
        if (transposed) thinScores(to, w, 4, e, bColumn, KEYS, terms, true);
        else if (stream) streamRows(to, bytes, w, e, bRow, terms);
        else thinValues(to, w, 4, e, bRow, PANEL, columns, terms, 0);
      }
    }
  }
}

/**
 * c += a b for one row of a and bytes / 4 columns. Sums are kept where the columns behind these will be written, and b is read row
 * by row: the processor fetches ahead along rows, not down columns.
 */
function streamRows(c: usize, bytes: usize, a: usize, b: usize, bRow: usize, terms: i32): void {
  const sums = c + bytes;
  memory.fill(sums, 0, bytes);
  const row2: usize = 2 * bRow;
  const row3: usize = 3 * bRow;
  let p = 0;
  for (; p + 4 <= terms; p += 4) {
    const a0 = v128.load32_splat(a);
    const a1 = v128.load32_splat(a, 4);
    const a2 = v128.load32_splat(a, 8);
    const a3 = v128.load32_splat(a, 12);
    let y = b;
    for (let x = sums; x < sums + bytes; x += 32) {
      let s0 = v128.load(x);
      let s1 = v128.load(x, 16);
      s0 = Simd.madd(a0, v128.load(y), s0);
      s1 = Simd.madd(a0, v128.load(y, 16), s1);
      s0 = Simd.madd(a1, v128.load(y + bRow), s0);
      s1 = Simd.madd(a1, v128.load(y + bRow, 16), s1);
      s0 = Simd.madd(a2, v128.load(y + row2), s0);
      s1 = Simd.madd(a2, v128.load(y + row2, 16), s1);
      v128.store(x, Simd.madd(a3, v128.load(y + row3), s0));
      v128.store(x, Simd.madd(a3, v128.load(y + row3, 16), s1), 16);
      y += 32;
    }
    a += 16;
    b += 4 * bRow;
  }
  for (; p < terms; ++p) {
    const a0 = v128.load32_splat(a);
    for (let x: usize = 0; x < bytes; x += 16)
      v128.store(sums + x, Simd.madd(a0, v128.load(b + x), v128.load(sums + x)));
    a += 4;
    b += bRow;
  }
  for (let x: usize = 0; x < bytes; x += 16) v128.store(c + x, f32x4.add(v128.load(c + x), v128.load(sums + x)));
}
