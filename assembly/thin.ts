/**
 * Products of one row, for calls of few queries (decoding with a cache of keys) and thin products. There each key is used a few times:
 * packing it would cost as much as the product, and a register tile would compute mostly nothing. K is
 * transposed in registers, four keys by four columns at a time; E is read as column panels.
 *
 * Each element is the sum of the register tile (microkernel.ts): from 0 in ascending order, so the bits are the same.
 */
import { Eight, Simd } from "./simd";
import { NR, PANEL } from "./tile";

/** The most queries that are taken row by row. Measured are one, three and four (docs/design.md, "Decoding"). */
export const THIN_ROWS: i32 = 3;

/** Keys at a time. */
export const KEYS: i32 = 16;

/**
 * s[x] = sum_d q[d] k[x][d], or s[x] += that, for the keys x < n, D a multiple of 4; elements of q lie qStep bytes apart. Sixteen keys at
 * a time, the last ones partly again; one after the other where there are fewer, which is never to be added.
 */
export function thinScores(s: usize, q: usize, qStep: usize, k: usize, kRow: usize, n: i32, D: i32, add: bool): void {
  assert(n >= KEYS || !add, "fewer than 16 keys are not added");
  const bytes = (<usize>D) << 2;
  if (n < KEYS) {
    for (const end = s + ((<usize>n) << 2); s < end; s += 4, k += kRow) {
      let sum = f32x4.splat(0);
      let a = q;
      for (let x = k; x < k + bytes; x += 4, a += qStep)
        sum = Simd.madd(v128.load32_splat(a), v128.load32_splat(x), sum);
      v128.store32_lane(s, sum, 0);
    }
    return;
  }
  const row2: usize = 2 * kRow;
  const row3: usize = 3 * kRow;
  const k1: usize = 4 * kRow;
  const k2: usize = 8 * kRow;
  const k3: usize = 12 * kRow;
  for (let x = 0; x < n; x += KEYS) {
    x = min(x, n - KEYS);
    const keys = k + <usize>x * kRow;
    const to = s + ((<usize>x) << 2);
    let s0 = f32x4.splat(0),
      s1 = f32x4.splat(0),
      s2 = f32x4.splat(0),
      s3 = f32x4.splat(0);
    let a = q;
    for (let y = keys; y < keys + bytes; y += 16) {
      const q0 = v128.load32_splat(a);
      a += qStep;
      const q1 = v128.load32_splat(a);
      a += qStep;
      const q2 = v128.load32_splat(a);
      a += qStep;
      const q3 = v128.load32_splat(a);
      a += qStep;
      s0 = Keys.add(s0, q0, q1, q2, q3, y, kRow, row2, row3);
      s1 = Keys.add(s1, q0, q1, q2, q3, y + k1, kRow, row2, row3);
      s2 = Keys.add(s2, q0, q1, q2, q3, y + k2, kRow, row2, row3);
      s3 = Keys.add(s3, q0, q1, q2, q3, y + k3, kRow, row2, row3);
    }
    if (add) {
      Eight.add(to, s0, s1);
      Eight.add(to + PANEL, s2, s3);
    } else {
      Eight.put(to, s0, s1);
      Eight.put(to + PANEL, s2, s3);
    }
  }
}

class Keys {
  /** s += q0 to q3 times four elements of four keys, in this order; the keys' rows lie r1, r2, r3 bytes after the first. */
  @inline static add(s: v128, q0: v128, q1: v128, q2: v128, q3: v128, k: usize, r1: usize, r2: usize, r3: usize): v128 {
    const k0 = v128.load(k);
    const k1 = v128.load(k + r1);
    const k2 = v128.load(k + r2);
    const k3 = v128.load(k + r3);
    const lo01 = v128.shuffle<f32>(k0, k1, 0, 4, 1, 5);
    const hi01 = v128.shuffle<f32>(k0, k1, 2, 6, 3, 7);
    const lo23 = v128.shuffle<f32>(k2, k3, 0, 4, 1, 5);
    const hi23 = v128.shuffle<f32>(k2, k3, 2, 6, 3, 7);
    s = Simd.madd(q0, v128.shuffle<f32>(lo01, lo23, 0, 1, 4, 5), s);
    s = Simd.madd(q1, v128.shuffle<f32>(lo01, lo23, 2, 3, 6, 7), s);
    s = Simd.madd(q2, v128.shuffle<f32>(hi01, hi23, 0, 1, 4, 5), s);
    return Simd.madd(q3, v128.shuffle<f32>(hi01, hi23, 2, 3, 6, 7), s);
  }
}

/** c += x * factor for four columns, factor 0: none; returns that of the next four. One vector: docs/design.md, "256-bit vectors". */
function addFour(c: usize, x: v128, factor: usize): usize {
  const before = v128.load(c);
  v128.store(c, factor ? Simd.madd(x, v128.load(factor), before) : f32x4.add(before, x));
  return factor ? factor + 16 : 0;
}

/** Begins the sums of a row: c = base, base 0: -0, since -0 and a sum is that sum, its sign included where it has underflowed. */
export function beginSums(c: usize, base: usize, bytes: usize): void {
  for (let x: usize = 0; x < bytes; x += 16) v128.store(c + x, base ? v128.load(base + x) : f32x4.splat(-0.0));
}

/**
 * sum[c] += sum_x w[x] e[x][c], or += that times factor[c], over n keys; elements of w lie wStep bytes apart, column panels of e as in
 * multiplyPanels.
 */
export function thinValues(
  sum: usize,
  w: usize,
  wStep: usize,
  e: usize,
  eStep: usize,
  ePanel: usize,
  columns: i32,
  n: i32,
  factor: usize,
): void {
  const end = w + <usize>n * wStep;
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
    for (let x = w; x != end; x += wStep) {
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
    factor = addFour(sum, a0, factor);
    factor = addFour(sum + 16, a1, factor);
    factor = addFour(sum + PANEL, a2, factor);
    factor = addFour(sum + PANEL + 16, a3, factor);
    factor = addFour(sum + 2 * PANEL, a4, factor);
    factor = addFour(sum + 2 * PANEL + 16, a5, factor);
    factor = addFour(sum + 3 * PANEL, a6, factor);
    factor = addFour(sum + 3 * PANEL + 16, a7, factor);
    sum += 4 * PANEL;
    e += 4 * ePanel;
  }
  for (; c < columns; c += NR) {
    let a0 = f32x4.splat(0),
      a1 = f32x4.splat(0);
    let y = e;
    for (let x = w; x != end; x += wStep) {
      const weight = v128.load32_splat(x);
      a0 = Simd.madd(weight, v128.load(y), a0);
      a1 = Simd.madd(weight, v128.load(y, 16), a1);
      y += eStep;
    }
    factor = addFour(sum, a0, factor);
    factor = addFour(sum + 16, a1, factor);
    sum += PANEL;
    e += ePanel;
  }
}
