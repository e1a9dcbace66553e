/** Row operations on score strips and sums. Lengths are multiples of 4; sums are four lane partials, j mod 4. */
import { B1, B2, B3, B4, B5, BASE2_LOWEST, CORE_ROUND, Exp, TWO } from "./exp";
import { Simd } from "./simd";

/**
 * max of n floats, NaN left out: it comes back in the sum of 2^(x - max). `pmax` is one instruction where `max`, which keeps
 * NaN, is eight; four maxima at once hide its latency.
 */
export function rowMax(x: usize, n: i32): f32 {
  const end = x + ((<usize>n) << 2);
  let top0 = f32x4.splat(-Infinity);
  let top1 = top0;
  let top2 = top0;
  let top3 = top0;
  for (; x + 64 <= end; x += 64) {
    top0 = f32x4.pmax(top0, v128.load(x));
    top1 = f32x4.pmax(top1, v128.load(x, 16));
    top2 = f32x4.pmax(top2, v128.load(x, 32));
    top3 = f32x4.pmax(top3, v128.load(x, 48));
  }
  for (; x < end; x += 16) top0 = f32x4.pmax(top0, v128.load(x));
  top0 = f32x4.pmax(f32x4.pmax(top0, top1), f32x4.pmax(top2, top3));
  top0 = f32x4.pmax(top0, v128.shuffle<f32>(top0, top0, 2, 3, 0, 1));
  return max(f32x4.extract_lane(top0, 0), f32x4.extract_lane(top0, 1));
}

/** x = 2^(x - shift), returns the sum. */
export function rowExp2(x: usize, n: i32, shift: f32): f32 {
  const lowest = v128.load32_splat(BASE2_LOWEST);
  const round = v128.load32_splat(CORE_ROUND);
  const b1 = v128.load32_splat(B1);
  const b2 = v128.load32_splat(B2);
  const b3 = v128.load32_splat(B3);
  const b4 = v128.load32_splat(B4);
  const b5 = v128.load32_splat(B5);
  const two = v128.load32_splat(TWO);
  const s = f32x4.splat(shift);
  let sum = f32x4.splat(0);
  for (const end = x + ((<usize>n) << 2); x < end; x += 16) {
    const y = Exp.base2With(f32x4.sub(v128.load(x), s), lowest, round, b1, b2, b3, b4, b5, two);
    v128.store(x, y);
    sum = f32x4.add(sum, y);
  }
  return Simd.hsum(sum);
}

/** s = P = 2^(s - lse - rest), ds = P (dP - delta); exactly 0 where P is 0, whatever a hidden dP is (unless all count). */
export function rowGradient(s: usize, ds: usize, n: i32, lse: f32, rest: f32, delta: f32, all: bool): void {
  const lowest = v128.load32_splat(BASE2_LOWEST);
  const round = v128.load32_splat(CORE_ROUND);
  const b1 = v128.load32_splat(B1);
  const b2 = v128.load32_splat(B2);
  const b3 = v128.load32_splat(B3);
  const b4 = v128.load32_splat(B4);
  const b5 = v128.load32_splat(B5);
  const two = v128.load32_splat(TWO);
  const l = f32x4.splat(lse);
  const low = f32x4.splat(rest);
  const row = f32x4.splat(delta);
  const zero = f32x4.splat(0);
  const keep = i32x4.splat(all ? -1 : 0);
  for (const end = s + ((<usize>n) << 2); s < end; s += 16) {
    const x = f32x4.sub(f32x4.sub(v128.load(s), l), low);
    const y = Exp.base2With(x, lowest, round, b1, b2, b3, b4, b5, two);
    v128.store(s, y);
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

/** 2^x of one number. */
export function exp2(x: f32): f32 {
  return f32x4.extract_lane(Exp.base2(f32x4.splat(x)), 0);
}

/** to = from * scale, n floats; writes nothing beyond. */
export function rowScale(to: usize, from: usize, n: i32, scale: f32): void {
  for (let d = 0; d < n; d += 4) {
    const at = (<usize>d) << 2;
    Simd.storeFirst(to + at, f32x4.mul(v128.load(from + at), f32x4.splat(scale)), n - d);
  }
}

/** to += from * scale, n floats; writes nothing beyond. */
export function rowAdd(to: usize, from: usize, n: i32, scale: f32): void {
  for (let d = 0; d < n; d += 4) {
    const at = (<usize>d) << 2;
    const y = Simd.madd(v128.load(from + at), f32x4.splat(scale), v128.load(to + at));
    Simd.storeFirst(to + at, y, n - d);
  }
}
