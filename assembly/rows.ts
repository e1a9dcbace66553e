/** Row operations on score strips and sums. Strips have a multiple of 8 scores; sums are four lane partials, j mod 4. */
import { B1, B2, B3, B4, B5, BASE2_LOWEST, CORE_ROUND, Exp, TWO } from "./exp";
import { Tile } from "./microkernel";
import { Rare } from "./rare";
import { Simd } from "./simd";
import { STRIP } from "./tile";

/** Where the softmax of a group of Tile.rows() rows keeps its numbers: 8 floats each, and the lane partials of the row sums. */
const GROUP_SHIFT: usize = 0;
export const GROUP_ALPHA: usize = 32;
const GROUP_PARTIAL: usize = 64;
export const GROUP: i32 = 16 + 8 * 4; // floats

/**
 * Raises the running maxima m of Tile.rows() rows by n scores each, NaN left out: it comes back in the sum of 2^(x - m). Notes what to
 * subtract (0 while all is hidden: 2^-inf = 0) and alpha = 2^(m - m'), at least `least`; returns whether one is not 1.
 * Row r lies at s + r STRIP. `pmax` is one instruction where `max`, which keeps NaN, is eight.
 */
export function groupMax(s: usize, n: i32, m: usize, group: usize, least: f32): bool {
  const six = Tile.rows() == 6;
  const none = f32x4.splat(-Infinity);
  let top0 = none,
    top1 = none,
    top2 = none,
    top3 = none,
    top4 = none,
    top5 = none;
  for (const end = s + ((<usize>n) << 2); s < end; s += 16) {
    top0 = f32x4.pmax(top0, v128.load(s));
    top1 = f32x4.pmax(top1, v128.load(s, STRIP));
    top2 = f32x4.pmax(top2, v128.load(s, 2 * STRIP));
    top3 = f32x4.pmax(top3, v128.load(s, 3 * STRIP));
    if (six) {
      top4 = f32x4.pmax(top4, v128.load(s, 4 * STRIP));
      top5 = f32x4.pmax(top5, v128.load(s, 5 * STRIP));
    }
  }
  let some = Group.raise(m, Group.max4(top0, top1, top2, top3), group, least, 4);
  if (six) some = Group.raise(m + 16, Group.max4(top4, top5, top4, top5), group + 16, least, 2) || some;
  return some;
}

