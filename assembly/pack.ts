/**
 * Packed panels: the only place that transposes and that knows edges. A panel of width W interleaves W rows (or
 * columns), so that the register tile reads it front to back; what is missing at an edge is zero.
 *
 *   rows:    to[p][k][w] = from[p W + w][k] * scale      (the W x depth tile is transposed)
 *   columns: to[p][k][w] = from[k][p W + w]
 */
import { MR, NR } from "./tile";

/** Width of a panel as a type, so that each width compiles to its own loop: a = MR rows, b = NR columns. */
export type A = i32;
export type B = f32;

/** Bytes of `count` rows in panels of width W and the given depth; 8 more for the spill of a 6-wide panel. */
export function panelBytes<W>(count: i32, depth: i32): u64 {
  const width = isInteger<W>() ? MR : NR;
  return <u64>((count + width - 1) / width) * <u64>width * <u64>depth * 4 + 8;
}

/** Inlined: as calls, packing made ViT 1 to 2 % slower. */
class Four {
  /** Transposes 4 floats of 4 rows (of `count` rows, the others repeat the first) to 4 groups of 4, `step` bytes apart. */
  @inline static transpose(to: usize, step: usize, from: usize, fromRow: usize, count: i32, scale: v128): void {
    const r0 = v128.load(from);
    const r1 = v128.load(from + fromRow);
    const r2 = count == 2 ? r0 : v128.load(from + 2 * fromRow);
    const r3 = count == 2 ? r1 : v128.load(from + 3 * fromRow);
    const lo01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
    const hi01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
    const lo23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
    const hi23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
    v128.store(to, f32x4.mul(scale, v128.shuffle<f32>(lo01, lo23, 0, 1, 4, 5)));
    v128.store(to + step, f32x4.mul(scale, v128.shuffle<f32>(lo01, lo23, 2, 3, 6, 7)));
    v128.store(to + 2 * step, f32x4.mul(scale, v128.shuffle<f32>(hi01, hi23, 0, 1, 4, 5)));
    v128.store(to + 3 * step, f32x4.mul(scale, v128.shuffle<f32>(hi01, hi23, 2, 3, 6, 7)));
  }
}

/** Packs `rows` rows of `from` (`fromRow` bytes apart, depth contiguous floats each), scaled. */
export function packRows<W>(to: usize, from: usize, fromRow: usize, rows: i32, depth: i32, scale: f32): void {
  const width: i32 = isInteger<W>() ? MR : NR;
  const step: usize = width << 2;
  const s = f32x4.splat(scale);
  for (let row = 0; row < rows; row += width) {
    if (row + width > rows) {
      packRowEdge(to, step, from, fromRow, rows - row, depth, scale);
      return;
    }
    let x = from;
    let k = 0;
    for (; k <= depth - 4; k += 4) {
      // 6 wide: the second group first; what it spills into the next k is written again by the first group
      if (width > 4) Four.transpose(to + 16, step, x + 4 * fromRow, fromRow, width == 6 ? 2 : 4, s);
      Four.transpose(to, step, x, fromRow, 4, s);
      to += 4 * step;
      x += 16;
    }
    for (; k < depth; ++k) {
      for (let w = 0; w < width; ++w) {
        store<f32>(to + ((<usize>w) << 2), load<f32>(x + <usize>w * fromRow) * scale);
      }
      to += step;
      x += 4;
    }
    from += <usize>width * fromRow;
  }
}

/** The last panel, `rows` < width rows: element by element, zero where there is no row. */
function packRowEdge(to: usize, step: usize, from: usize, fromRow: usize, rows: i32, depth: i32, scale: f32): void {
  memory.fill(to, 0, <usize>depth * step);
  for (let w = 0; w < rows; ++w) {
    const row = from + <usize>w * fromRow;
    for (let k = 0; k < depth; ++k) {
      store<f32>(to + <usize>k * step + ((<usize>w) << 2), load<f32>(row + ((<usize>k) << 2)) * scale);
    }
  }
}

/** Packs `columns` columns of `from` (depth rows, `fromRow` bytes apart); panels lie `panel` bytes apart. */
export function packColumns<W>(to: usize, panel: usize, from: usize, fromRow: usize, depth: i32, columns: i32): void {
  const width: i32 = isInteger<W>() ? MR : NR;
  const step: usize = width << 2;
  for (let column = 0; column < columns; column += width) {
    let x = from + ((<usize>column) << 2);
    let y = to;
    if (column + width <= columns) {
      for (const end = y + <usize>depth * step; y < end; y += step) {
        v128.store(y, v128.load(x));
        if (width == 6) store<u64>(y + 16, load<u64>(x + 16));
        if (width == 8) v128.store(y, v128.load(x, 16), 16);
        x += fromRow;
      }
    } else {
      const valid = (<usize>(columns - column)) << 2;
      for (const end = y + <usize>depth * step; y < end; y += step) {
        memory.fill(y, 0, step);
        memory.copy(y, x, valid);
        x += fromRow;
      }
    }
    to += panel;
  }
}

/** Packs `count` lines, `line` bytes apart, of `depth` elements `along` bytes apart: views with no contiguous axis. */
export function packStrided<W>(to: usize, from: usize, line: usize, along: usize, count: i32, depth: i32): void {
  const width: i32 = isInteger<W>() ? MR : NR;
  for (let first = 0; first < count; first += width) {
    for (let k = 0; k < depth; ++k) {
      for (let w = 0; w < width; ++w) {
        const x = from + <usize>(first + w) * line + <usize>k * along;
        store<f32>(to + ((<usize>w) << 2), first + w < count ? load<f32>(x) : 0);
      }
      to += (<usize>width) << 2;
    }
  }
}
