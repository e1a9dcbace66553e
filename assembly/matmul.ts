/**
 * c[m, n] = a[m, k] b[k, n], or base + a b, float32, each element summed over k in order within blocks of `span`.
 *
 * A transposed factor is the same call with its strides swapped: packing pays for it, once. So are the gradients:
 * da = dc b^T, db = a^T dc. Blocks as in Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication".
 */
import { Interleaved, multiplyPanels, Tile } from "./microkernel";
import { packColumns, packRows, packStrided } from "./pack";
import { isThin, matmulThin } from "./thin-product";
import { KC, KD, KN, MC, MR, NC, NR, PANEL } from "./tile";

/** Columns in whole panels. */
function padded(n: i32): i32 {
  return (n + NR - 1) & -NR;
}

/** The most depth that is packed at once, KC to KD: the fewer columns there are, the more of it. */
function depthOf(n: i32): i32 {
  return KN / min(max(padded(n), KN / KD), KN / KC);
}

/**
 * Scratch of matmul, in floats, a multiple of 4: an edge tile, a block of b, one of a, and 4 for the spill of a 6-wide panel.
 * It suffices for fewer columns too, a thread's share, whose blocks are deeper: of b they hold KN floats at most, or KC rows.
 */
export function matmulScratch(n: i32, k: i32): i32 {
  const columns = padded(min(n, NC));
  const b = min(columns * min(k, KD), max(KN, columns * min(k, KC)));
  return MR * NR + b + MC * min(k, KD) + 4;
}

/**
 * Strides in elements, any for a and b (read fastest where one of the two is 1); c's columns are contiguous.
 * c shares no element with a or b. base: what each sum begins with, its columns contiguous; 0 is none, c, at cRow, adds to what is there,
 * and with baseRow 0 one row serves for all of c, a bias. scratch: matmulScratch floats, 16-byte aligned. span, at most KC: so
 * many products are added to each other before they join the sum, so that a smaller span rounds less and takes a little longer.
 * packed: b is there as packRows makes it of the n rows of its transpose, NR wide, and its strides say nothing.
 */
export function matmul(
  c: usize,
  a: usize,
  b: usize,
  scratch: usize,
  m: i32,
  n: i32,
  k: i32,
  aRow: usize,
  aColumn: usize,
  bRow: usize,
  bColumn: usize,
  cRow: usize,
  span: i32,
  base: usize,
  baseRow: usize,
  packed: i32,
): void {
  assert(m >= 0 && n >= 0 && k >= 0, "m, n and k must be 0 or more");
  assert(a != 0 && b != 0 && c != 0, "a, b and c must be there");
  assert(scratch != 0 && (scratch & 15) == 0, "scratch must be 16-byte aligned");
  assert(span > 0 && span <= KC, "span must be 1 to KC");
  const bPanels = scratch + <usize>MR * PANEL;
  const aPanels = bPanels + ((<usize>(padded(min(n, NC)) * min(k, depthOf(n)))) << 2);
  // A column is a row of the transposed product.
  const column = n == 1 && cRow == 1 && (!base || baseRow == 1);
  const along = column ? bRow : aColumn;
  const down = column ? aColumn : bRow;
  const across = column ? aRow : bColumn;
  const rows = column ? 1 : m;
  const wide = column ? m : n;
  if (!packed && isThin(rows, wide, k, along, down, across, span, base == c)) {
    const left = column ? b : a;
    const right = column ? a : b;
    matmulThin(c, left, right, rows, wide, k, aRow << 2, down << 2, across << 2, cRow << 2, span, base, baseRow << 2);
    return;
  }
  // Rows of a are read as far as they go; of columns, the next block's lie in the lines that a span has just loaded.
  const most = aColumn == 1 ? depthOf(n) : span;
  const deep = most - (most % span);
  for (let j = 0; j < n; j += NC) {
    const columns = min(n - j, NC);
    let p = 0;
    do {
      const depth = min(k - p, deep);
      let panels = bPanels;
      if (packed) panels = b + ((<usize>j * <usize>k + <usize>(p * NR)) << 2);
      else packBlock(panels, NR, b + ((<usize>p * bRow + <usize>j * bColumn) << 2), bColumn, bRow, columns, depth);
      const panel = (<usize>(packed ? k : depth) * NR) << 2;
      for (let i = 0; i < m; i += MC) {
        const rows = min(m - i, MC);
        packBlock(aPanels, Tile.rows(), a + ((<usize>i * aRow + <usize>p * aColumn) << 2), aRow, aColumn, rows, depth);
        const block = c + ((<usize>i * cRow + <usize>j) << 2);
        let from = base ? base + ((<usize>i * baseRow + <usize>j) << 2) : 0;
        if (p) from = block;
        const fromRow = (p ? cRow : baseRow) << 2;
        multiplyBlock(block, cRow << 2, scratch, aPanels, panels, panel, rows, columns, depth, span, from, fromRow);
      }
      p += deep;
    } while (p < k);
  }
}

