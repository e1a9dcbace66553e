/**
 * tanh and its slope, relatively accurate everywhere, from e = exp(-2 |x|), which both share:
 *
 *   tanh(x) = sign(x) (1 - e) / (1 + e),   1 - tanh(x)^2 = 4 e / (1 + e)^2
 *
 * 1 - e cancels for small x: below artanh 1/2 tanh is an odd polynomial.
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
  /** e = exp(-2 |x|). */
  @inline static decay(x: v128): v128 {
    const minus = v128.or(x, v128.load32_splat(SIGN));
    return Exp.core(f32x4.add(minus, minus));
  }

  /**
   * tanh(x), given e = decay(x): +-inf gives +-1, NaN stays, -0 stays. Worst error, both builds: 1.5064 ulp at
   * 1.2055258750915527 (npm run test:exhaustive).
   */
  @inline static fromDecay(x: v128, e: v128): v128 {
    const one = v128.load32_splat(ONE);
    const sign = v128.load32_splat(SIGN);
    const xx = f32x4.mul(x, x);
    let p = Simd.madd(v128.load32_splat(T11), xx, v128.load32_splat(T9));
    p = Simd.madd(p, xx, v128.load32_splat(T7));
    p = Simd.madd(p, xx, v128.load32_splat(T5));
    p = Simd.madd(p, xx, v128.load32_splat(T3));
    const near = Simd.madd(f32x4.mul(p, xx), x, x);
    const far = f32x4.div(f32x4.sub(one, e), f32x4.add(one, e));
    const isNear = f32x4.lt(v128.andnot(x, sign), v128.load32_splat(EDGE));
    return v128.bitselect(near, v128.or(far, v128.and(x, sign)), isNear);
  }

  /**
   * 1 - tanh(x)^2, given e = decay(x): exactly 0 for |x| > 43.5 (never subnormal), NaN stays. Worst error up to 43, both
   * builds: 4.2167 ulp at 2.4199748039245605.
   */
  @inline static slopeFromDecay(e: v128): v128 {
    const sum = f32x4.add(v128.load32_splat(ONE), e);
    return f32x4.div(f32x4.mul(v128.load32_splat(FOUR), e), f32x4.mul(sum, sum));
  }
}
