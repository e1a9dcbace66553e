import { Eight, Simd } from "./simd";
import { PANEL, STRIP } from "./tile";

/**
 * `multiplyPanels` of microkernel.ts for engines in which loads are dear or registers few (src/wasm.ts): a register tile of four rows, whose
 * numbers are loaded four at a time, each taken from its lane. Every sum has the same order, so the bits are the same. docs/design.md
 * has the times.
 */
export function multiplyByLanes<A>(
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
    let c00 = f32x4.splat(0),
      c01 = f32x4.splat(0);
    let c10 = f32x4.splat(0),
      c11 = f32x4.splat(0);
    let c20 = f32x4.splat(0),
      c21 = f32x4.splat(0);
    let c30 = f32x4.splat(0),
      c31 = f32x4.splat(0);
    let x = a;
    let y = b;
    const end = b + <usize>depth * bStep;
    if (isInteger<A>()) {
      // Interleaved: a load has the four rows of one p.
      for (; y != end; y += bStep) {
        const b0 = v128.load(y),
          b1 = v128.load(y, 16);
        const u = v128.load(x);
        const a0 = v128.shuffle<f32>(u, u, 0, 0, 0, 0);
        c00 = Simd.madd(a0, b0, c00);
        c01 = Simd.madd(a0, b1, c01);
        const a1 = v128.shuffle<f32>(u, u, 1, 1, 1, 1);
        c10 = Simd.madd(a1, b0, c10);
        c11 = Simd.madd(a1, b1, c11);
        const a2 = v128.shuffle<f32>(u, u, 2, 2, 2, 2);
        c20 = Simd.madd(a2, b0, c20);
        c21 = Simd.madd(a2, b1, c21);
        const a3 = v128.shuffle<f32>(u, u, 3, 3, 3, 3);
        c30 = Simd.madd(a3, b0, c30);
        c31 = Simd.madd(a3, b1, c31);
        x += aStep;
      }
    } else {
      // Strip: a load has four p of one row, at the end up to three too many, which lie in scratch and are not used. There is a way out
      // after each step, lest Binaryen move all loads of b to the front, where V8 would keep them in memory for want of registers.
      for (; y != end; x += 16) {
        const u0 = v128.load(x),
          u1 = v128.load(x, STRIP);
        const u2 = v128.load(x, 2 * STRIP),
          u3 = v128.load(x, 3 * STRIP);
        const b00 = v128.load(y),
          b01 = v128.load(y, 16);
        const a00 = v128.shuffle<f32>(u0, u0, 0, 0, 0, 0);
        c00 = Simd.madd(a00, b00, c00);
        c01 = Simd.madd(a00, b01, c01);
        const a01 = v128.shuffle<f32>(u1, u1, 0, 0, 0, 0);
        c10 = Simd.madd(a01, b00, c10);
        c11 = Simd.madd(a01, b01, c11);
        const a02 = v128.shuffle<f32>(u2, u2, 0, 0, 0, 0);
        c20 = Simd.madd(a02, b00, c20);
        c21 = Simd.madd(a02, b01, c21);
        const a03 = v128.shuffle<f32>(u3, u3, 0, 0, 0, 0);
        c30 = Simd.madd(a03, b00, c30);
        c31 = Simd.madd(a03, b01, c31);
        y += bStep;
        if (y == end) break;
        const b10 = v128.load(y),
          b11 = v128.load(y, 16);
        const a10 = v128.shuffle<f32>(u0, u0, 1, 1, 1, 1);
        c00 = Simd.madd(a10, b10, c00);
        c01 = Simd.madd(a10, b11, c01);
        const a11 = v128.shuffle<f32>(u1, u1, 1, 1, 1, 1);
        c10 = Simd.madd(a11, b10, c10);
        c11 = Simd.madd(a11, b11, c11);
        const a12 = v128.shuffle<f32>(u2, u2, 1, 1, 1, 1);
        c20 = Simd.madd(a12, b10, c20);
        c21 = Simd.madd(a12, b11, c21);
        const a13 = v128.shuffle<f32>(u3, u3, 1, 1, 1, 1);
        c30 = Simd.madd(a13, b10, c30);
        c31 = Simd.madd(a13, b11, c31);
        y += bStep;
        if (y == end) break;
        const b20 = v128.load(y),
          b21 = v128.load(y, 16);
        const a20 = v128.shuffle<f32>(u0, u0, 2, 2, 2, 2);
        c00 = Simd.madd(a20, b20, c00);
        c01 = Simd.madd(a20, b21, c01);
        const a21 = v128.shuffle<f32>(u1, u1, 2, 2, 2, 2);
        c10 = Simd.madd(a21, b20, c10);
        c11 = Simd.madd(a21, b21, c11);
        const a22 = v128.shuffle<f32>(u2, u2, 2, 2, 2, 2);
        c20 = Simd.madd(a22, b20, c20);
        c21 = Simd.madd(a22, b21, c21);
        const a23 = v128.shuffle<f32>(u3, u3, 2, 2, 2, 2);
        c30 = Simd.madd(a23, b20, c30);
        c31 = Simd.madd(a23, b21, c31);
        y += bStep;
        if (y == end) break;
        const b30 = v128.load(y),
          b31 = v128.load(y, 16);
        const a30 = v128.shuffle<f32>(u0, u0, 3, 3, 3, 3);
        c00 = Simd.madd(a30, b30, c00);
        c01 = Simd.madd(a30, b31, c01);
        const a31 = v128.shuffle<f32>(u1, u1, 3, 3, 3, 3);
        c10 = Simd.madd(a31, b30, c10);
        c11 = Simd.madd(a31, b31, c11);
        const a32 = v128.shuffle<f32>(u2, u2, 3, 3, 3, 3);
        c20 = Simd.madd(a32, b30, c20);
        c21 = Simd.madd(a32, b31, c21);
        const a33 = v128.shuffle<f32>(u3, u3, 3, 3, 3, 3);
        c30 = Simd.madd(a33, b30, c30);
        c31 = Simd.madd(a33, b31, c31);
        y += bStep;
      }
    }
    const based = isFloat<A>() || base != 0;
    TileEnd.end2(c, cRow, base, baseRow, factor, based, c00, c01, c10, c11);
    TileEnd.end2(c + 2 * cRow, cRow, base + 2 * baseRow, baseRow, factor, based, c20, c21, c30, c31);
    c += PANEL;
    b += panel;
    if (base) base += PANEL;
    if (factor) factor += PANEL;
  }
}

class TileEnd {
  /**
   * What ends two rows of a tile: c += x * factor, with one factor a column; without one c = base + x, or where none is, c = x. `Tile.run`
   * has all its rows in each branch: by pairs, attention takes about 1 % longer in Node.
   */
  @inline static end2(
    c: usize,
    cRow: usize,
    base: usize,
    baseRow: usize,
    factor: usize,
    based: bool,
    x00: v128,
    x01: v128,
    x10: v128,
    x11: v128,
  ): void {
    if (factor) {
      const f0 = v128.load(factor);
      const f1 = v128.load(factor, 16);
      Eight.scaleAdd(c, x00, x01, f0, f1);
      Eight.scaleAdd(c + cRow, x10, x11, f0, f1);
    } else if (based) {
      Eight.sum(c, base, x00, x01);
      Eight.sum(c + cRow, base + baseRow, x10, x11);
    } else {
      Eight.put(c, x00, x01);
      Eight.put(c + cRow, x10, x11);
    }
  }
}