/** Interleaves `count` lines, `line` elements apart, each `depth` long with elements `along` apart. */
function packBlock(to: usize, width: i32, from: usize, line: usize, along: usize, count: i32, depth: i32): void {
  if (along == 1) packRows(to, width, from, line << 2, count, depth, 1);
  else if (line == 1) packColumns(to, width, (<usize>(width * depth)) << 2, from, along << 2, depth, count);
  else packStrided(to, width, from, line << 2, along << 2, count, depth);
}

/**
 * c[rows, columns] = base + a b, base 0: none, span by span, each row group by row group along all columns: c is then written as
 * `width` long rows, which the processor sees coming. Column by column, as in Goto and van de Geijn, steps of training took 0.98 to
 * 1.08 times the time (relaxed, median 1.03; `npm run bench:compare -- DIR --filter step`).
 */
function multiplyBlock(
  c: usize,
  cRow: usize,
  edge: usize,
  aPanels: usize,
  bPanels: usize,
  bPanel: usize,
  rows: i32,
  columns: i32,
  depth: i32,
  span: i32,
  base: usize,
  baseRow: usize,
): void {
  const width = Tile.rows();
  const step = (<usize>width) << 2;
  let p = 0;
  do {
    const terms = min(depth - p, span);
    let aPanel = aPanels + ((<usize>(width * p)) << 2);
    let to = c;
    let from = base;
    for (let i = 0; i < rows; i += width) {
      const n = min(rows - i, width);
      let j = width == 6 || n == 4 || n <= Tile.few() ? columns / NR : 0; // of four rows two and three would be written as four
      multiplyPanels<Interleaved>(n, to, cRow, aPanel, step, bPanels, PANEL, bPanel, j, terms, from, baseRow, 0);
      for (; j * NR < columns; ++j) {
        const b = bPanels + <usize>j * bPanel;
        const at = <usize>j * PANEL;
        multiplyPanels<Interleaved>(width, edge, PANEL, aPanel, step, b, PANEL, 0, 1, terms, 0, 0, 0);
        putEdge(to + at, cRow, edge, n, min(columns - j * NR, NR), from ? from + at : 0, baseRow);
      }
      to += <usize>width * cRow;
      if (from) from += <usize>width * baseRow;
      aPanel += (<usize>(width * depth)) << 2;
    }
    bPanels += (<usize>(NR * span)) << 2;
    base = c;
    baseRow = cRow;
    p += span;
  } while (p < depth);
}

/** Copies the valid part of the edge tile, or base plus that. */
function putEdge(c: usize, cRow: usize, edge: usize, rows: i32, columns: i32, base: usize, baseRow: usize): void {
  for (let i: usize = 0; i < <usize>rows; ++i) {
    for (let j: usize = 0; j < (<usize>columns) << 2; j += 4) {
      const x = load<f32>(edge + i * PANEL + j);
      store<f32>(c + i * cRow + j, base ? load<f32>(base + i * baseRow + j) + x : x);
    }
  }
}
