/**
 * Products of one query row, for calls of few queries (decoding with a cache of keys). There each key is used once or twice:
 * packing it would cost as much as the product, and a register tile of MR rows would compute mostly nothing. K is
 * transposed in registers, four keys by four columns at a time; E is read as column panels.
 *
 * Each element is the sum of the register tile (microkernel.ts): from 0 in ascending order, so the bits are the same.
 */
import { Tile } from "./microkernel";
import { Simd } from "./simd";
import { MR, NR, PANEL } from "./tile";

/**
 * The most queries that are taken row by row. One was measured (docs/design.md); two by counting only: for 16 elements of K and V
 * about 25 instructions a row, against 60 for a row group of any number of rows and 20 for packing.
 */
export const THIN_ROWS: i32 = 2;

const STEP: usize = (<usize>MR) << 2;

/** s[x] = sum_d q[d] k[x][d] for the keys x < n, n a multiple of NR; those from `valid` on repeat the last one. `q`: in a row panel. */
export function thinScores(s: usize, q: usize, k: usize, kRow: usize, n: i32, valid: i32, D: i32): void {
  let x = 0;
  for (; x + 16 <= min(n, valid); x += 16) {
    const k1 = k + 4 * kRow;
    const k2 = k + 8 * kRow;
    const k3 = k + 12 * kRow;
    let s0 = f32x4.splat(0),
      s1 = f32x4.splat(0),
      s2 = f32x4.splat(0),
      s3 = f32x4.splat(0);
    let a = q;
    let d: usize = 0;
    for (const end = (<usize>(D & -4)) << 2; d < end; d += 16) {
      s0 = Keys.add(s0, a, k + d, kRow, 2 * kRow, 3 * kRow);
      s1 = Keys.add(s1, a, k1 + d, kRow, 2 * kRow, 3 * kRow);
      s2 = Keys.add(s2, a, k2 + d, kRow, 2 * kRow, 3 * kRow);
      s3 = Keys.add(s3, a, k3 + d, kRow, 2 * kRow, 3 * kRow);
      a += 4 * STEP;
    }
    for (const end = (<usize>D) << 2; d < end; d += 4) {
      s0 = Keys.addOne(s0, a, k + d, kRow, 2 * kRow, 3 * kRow);
      s1 = Keys.addOne(s1, a, k1 + d, kRow, 2 * kRow, 3 * kRow);
      s2 = Keys.addOne(s2, a, k2 + d, kRow, 2 * kRow, 3 * kRow);
      s3 = Keys.addOne(s3, a, k3 + d, kRow, 2 * kRow, 3 * kRow);
      a += STEP;
    }
    v128.store(s, s0);
    v128.store(s, s1, 16);
    v128.store(s, s2, 32);
    v128.store(s, s3, 48);
    s += 64;
    k += 16 * kRow;
  }
  for (; x < n; x += 4) {
    const left = max(0, valid - 1 - x);
    const r1 = <usize>min(1, left) * kRow;
    const r2 = <usize>min(2, left) * kRow;
    const r3 = <usize>min(3, left) * kRow;
    const row = x < valid ? k : k - kRow * <usize>(x - valid + 1);
    let sum = f32x4.splat(0);
    let a = q;
    let d: usize = 0;
    for (const end = (<usize>(D & -4)) << 2; d < end; d += 16) {
      sum = Keys.add(sum, a, row + d, r1, r2, r3);
      a += 4 * STEP;
    }
    for (const end = (<usize>D) << 2; d < end; d += 4) {
      sum = Keys.addOne(sum, a, row + d, r1, r2, r3);
      a += STEP;
    }
    v128.store(s, sum);
    s += 16;
    k += 4 * kRow;
  }
}