class Group {
  /** The maxima of four vectors. */
  @inline static max4(a: v128, b: v128, c: v128, d: v128): v128 {
    const ab = f32x4.pmax(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
    const cd = f32x4.pmax(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
    return f32x4.pmax(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
  }

  /** m, shift and alpha of the first `count` (2 or 4) of four rows. */
  @inline static raise(m: usize, top: v128, group: usize, least: f32, count: i32): bool {
    const none = f32x4.splat(-Infinity);
    const before = v128.load(m);
    top = f32x4.pmax(before, top);
    const shift = v128.and(top, f32x4.ne(top, none));
    const rises = v128.and(f32x4.ne(before, top), f32x4.ne(before, none));
    const alpha = f32x4.pmax(Rare.exp2(f32x4.sub(before, shift)), f32x4.splat(least));
    v128.store(group + GROUP_SHIFT, shift);
    v128.store(group + GROUP_ALPHA, v128.bitselect(alpha, f32x4.splat(1), rises));
    if (count == 4) v128.store(m, top);
    else v128.store64_lane(m, top, 0);
    return v128.any_true(rises);
  }

  /** (l0 + l1) + (l2 + l3) of each of the four vectors at `from`. */
  @inline static sum4(from: usize): v128 {
    const a = v128.load(from);
    const b = v128.load(from, 16);
    const c = v128.load(from, 32);
    const d = v128.load(from, 48);
    const ab = v128.shuffle<f32>(a, b, 0, 2, 4, 6); // a0 a2 b0 b2
    const ab1 = v128.shuffle<f32>(a, b, 1, 3, 5, 7);
    const cd = v128.shuffle<f32>(c, d, 0, 2, 4, 6);
    const cd1 = v128.shuffle<f32>(c, d, 1, 3, 5, 7);
    const x = f32x4.add(ab, ab1); // a01 a23 b01 b23
    const y = f32x4.add(cd, cd1);
    return f32x4.add(v128.shuffle<f32>(x, y, 0, 2, 4, 6), v128.shuffle<f32>(x, y, 1, 3, 5, 7));
  }
}

/** x = 2^(x - shift) in place for `rows` <= Tile.rows() rows of n, and l = l alpha + their sums. */
export function groupExp2(x: usize, rows: i32, n: i32, l: usize, group: usize): void {
  const lowest = v128.load32_splat(BASE2_LOWEST);
  const round = v128.load32_splat(CORE_ROUND);
  const b1 = v128.load32_splat(B1);
  const b2 = v128.load32_splat(B2);
  const b3 = v128.load32_splat(B3);
  const b4 = v128.load32_splat(B4);
  const b5 = v128.load32_splat(B5);
  const two = v128.load32_splat(TWO);
  for (let r = 0; r < rows; ++r) {
    const s = v128.load32_splat(group + GROUP_SHIFT + ((<usize>r) << 2));
    let sum = f32x4.splat(0);
    const row = x + <usize>r * STRIP;
    for (let y = row, end = row + ((<usize>n) << 2); y < end; y += 32) {
      const e0 = Exp.base2With(f32x4.sub(v128.load(y), s), lowest, round, b1, b2, b3, b4, b5, two);
      const e1 = Exp.base2With(f32x4.sub(v128.load(y, 16), s), lowest, round, b1, b2, b3, b4, b5, two);
      v128.store(y, e0);
      v128.store(y, e1, 16);
      sum = f32x4.add(f32x4.add(sum, e0), e1);
    }
    v128.store(group + GROUP_PARTIAL + ((<usize>r) << 4), sum);
  }
  const low = f32x4.mul(v128.load(l), v128.load(group + GROUP_ALPHA));
  v128.store(l, f32x4.add(low, Group.sum4(group + GROUP_PARTIAL)));
  if (Tile.rows() == 6) {
    const high = f32x4.mul(v128.load(l, 16), v128.load(group + GROUP_ALPHA + 16));
    v128.store64_lane(l, f32x4.add(high, Group.sum4(group + GROUP_PARTIAL + 64)), 0, 16);
  }
}

/** s = P = 2^(s - lse - rest), ds = P (dP - delta); exactly 0 where P is 0, whatever a hidden dP is (unless all count). */
export function rowGradient(s: usize, ds: usize, n: i32, lse: f32, rest: f32, delta: f32, all: bool): void {
  const l = f32x4.splat(lse);
  const low = f32x4.splat(rest);
  const lowest = v128.load32_splat(BASE2_LOWEST);
  const round = v128.load32_splat(CORE_ROUND);
  const b1 = v128.load32_splat(B1);
  const b2 = v128.load32_splat(B2);
  const b3 = v128.load32_splat(B3);
  const b4 = v128.load32_splat(B4);
  const b5 = v128.load32_splat(B5);
  const two = v128.load32_splat(TWO);
  const end = s + ((<usize>n) << 2);
  for (let x = s; x < end; x += 32) {
    const y0 = f32x4.sub(f32x4.sub(v128.load(x), l), low);
    const e0 = Exp.base2With(y0, lowest, round, b1, b2, b3, b4, b5, two);
    const y1 = f32x4.sub(f32x4.sub(v128.load(x, 16), l), low);
    const e1 = Exp.base2With(y1, lowest, round, b1, b2, b3, b4, b5, two);
    v128.store(x, e0);
    v128.store(x, e1, 16);
  }
  const row = f32x4.splat(delta);
  const zero = f32x4.splat(0);
  const keep = i32x4.splat(all ? -1 : 0);
  for (; s < end; s += 16) {
    const y = v128.load(s);
    v128.store(ds, v128.and(f32x4.mul(y, f32x4.sub(v128.load(ds), row)), v128.or(keep, f32x4.ne(y, zero))));
    ds += 16;
  }
}

/** ds *= slope, exactly 0 where ds is 0, whatever the slope is. */
export function rowSlope(ds: usize, slope: usize, n: i32): void {
  for (const end = ds + ((<usize>n) << 2); ds < end; ds += 16) {
    const y = v128.load(ds);
    v128.store(ds, v128.and(f32x4.mul(y, v128.load(slope)), f32x4.ne(y, f32x4.splat(0))));
    slope += 16;
  }
}

/** to = from * scale, n floats; writes nothing beyond. */
export function rowScale(to: usize, from: usize, n: i32, scale: f32): void {
  for (let d = 0; d < n; d += 4) {
    const at = (<usize>d) << 2;
    if (Simd.storeEnds(to + at, f32x4.mul(v128.load(from + at), f32x4.splat(scale)), n - d)) return;
  }
}

/** to += from * scale, n floats; writes nothing beyond. */
export function rowAdd(to: usize, from: usize, n: i32, scale: f32): void {
  for (let d = 0; d < n; d += 4) {
    const at = (<usize>d) << 2;
    const y = Simd.madd(v128.load(from + at), f32x4.splat(scale), v128.load(to + at));
    if (Simd.storeEnds(to + at, y, n - d)) return;
  }
}
