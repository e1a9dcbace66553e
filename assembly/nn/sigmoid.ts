/**
 * sigmoid(x) = 1 / (1 + e),   1 - sigmoid(x) = e sigmoid(x),   e = exp(-x)
 *
 * Both are relatively accurate, and so is what GELU and SiLU make of them: tanh(u) + 1 = 2 sigmoid(2 u) does not cancel.
 */
import { Exp, ONE } from "../exp";

const SIGN = memory.data<u32>([0x80000000], 4);
const LOW = memory.data<f32>([-80], 4);
const HIGH = memory.data<f32>([80], 4);

export class Sigmoid {
  /**
   * x within [-80, 80], NaN stays: for slopes, which are 0 or 1 beyond, to 2e-30. There e and s stay normal numbers, and
   * infinity times 0 does not come up.
   */
  @inline static hold(x: v128): v128 {
    return f32x4.pmin(f32x4.pmax(x, v128.load32_splat(LOW)), v128.load32_splat(HIGH));
  }

  /** exp(-x). */
  @inline static decay(x: v128): v128 {
    return Exp.core(v128.xor(x, v128.load32_splat(SIGN)));
  }

  /** 1 + exp(-x): a sigmoid(x) is one division by it. From x = -88.73 down it is +inf, and the quotient 0. */
  @inline static denominator(x: v128): v128 {
    return f32x4.add(v128.load32_splat(ONE), Sigmoid.decay(x));
  }

  /** sigmoid(x), given e = decay(x). */
  @inline static fromDecay(e: v128): v128 {
    const one = v128.load32_splat(ONE);
    return f32x4.div(one, f32x4.add(one, e));
  }
}
