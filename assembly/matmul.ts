/**
 * c[m, n] = a[m, k] b[k, n], float32, each element summed over k in order within blocks of `span`.
 *
 * A transposed factor is the same call with its strides swapped: packing pays for it, once. So are the gradients:
 * da = dc b^T, db = a^T dc. Blocks as in Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication".
 */
import { Interleaved, multiplyPanels } from "./microkernel";
import { packColumns, packRows, packStrided, panelBytes } from "./pack";
import { KC, MC, MR, NC, NR, PANEL } from "./tile";

/** Bytes of one register tile, at the start of scratch: the edges of c go through it. */
const EDGE: usize = MR * NR * 4;

/** Bytes of a block of b, behind the edge tile; the block of a lies behind it. */
function bytesOfB(n: i32, k: i32): u64 {
  return (panelBytes(NR, min(n, NC), min(k, KC)) + 63) & ~63;
}

/** Scratch of matmul, in floats. */
export function matmulScratch(m: i32, n: i32, k: i32): usize {
  return <usize>((EDGE + bytesOfB(n, k) + panelBytes(MR, min(m, MC), min(k, KC)) + 3) >> 2);
}

/**
 * Strides in elements, any for a and b (read fastest where one of the two is 1); c's columns are contiguous.
 * c is overwritten, or with `add` added to, and shares no element with a or b. scratch: matmulScratch floats, 16-byte
 * aligned. span, at most KC: so many products are added to each other before they join the sum, so that a smaller span
 * rounds less and takes a little longer.
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
  add: i32,
): void {
  assert(m >= 0 && n >= 0 && k >= 0, "m, n and k must be 0 or more");
  assert(a != 0 && b != 0 && c != 0, "a, b and c must be there");
  assert(scratch != 0 && (scratch & 15) == 0, "scratch must be 16-byte aligned");
  assert(span > 0 && span <= KC, "span must be 1 to KC");
  if (k == 0 && !add) {
    for (let i = 0; i < m; ++i) memory.fill(c + ((<usize>i * cRow) << 2), 0, (<usize>n) << 2);
  }
  const bPanels = scratch + EDGE;
  const aPanels = bPanels + <usize>bytesOfB(n, k);
  for (let j = 0; j < n; j += NC) {
    const columns = min(n - j, NC);
    for (let p = 0; p < k; p += span) {
      const depth = min(k - p, span);
      packBlock(bPanels, NR, b + ((<usize>p * bRow + <usize>j * bColumn) << 2), bColumn, bRow, columns, depth);
      for (let i = 0; i < m; i += MC) {
        const rows = min(m - i, MC);
        packBlock(aPanels, MR, a + ((<usize>i * aRow + <usize>p * aColumn) << 2), aRow, aColumn, rows, depth);
        const block = c + ((<usize>i * cRow + <usize>j) << 2);
        multiplyBlock(block, cRow << 2, scratch, aPanels, bPanels, rows, columns, depth, p > 0 || add != 0);
      }
    }
  }
}

/** Interleaves `count` lines, `line` elements apart, each `depth` long with elements `along` apart. */
function packBlock(to: usize, width: i32, from: usize, line: usize, along: usize, count: i32, depth: i32): void {
  if (along == 1) packRows(to, width, from, line << 2, count, depth, 1);
  else if (line == 1) packColumns(to, width, (<usize>(width * depth)) << 2, from, along << 2, depth, count);
  else packStrided(to, width, from, line << 2, along << 2, count, depth);
}

/**
 * c[rows, columns] = a b or c += a b, row group by row group along all columns: c is then written as MR long rows, which the
 * processor sees coming. Column by column, as in Goto and van de Geijn, steps of training took 0.98 to 1.08 times the time
 * (relaxed, median 1.03; `npm run bench:compare -- DIR --filter step`).
 */
function multiplyBlock(
  c: usize,
  cRow: usize,
  edge: usize,
  aPanel: usize,
  bPanels: usize,
  rows: i32,
  columns: i32,
  depth: i32,
  add: bool,
): void {
  const bPanel = (<usize>(NR * depth)) << 2;
  const whole = columns / NR;
  for (let i = 0; i < rows; i += MR) {
    let j = 0;
    if (i + MR <= rows) {
      multiplyPanels<Interleaved>(c, cRow, aPanel, MR << 2, bPanels, PANEL, bPanel, whole, depth, add, 0);
      j = whole;
    }
    for (; j * NR < columns; ++j) {
      const b = bPanels + <usize>j * bPanel;
      multiplyPanels<Interleaved>(edge, PANEL, aPanel, MR << 2, b, PANEL, 0, 1, depth, false, 0);
      putEdge(c + <usize>j * PANEL, cRow, edge, min(rows - i, MR), min(columns - j * NR, NR), add);
    }
    c += <usize>MR * cRow;
    aPanel += (<usize>(MR * depth)) << 2;
  }
}

/** Copies or adds the valid part of the edge tile. */
function putEdge(c: usize, cRow: usize, edge: usize, rows: i32, columns: i32, add: bool): void {
  for (let i = 0; i < rows; ++i) {
    for (let j = 0; j < columns; ++j) {
      const to = c + <usize>i * cRow + ((<usize>j) << 2);
      const x = load<f32>(edge + <usize>i * PANEL + ((<usize>j) << 2));
      store<f32>(to, add ? load<f32>(to) + x : x);
    }
  }
}
