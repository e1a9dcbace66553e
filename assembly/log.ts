/**
 * log. With x = 2^e m, m in [sqrt 1/2, sqrt 2), f = m - 1 (exact) and ln 2 = LN2_HI + LN2_LO:
 *
 *   log(x) = e LN2_HI + (f + ((f^3 p(f) + e LN2_LO) - f^2 / 2))
 *
 * e LN2_HI is exact (8 bits times 16), fused or not.
 */
import { LN2_HI, LN2_LO, ONE } from "./exp";
import { Simd } from "./simd";

// log(1 + f) = f - f^2 / 2 + f^3 (L3 + L4 f + ... + L10 f^7); the lines are printed by scripts/coefficients/log.mjs
const L3 = memory.data<f32>([0.33333328], 4);
const L4 = memory.data<f32>([-0.25000817], 4);
const L5 = memory.data<f32>([0.20001231], 4);
const L6 = memory.data<f32>([-0.16623361], 4);
const L7 = memory.data<f32>([0.14201757], 4);
const L8 = memory.data<f32>([-0.13160183], 4);
const L9 = memory.data<f32>([0.12761578], 4);
const L10 = memory.data<f32>([-0.07634498], 4);

// log((1 + s) / (1 - s)) = 2 s + s^3 (A3 + A5 s^2 + A7 s^4)
export const A3 = memory.data<f32>([0.66666776], 4);
export const A5 = memory.data<f32>([0.39977542], 4);
export const A7 = memory.data<f32>([0.2987173], 4);

const MINUS_HALF = memory.data<f32>([-0.5], 4);
export const SQRT_HALF = memory.data<u32>([0x3f3504f3], 4);
const INFINITY = memory.data<u32>([0x7f800000], 4);
const LEAST_NORMAL = memory.data<u32>([0x00800000], 4); // 2^-126
const TWO_23 = memory.data<f32>([8388608], 4);
const MINUS_23 = memory.data<f32>([-23], 4);

export class Log {
  /** log(x) for every float32: see `log` below. A subnormal x is scaled by 2^23 and e lowered by 23. */
  @inline static full(x: v128): v128 {
    const zero = f32x4.splat(0);
    const small = f32x4.lt(x, v128.load32_splat(LEAST_NORMAL));
    const scaled = v128.bitselect(f32x4.mul(x, v128.load32_splat(TWO_23)), x, small);
    const shift = Log.exponent(scaled, v128.load32_splat(SQRT_HALF));
    const e = f32x4.add(f32x4.convert_i32x4_s(shift), v128.and(small, v128.load32_splat(MINUS_23)));
    const y = Log.limits(Log.sum(scaled, shift, e), x);
    return v128.or(y, f32x4.lt(x, zero)); // all bits set: NaN
  }

  /** log(x) for x = 0 (-inf), x >= 2^-126, +inf and NaN. Worst error: as `log` below. */
  @inline static core(x: v128): v128 {
    const shift = Log.exponent(x, v128.load32_splat(SQRT_HALF));
    return Log.limits(Log.sum(x, shift, f32x4.convert_i32x4_s(shift)), x);
  }

  /**
   * log(x) + c for a share x, 0 < x <= 2 or +inf or NaN, which stay; c = -inf gives -inf; x = 0 gives a finite number.
   * With s = f / (2 + f), log(1 + f) = log((1 + s) / (1 - s)) takes three coefficients. Where log(x) and c nearly cancel
   * it keeps what their rounded sum would lose. Error: at most 2 ulp, or 2 * 2^-25 where both cancel (test/log.test.ts). Its
   * constants are loaded once, before the loop, but for those of ln 2, which would leave too few registers.
   */
  @inline static share(
    x: v128,
    c: v128,
    rootHalf: v128,
    one: v128,
    two: v128,
    ln2Hi: v128,
    ln2Lo: v128,
    a3: v128,
    a5: v128,
    a7: v128,
  ): v128 {
    const shift = Log.exponent(x, rootHalf);
    const e = f32x4.convert_i32x4_s(shift);
    const m = i32x4.sub(x, i32x4.shl(shift, 23));
    const s = f32x4.div(f32x4.sub(m, one), f32x4.add(m, one)); // 2 + f = m + 1
    const z = f32x4.mul(s, s);
    let p = Simd.madd(a7, z, a5);
    p = Simd.madd(p, z, a3);
    p = Simd.madd(f32x4.mul(p, z), s, f32x4.mul(e, ln2Lo));
    const beyond = f32x4.sub(x, f32x4.pmin(x, two)); // 0, infinity or NaN
    return f32x4.add(f32x4.add(Simd.madd(e, ln2Hi, c), beyond), f32x4.add(f32x4.add(s, s), p));
  }

  /** The integer e of x = 2^e m. */
  @inline private static exponent(x: v128, rootHalf: v128): v128 {
    return i32x4.shr_s(i32x4.sub(x, rootHalf), 23);
  }

  /** log(2^-shift x) + e ln 2. */
  @inline private static sum(x: v128, shift: v128, e: v128): v128 {
    const f = f32x4.sub(i32x4.sub(x, i32x4.shl(shift, 23)), v128.load32_splat(ONE));
    let p = Simd.madd(v128.load32_splat(L10), f, v128.load32_splat(L9));
    p = Simd.madd(p, f, v128.load32_splat(L8));
    p = Simd.madd(p, f, v128.load32_splat(L7));
    p = Simd.madd(p, f, v128.load32_splat(L6));
    p = Simd.madd(p, f, v128.load32_splat(L5));
    p = Simd.madd(p, f, v128.load32_splat(L4));
    p = Simd.madd(p, f, v128.load32_splat(L3));
    const ff = f32x4.mul(f, f);
    p = Simd.madd(f32x4.mul(f, p), ff, f32x4.mul(e, v128.load32_splat(LN2_LO)));
    p = Simd.madd(ff, v128.load32_splat(MINUS_HALF), p);
    return f32x4.add(f32x4.mul(e, v128.load32_splat(LN2_HI)), f32x4.add(f, p));
  }

  /** y, but -inf where x = 0, and x where x is +inf or NaN. */
  @inline private static limits(y: v128, x: v128): v128 {
    const infinity = v128.load32_splat(INFINITY);
    const down = v128.and(f32x4.eq(x, f32x4.splat(0)), infinity);
    return v128.bitselect(f32x4.sub(y, down), x, f32x4.lt(x, infinity));
  }
}

/**
 * y = log(x), n floats, y == x allowed. Every float32: subnormal x too, 0 and -0 give -inf, x < 0 gives NaN,
 * +inf and NaN stay.
 *
 * Worst error over all 2^32 inputs (npm run test:exhaustive): 0.8640 ulp at 1.41408109664917, relaxed (fused) 0.8671 ulp
 * at 1.4135267734527588.
 */
export function log(y: usize, x: usize, n: i32): void {
  for (; n > 0; n -= 4, y += 16, x += 16) {
    if (Simd.storeEnds(y, Log.full(v128.load(x)), n)) return;
  }
}

/** dx = dy / x; dx may be dy or x. */
export function logBackward(dx: usize, dy: usize, x: usize, n: i32): void {
  for (; n > 0; n -= 4, dx += 16, dy += 16, x += 16) {
    if (Simd.storeEnds(dx, f32x4.div(v128.load(dy), v128.load(x)), n)) return;
  }
}
