import { Simd } from "./simd";
import { MR, PANEL, STRIP } from "./tile";

/**
 * How a lies in memory: rows of a score strip, or rows interleaved (a packed panel, or a strip read transposed), MR or four of them.
 * Told apart as integers or not, and by size; FourRows have no factor.
 */
export type Strip = f32;
export type Interleaved = i32;
export type FourRows = i64;

/**
 * The register tile, the only inner loop of every product: c[rows, 8] = a b, or base + a b, or, without regard to base,
 * c + (a b) * factor with one factor a column, from a[rows, depth] and b[depth, 8], rows MR or four.
 *
 *   a: element (i, p) at a + i aRow + p aStep, aRow by A        b: row p at b + p bStep        c: row i at c + i cRow
 *
 * Each element starts at 0 and adds p = 0, 1, ... in order, so the number of rows never changes a bit. `aRow` is a compile-time
 * constant of the layout A: it becomes the immediate offset of the load, as fast as a packed a. All strides in bytes.
 * The loop is not unrolled by hand: V8 unrolls and peels it, and manual unrolling cost 5 to 50 %.
 */
export class Tile {
  @inline static run<A>(
    c: usize,
    cRow: usize,
    a: usize,
    aStep: usize,
    b: usize,
    bStep: usize,
    depth: i32,
    base: usize,
    baseRow: usize,
    factor: usize,
  ): void {
    const aRow: usize = isInteger<A>() ? 4 : STRIP; // Interleaved or FourRows : Strip
    const six = MR == 6 && sizeof<A>() == 4;
    let c00 = f32x4.splat(0),
      c01 = f32x4.splat(0);
    let c10 = f32x4.splat(0),
      c11 = f32x4.splat(0);
    let c20 = f32x4.splat(0),
      c21 = f32x4.splat(0);
    let c30 = f32x4.splat(0),
      c31 = f32x4.splat(0);
    let c40 = f32x4.splat(0),
      c41 = f32x4.splat(0);
    let c50 = f32x4.splat(0),
      c51 = f32x4.splat(0);
    for (const end = b + <usize>depth * bStep; b != end; b += bStep) {
      const b0 = v128.load(b),
        b1 = v128.load(b, 16);
      const a0 = v128.load32_splat(a, 0 * aRow);
      c00 = Simd.madd(a0, b0, c00);
      c01 = Simd.madd(a0, b1, c01);
      const a1 = v128.load32_splat(a, 1 * aRow);
      c10 = Simd.madd(a1, b0, c10);
      c11 = Simd.madd(a1, b1, c11);
      const a2 = v128.load32_splat(a, 2 * aRow);
      c20 = Simd.madd(a2, b0, c20);
      c21 = Simd.madd(a2, b1, c21);
      const a3 = v128.load32_splat(a, 3 * aRow);
      c30 = Simd.madd(a3, b0, c30);
      c31 = Simd.madd(a3, b1, c31);
      if (six) {
        const a4 = v128.load32_splat(a, 4 * aRow);
        c40 = Simd.madd(a4, b0, c40);
        c41 = Simd.madd(a4, b1, c41);
        const a5 = v128.load32_splat(a, 5 * aRow);
        c50 = Simd.madd(a5, b0, c50);
        c51 = Simd.madd(a5, b1, c51);
      }
      a += aStep;
    }
    if (sizeof<A>() == 4 && factor) {
      const f0 = v128.load(factor);
      const f1 = v128.load(factor, 16);
      Tile.scaleAdd(c, c00, c01, f0, f1);
      Tile.scaleAdd(c + cRow, c10, c11, f0, f1);
      Tile.scaleAdd(c + 2 * cRow, c20, c21, f0, f1);
      Tile.scaleAdd(c + 3 * cRow, c30, c31, f0, f1);
      if (six) {
        Tile.scaleAdd(c + 4 * cRow, c40, c41, f0, f1);
        Tile.scaleAdd(c + 5 * cRow, c50, c51, f0, f1);
      }
    } else if (base) {
      Tile.sum(c, base, c00, c01);
      Tile.sum(c + cRow, base + baseRow, c10, c11);
      Tile.sum(c + 2 * cRow, base + 2 * baseRow, c20, c21);
      Tile.sum(c + 3 * cRow, base + 3 * baseRow, c30, c31);
      if (six) {
        Tile.sum(c + 4 * cRow, base + 4 * baseRow, c40, c41);
        Tile.sum(c + 5 * cRow, base + 5 * baseRow, c50, c51);
      }
    } else {
      Tile.put(c, c00, c01);
      Tile.put(c + cRow, c10, c11);
      Tile.put(c + 2 * cRow, c20, c21);
      Tile.put(c + 3 * cRow, c30, c31);
      if (six) {
        Tile.put(c + 4 * cRow, c40, c41);
        Tile.put(c + 5 * cRow, c50, c51);
      }
    }
  }

  @inline static put(c: usize, x0: v128, x1: v128): void {
    v128.store(c, x0);
    v128.store(c, x1, 16);
  }

  /** c = base + x for one row. */
  @inline static sum(c: usize, base: usize, x0: v128, x1: v128): void {
    Tile.put(c, f32x4.add(v128.load(base), x0), f32x4.add(v128.load(base, 16), x1));
  }

  /** c += x for one row. */
  @inline static add(c: usize, x0: v128, x1: v128): void {
    Tile.sum(c, c, x0, x1);
  }

  /** c += x * factor for one row. */
  @inline static scaleAdd(c: usize, x0: v128, x1: v128, f0: v128, f1: v128): void {
    Tile.put(c, Simd.madd(x0, f0, v128.load(c)), Simd.madd(x1, f1, v128.load(c, 16)));
  }
}

/** A row group times `count` panels of b, `panel` bytes apart: c[rows, 8 count]; base or factor 0: none. */
export function multiplyPanels<A>(
  c: usize,
  cRow: usize,
  a: usize,
  aStep: usize,
  b: usize,
  bStep: usize,
  panel: usize,
  count: i32,
  depth: i32,
  base: usize,
  baseRow: usize,
  factor: usize,
): void {
  for (; count > 0; --count) {
    Tile.run<A>(c, cRow, a, aStep, b, bStep, depth, base, baseRow, factor);
    c += PANEL;
    b += panel;
    if (base) base += PANEL;
    if (factor) factor += PANEL;
  }
}
