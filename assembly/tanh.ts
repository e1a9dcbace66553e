/**
 * tanh and its slope, relatively accurate everywhere. Below artanh 1/2 tanh is an odd polynomial; beyond, with e = exp(-2 |x|),
 *
 *   tanh(x) = sign(x) (1 - e) / (1 + e),   1 - tanh(x)^2 = 4 e / (1 + e)^2
 *
 * 1 - e cancels for small x, 1 - tanh^2 for large.
 */
import { Exp, ONE } from "./exp";
import { Simd } from "./simd";

// tanh(x) = x + x^3 (T3 + T5 x^2 + ... + T11 x^8) for |x| < EDGE; the lines are printed by scripts/coefficients/tanh.mjs
const EDGE = memory.data<f32>([0.54930615], 4);
const T3 = memory.data<f32>([-0.33333308], 4);
const T5 = memory.data<f32>([0.13332559], 4);
const T7 = memory.data<f32>([-0.053853095], 4);
const T9 = memory.data<f32>([0.021075152], 4);
const T11 = memory.data<f32>([-0.0062794713], 4);

const FOUR = memory.data<f32>([4], 4);
const SIGN = memory.data<u32>([0x80000000], 4);

export class Tanh {
  /** All ones in the lanes of |x| < artanh 1/2, where `near` holds; none for NaN. */
  @inline static isNear(x: v128): v128 {
    return f32x4.lt(v128.andnot(x, v128.load32_splat(SIGN)), v128.load32_splat(EDGE));
  }

  /** tanh(x) there; -0 gives 0. */
  @inline static near(x: v128): v128 {
    const xx = f32x4.mul(x, x);
    let p = Simd.madd(v128.load32_splat(T11), xx, v128.load32_splat(T9));
    p = Simd.madd(p, xx, v128.load32_splat(T7));
    p = Simd.madd(p, xx, v128.load32_splat(T5));
    p = Simd.madd(p, xx, v128.load32_splat(T3));
    return Simd.madd(f32x4.mul(p, xx), x, x);
  }

  /** 1 - t^2, t = near(x): for larger t right to a rounding of 1. */
  @inline static nearSlope(t: v128): v128 {
    return f32x4.sub(v128.load32_splat(ONE), f32x4.mul(t, t));
  }

  /** -2 |x|. */
  @inline static exponent(x: v128): v128 {
    const minus = v128.or(x, v128.load32_splat(SIGN));
    return f32x4.add(minus, minus);
  }

  /** e = exp(-2 |x|). */
  @inline static decay(x: v128): v128 {
    return Exp.core(Tanh.exponent(x));
  }

  /**
   * tanh(x) where it is not near, given e = decay(x): +-inf gives +-1, NaN stays. Worst error of both, in either build: 1.5064 ulp at
   * 1.2055258750915527 (npm run test:exhaustive).
   */
  @inline static far(x: v128, e: v128): v128 {
    const one = v128.load32_splat(ONE);
    const size = f32x4.div(f32x4.sub(one, e), f32x4.add(one, e));
    return v128.or(size, v128.and(x, v128.load32_splat(SIGN)));
  }

  /**
   * 1 - tanh(x)^2, likewise: exactly 0 for |x| > 43.5 (never subnormal), NaN stays. Worst error of both up to 43, in either build: 4.2167 ulp
   * at 2.4199748039245605.
   */
  @inline static farSlope(e: v128): v128 {
    const sum = f32x4.add(v128.load32_splat(ONE), e);
    return f32x4.div(f32x4.mul(v128.load32_splat(FOUR), e), f32x4.mul(sum, sum));
  }
}
