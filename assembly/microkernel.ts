import { multiplyByLanes } from "./lanes";
import { Eight, Simd } from "./simd";
import { beginSums, thinValues } from "./thin";
import { MR, NR, PANEL, STRIP } from "./tile";

/**
 * Where all elements start, loaded once: of constants, V8 13.6 does not see that two are one value, and then makes no 256-bit vectors of the
 * tile where it is told to (docs/runtimes.md). Elsewhere as fast as constants.
 */
const ZERO = memory.data<f32>([0], 4);

/** Whether these kernels take a by lanes (lanes.ts). */
let lanes = false;

/**
 * Which kernels take a by lanes: 0 none, 1 plain ones, 2 relaxed ones, 3 both. Between calls only. Changes no bit. src/wasm.ts has
 * the rule.
 */
export function useLanes(builds: i32): void {
  lanes = (builds & (ASC_FEATURE_RELAXED_SIMD ? 2 : 1)) != 0;
}

/**
 * How a lies in memory: rows of a score strip, or rows interleaved (a packed panel, or a strip read transposed). Told apart as integers or
 * not; the base of a Strip is c.
 */
export type Strip = f32;
export type Interleaved = i32;

/** How many rows a register tile has: MR, or of six four or five. Told apart by size. */
type All = i64;
type Four = i32;
type Five = i16;

/**
 * The register tile, the inner loop of every product that is not taken by lanes: c[rows, 8] = a b, or base + a b, or, without
 * regard to base, c + (a b) * factor with one factor a column, from a[rows, depth] and b[depth, 8].
 *
 *   a: element (i, p) at a + i aRow + p aStep, aRow by A        b: row p at b + p bStep        c: row i at c + i cRow
 *
 * Each element starts at 0 and adds p = 0, 1, ... in order, so the number of rows never changes a bit. `aRow` is a compile-time
 * constant of the layout A: it becomes the immediate offset of the load, as fast as a packed a. All strides in bytes.
 * The loop of plain kernels is unrolled behind Binaryen (scripts/optimize.mjs): here, Binaryen would reorder it.
 */
export class Tile {
  /** Rows of the tile, of a row group, and of a panel of a: MR, or by lanes four. */
  @inline static rows(): i32 {
    return MR != 4 && lanes ? 4 : MR;
  }

  /**
   * The most rows of a group that are taken one by one (thin.ts), where it has no more: with more there is no gain, or not in every
   * engine (docs/design.md, "Rows that are left over", has the times).
   */
  @inline static few(): i32 {
    return Tile.rows() == 6 ? 3 : 1;
  }

  @inline static run<A, R>(
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
    const aRow: usize = isInteger<A>() ? 4 : STRIP; // Interleaved : Strip
    const six = MR == 6 && sizeof<R>() == sizeof<All>();
    const five = six || sizeof<R>() == sizeof<Five>();
    const zero = v128.load32_splat(ZERO);
    let c00 = zero,
      c01 = zero;
    let c10 = zero,
      c11 = zero;
    let c20 = zero,
      c21 = zero;
    let c30 = zero,
      c31 = zero;
    let c40 = zero,
      c41 = zero;
    let c50 = zero,
      c51 = zero;
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
      if (five) {
        const a4 = v128.load32_splat(a, 4 * aRow);
        c40 = Simd.madd(a4, b0, c40);
        c41 = Simd.madd(a4, b1, c41);
      }
      if (six) {
        const a5 = v128.load32_splat(a, 5 * aRow);
        c50 = Simd.madd(a5, b0, c50);
        c51 = Simd.madd(a5, b1, c51);
      }
      a += aStep;
    }
    if (factor) {
      const f0 = v128.load(factor);
      const f1 = v128.load(factor, 16);
      Eight.scaleAdd(c, c00, c01, f0, f1);
      Eight.scaleAdd(c + cRow, c10, c11, f0, f1);
      Eight.scaleAdd(c + 2 * cRow, c20, c21, f0, f1);
      Eight.scaleAdd(c + 3 * cRow, c30, c31, f0, f1);
      if (five) Eight.scaleAdd(c + 4 * cRow, c40, c41, f0, f1);
      if (six) Eight.scaleAdd(c + 5 * cRow, c50, c51, f0, f1);
    } else if (isFloat<A>() || base) {
      Eight.sum(c, base, c00, c01);
      Eight.sum(c + cRow, base + baseRow, c10, c11);
      Eight.sum(c + 2 * cRow, base + 2 * baseRow, c20, c21);
      Eight.sum(c + 3 * cRow, base + 3 * baseRow, c30, c31);
      if (five) Eight.sum(c + 4 * cRow, base + 4 * baseRow, c40, c41);
      if (six) Eight.sum(c + 5 * cRow, base + 5 * baseRow, c50, c51);
    } else {
      Eight.put(c, c00, c01);
      Eight.put(c + cRow, c10, c11);
      Eight.put(c + 2 * cRow, c20, c21);
      Eight.put(c + 3 * cRow, c30, c31);
      if (five) Eight.put(c + 4 * cRow, c40, c41);
      if (six) Eight.put(c + 5 * cRow, c50, c51);
    }
  }

  /** Of `count` panels of b. */
  @inline static panels<A, R>(
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
      Tile.run<A, R>(c, cRow, a, aStep, b, bStep, depth, base, baseRow, factor);
      c += PANEL;
      b += panel;
      if (base) base += PANEL;
      if (factor) factor += PANEL;
    }
  }
}

/**
 * A row group, of which the first `rows` count, times `count` panels of b, `panel` bytes apart: c[rows, 8 count]; base or factor 0: none.
 * With a factor base is c.
 */
export function multiplyPanels<A>(
  rows: i32,
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
  if (rows <= Tile.few()) {
    const begun = isFloat<A>() || base == c;
    for (; rows > 0; --rows) {
      if (!begun) {
        beginSums(c, base, <usize>count * PANEL);
        if (base) base += baseRow;
      }
      thinValues(c, a, aStep, b, bStep, panel, count * NR, depth, factor);
      c += cRow;
      a += isFloat<A>() ? STRIP : 4;
    }
    return;
  }
  if (lanes) {
    // A loop of its own: with both tiles in this one, ViT and LM forward take up to 2 % longer in Node.
    multiplyByLanes<A>(c, cRow, a, aStep, b, bStep, panel, count, depth, base, baseRow, factor);
    return;
  }
  if (MR == 6 && rows == 5)
    Tile.panels<A, Five>(c, cRow, a, aStep, b, bStep, panel, count, depth, base, baseRow, factor);
  else if (MR == 6 && rows == 4)
    Tile.panels<A, Four>(c, cRow, a, aStep, b, bStep, panel, count, depth, base, baseRow, factor);
  else Tile.panels<A, All>(c, cRow, a, aStep, b, bStep, panel, count, depth, base, baseRow, factor);
}