class Keys {
  /** s += q[d .. d + 4) times four keys, in ascending order of d; the keys' rows lie r1, r2, r3 bytes after the first. */
  @inline static add(s: v128, q: usize, k: usize, r1: usize, r2: usize, r3: usize): v128 {
    const k0 = v128.load(k);
    const k1 = v128.load(k + r1);
    const k2 = v128.load(k + r2);
    const k3 = v128.load(k + r3);
    const lo01 = v128.shuffle<f32>(k0, k1, 0, 4, 1, 5);
    const hi01 = v128.shuffle<f32>(k0, k1, 2, 6, 3, 7);
    const lo23 = v128.shuffle<f32>(k2, k3, 0, 4, 1, 5);
    const hi23 = v128.shuffle<f32>(k2, k3, 2, 6, 3, 7);
    s = Simd.madd(v128.load32_splat(q), v128.shuffle<f32>(lo01, lo23, 0, 1, 4, 5), s);
    s = Simd.madd(v128.load32_splat(q, STEP), v128.shuffle<f32>(lo01, lo23, 2, 3, 6, 7), s);
    s = Simd.madd(v128.load32_splat(q, 2 * STEP), v128.shuffle<f32>(hi01, hi23, 0, 1, 4, 5), s);
    return Simd.madd(v128.load32_splat(q, 3 * STEP), v128.shuffle<f32>(hi01, hi23, 2, 3, 6, 7), s);
  }

  /** The same for one d. */
  @inline static addOne(s: v128, q: usize, k: usize, r1: usize, r2: usize, r3: usize): v128 {
    let x = v128.load32_zero(k);
    x = v128.load32_lane(k + r1, x, 1);
    x = v128.load32_lane(k + r2, x, 2);
    x = v128.load32_lane(k + r3, x, 3);
    return Simd.madd(v128.load32_splat(q), x, s);
  }
}

/** sum[c] += sum_x w[x] e[x][c], or += that times factor[c], over n keys; column panels of e as in multiplyPanels. */
export function thinValues(
  sum: usize,
  w: usize,
  e: usize,
  eStep: usize,
  ePanel: usize,
  columns: i32,
  n: i32,
  mode: i32,
  factor: usize,
): void {
  const end = w + ((<usize>n) << 2);
  let c = 0;
  for (; c + 4 * NR <= columns; c += 4 * NR) {
    let a0 = f32x4.splat(0),
      a1 = f32x4.splat(0),
      a2 = f32x4.splat(0),
      a3 = f32x4.splat(0),
      a4 = f32x4.splat(0),
      a5 = f32x4.splat(0),
      a6 = f32x4.splat(0),
      a7 = f32x4.splat(0);
    let e0 = e;
    let e1 = e + ePanel;
    let e2 = e1 + ePanel;
    let e3 = e2 + ePanel;
    for (let x = w; x < end; x += 4) {
      const weight = v128.load32_splat(x);
      a0 = Simd.madd(weight, v128.load(e0), a0);
      a1 = Simd.madd(weight, v128.load(e0, 16), a1);
      a2 = Simd.madd(weight, v128.load(e1), a2);
      a3 = Simd.madd(weight, v128.load(e1, 16), a3);
      a4 = Simd.madd(weight, v128.load(e2), a4);
      a5 = Simd.madd(weight, v128.load(e2, 16), a5);
      a6 = Simd.madd(weight, v128.load(e3), a6);
      a7 = Simd.madd(weight, v128.load(e3, 16), a7);
      e0 += eStep;
      e1 += eStep;
      e2 += eStep;
      e3 += eStep;
    }
    Tile.accumulate(sum, a0, a1, mode, factor);
    Tile.accumulate(sum + PANEL, a2, a3, mode, factor + PANEL);
    Tile.accumulate(sum + 2 * PANEL, a4, a5, mode, factor + 2 * PANEL);
    Tile.accumulate(sum + 3 * PANEL, a6, a7, mode, factor + 3 * PANEL);
    sum += 4 * PANEL;
    factor += 4 * PANEL;
    e += 4 * ePanel;
  }
  for (; c < columns; c += NR) {
    let a0 = f32x4.splat(0),
      a1 = f32x4.splat(0);
    let y = e;
    for (let x = w; x < end; x += 4) {
      const weight = v128.load32_splat(x);
      a0 = Simd.madd(weight, v128.load(y), a0);
      a1 = Simd.madd(weight, v128.load(y, 16), a1);
      y += eStep;
    }
    Tile.accumulate(sum, a0, a1, mode, factor);
    sum += PANEL;
    factor += PANEL;
    e += ePanel;
  }
}
