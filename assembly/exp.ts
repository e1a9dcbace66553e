/**
 * exp, three forms of one identity: with n the integer nearest to x log2 e,
 *
 *   exp(x) = 2^n exp(r),   r = x - n ln 2,   |r| <= ln 2 / 2
 *
 * Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits of the sum; a bias added with it makes
 * these bits the exponent field of a power of two, so that a shift by 23 builds 2^n. It is applied by a product,
 * which keeps NaN (an integer addition to the exponent would not).
 *
 * Every constant lies in memory and is loaded where it is used: V8 rebuilds a v128 constant at each use inside a
 * loop, while a splatting load is one instruction. A loop that does little else loads them once (core, below and 2^x
 * "With" them), where all or most of them stay in registers; docs/design.md has what that gives.
 */
import { Simd } from "./simd";

export const ONE = memory.data<f32>([1], 4);
export const TWO = memory.data<f32>([2], 4);

// The lines below are printed by scripts/coefficients/exp.mjs. LN2_HI has 16 bits: its product with n is exact.
export const LOG2_E = memory.data<f32>([1.442695], 4);
export const LN2_HI = memory.data<f32>([0.69314575], 4);
export const LN2_LO = memory.data<f32>([0.0000014286068], 4);

// exp(r) = 1 + r + r^2 (E2 + E3 r + ... + E6 r^4)
const E2 = memory.data<f32>([0.49999994], 4);
const E3 = memory.data<f32>([0.1666652], 4);
const E4 = memory.data<f32>([0.04166839], 4);
const E5 = memory.data<f32>([0.008368719], 4);
const E6 = memory.data<f32>([0.0013814594], 4);

// 2 * 2^f = 2 + f (B1 + B2 f + ... + B5 f^4)
export const B1 = memory.data<f32>([1.386294], 4);
export const B2 = memory.data<f32>([0.48044488], 4);
export const B3 = memory.data<f32>([0.111014515], 4);
export const B4 = memory.data<f32>([0.019343011], 4);
export const B5 = memory.data<f32>([0.0026529455], 4);

// 2 exp(r) = 2 + r (S1 + S2 r + ... + S5 r^4)
export const S1 = memory.data<f32>([1.9999994], 4);
export const S2 = memory.data<f32>([0.99998295], 4);
export const S3 = memory.data<f32>([0.33335274], 4);
export const S4 = memory.data<f32>([0.08379598], 4);
export const S5 = memory.data<f32>([0.016580608], 4);

const ROUND = memory.data<f32>([12582912 + 254], 4); // 1.5 * 2^23 and the bias
const ROUND_BITS: i32 = 0x4b400000; // 1.5 * 2^23
const LOWEST = memory.data<f32>([-104], 4); // exp(-104) < 2^-150, half of the least subnormal
const HIGHEST = memory.data<f32>([89], 4); // exp(89) > 2^128

export const CORE_ROUND = memory.data<f32>([12582912 + 126], 4);
export const CORE_LOWEST = memory.data<f32>([-87.336544], 4); // -126 ln 2
export const BASE2_LOWEST = memory.data<f32>([-126], 4);

export class Exp {
  /** exp(x) for every float32: see `exp` below. */
  @inline static full(x: v128): v128 {
    x = f32x4.pmin(f32x4.pmax(x, v128.load32_splat(LOWEST)), v128.load32_splat(HIGHEST));
    const round = v128.load32_splat(ROUND);
    const sum = Simd.madd(x, v128.load32_splat(LOG2_E), round);
    const p = Exp.reduced(
      x,
      f32x4.sub(sum, round),
      v128.load32_splat(LN2_HI),
      v128.load32_splat(LN2_LO),
      v128.load32_splat(E2),
      v128.load32_splat(E3),
      v128.load32_splat(E4),
      v128.load32_splat(E5),
      v128.load32_splat(E6),
      v128.load32_splat(ONE),
    );
    // n + 254 = a + b, and 2^n = 2^(a - 127) 2^(b - 127): the first product is exact, the second rounds subnormals
    const ab = i32x4.sub(sum, i32x4.splat(ROUND_BITS));
    const a = i32x4.shr_s(ab, 1);
    const b = i32x4.sub(ab, a);
    return f32x4.mul(f32x4.mul(p, i32x4.shl(a, 23)), i32x4.shl(b, 23));
  }

  /**
   * exp(x) for the attention core: exactly 0 for x < -86.99 (never subnormal, -inf included), +inf from 88.73 on,
   * NaN stays, exp(0) = 1.
   *
   * It is (2 exp(r)) 2^(n - 1): exponent field n + 126 is 0 for n = -126, where x is clamped, so that 2^(n - 1)
   * turns into 0 before a result can turn subnormal.
   *
   * Worst error on [-86.98, 88.72], both builds: 0.9057 ulp at 4.505865573883057 (npm run test:exhaustive).
   */
  @inline static core(x: v128): v128 {
    return Exp.coreWith(
      x,
      v128.load32_splat(CORE_LOWEST),
      v128.load32_splat(HIGHEST),
      v128.load32_splat(CORE_ROUND),
      v128.load32_splat(LOG2_E),
      v128.load32_splat(LN2_HI),
      v128.load32_splat(LN2_LO),
      v128.load32_splat(E2),
      v128.load32_splat(E3),
      v128.load32_splat(E4),
      v128.load32_splat(E5),
      v128.load32_splat(E6),
      v128.load32_splat(ONE),
    );
  }

  /** core with its constants, which a loop that does nothing else loads once. */
  @inline static coreWith(
    x: v128,
    lowest: v128,
    highest: v128,
    round: v128,
    log2e: v128,
    ln2Hi: v128,
    ln2Lo: v128,
    e2: v128,
    e3: v128,
    e4: v128,
    e5: v128,
    e6: v128,
    one: v128,
  ): v128 {
    x = f32x4.pmin(f32x4.pmax(x, lowest), highest);
    const sum = Simd.madd(x, log2e, round);
    const p = Exp.reduced(x, f32x4.sub(sum, round), ln2Hi, ln2Lo, e2, e3, e4, e5, e6, one);
    return f32x4.mul(f32x4.add(p, p), i32x4.shl(sum, 23));
  }

  /**
   * exp(x - n ln 2). r = hi - lo, where hi = x - n LN2_HI is exact, fused or not, and only enters r^2 q(r) rounded:
   *
   *   exp(r) = 1 + (hi + (r^2 q(r) - lo))
   */
  @inline private static reduced(
    x: v128,
    n: v128,
    ln2Hi: v128,
    ln2Lo: v128,
    e2: v128,
    e3: v128,
    e4: v128,
    e5: v128,
    e6: v128,
    one: v128,
  ): v128 {
    const hi = Simd.nmadd(n, ln2Hi, x);
    const lo = f32x4.mul(n, ln2Lo);
    const r = f32x4.sub(hi, lo);
    let q = Simd.madd(e6, r, e5);
    q = Simd.madd(q, r, e4);
    q = Simd.madd(q, r, e3);
    q = Simd.madd(q, r, e2);
    q = f32x4.sub(f32x4.mul(q, f32x4.mul(r, r)), lo);
    return f32x4.add(f32x4.add(hi, q), one);
  }

  /**
   * exp(x) for LASER's E, x <= 0 or NaN, which stays: `core` with a step less. exp(0) = 1.
   *
   * Worst error on [-86.98, 0] (npm run test:exhaustive): 2.2641 ulp at -27.333209991455078, relaxed 1.9811 ulp at
   * -2.937145233154297.
   */
  @inline static below(x: v128): v128 {
    return Exp.belowWith(
      x,
      v128.load32_splat(CORE_LOWEST),
      v128.load32_splat(CORE_ROUND),
      v128.load32_splat(LOG2_E),
      v128.load32_splat(LN2_HI),
      v128.load32_splat(LN2_LO),
      v128.load32_splat(S1),
      v128.load32_splat(S2),
      v128.load32_splat(S3),
      v128.load32_splat(S4),
      v128.load32_splat(S5),
      v128.load32_splat(TWO),
    );
  }

  /** below with its constants, as in coreWith. */
  @inline static belowWith(
    x: v128,
    lowest: v128,
    round: v128,
    log2e: v128,
    ln2Hi: v128,
    ln2Lo: v128,
    s1: v128,
    s2: v128,
    s3: v128,
    s4: v128,
    s5: v128,
    two: v128,
  ): v128 {
    x = f32x4.pmax(x, lowest);
    const sum = Simd.madd(x, log2e, round);
    const n = f32x4.sub(sum, round);
    const r = Simd.nmadd(n, ln2Lo, Simd.nmadd(n, ln2Hi, x));
    let p = Simd.madd(s5, r, s4);
    p = Simd.madd(p, r, s3);
    p = Simd.madd(p, r, s2);
    p = Simd.madd(p, r, s1);
    p = Simd.madd(p, r, two);
    return f32x4.mul(p, i32x4.shl(sum, 23));
  }

  /**
   * 2^x for the softmax, x < 129: exactly 0 for x <= -125.5 (never subnormal, -inf included), NaN stays,
   * 2^integer is exact. x - n is exact, so nothing needs two constants; flushed as in `core`.
   *
   * Worst error on (-125.5, 128): 2.1244 ulp at -0.24565742909908295, relaxed 1.9930 ulp at -0.2378397136926651.
   */
  @inline static base2(x: v128): v128 {
    return Exp.base2With(
      x,
      v128.load32_splat(BASE2_LOWEST),
      v128.load32_splat(CORE_ROUND),
      v128.load32_splat(B1),
      v128.load32_splat(B2),
      v128.load32_splat(B3),
      v128.load32_splat(B4),
      v128.load32_splat(B5),
      v128.load32_splat(TWO),
    );
  }

  /** base2 with its constants, which loops load once: they fit into the registers. */
  @inline static base2With(
    x: v128,
    lowest: v128,
    round: v128,
    b1: v128,
    b2: v128,
    b3: v128,
    b4: v128,
    b5: v128,
    two: v128,
  ): v128 {
    x = f32x4.pmax(x, lowest);
    const sum = f32x4.add(x, round);
    const f = f32x4.sub(x, f32x4.sub(sum, round));
    let p = Simd.madd(b5, f, b4);
    p = Simd.madd(p, f, b3);
    p = Simd.madd(p, f, b2);
    p = Simd.madd(p, f, b1);
    p = Simd.madd(p, f, two);
    return f32x4.mul(p, i32x4.shl(sum, 23));
  }
}

/**
 * y = exp(x), n floats, y == x allowed. Every float32: subnormal results are rounded, not flushed, from 88.72284 on
 * +inf, NaN stays.
 *
 * Worst error over all 2^32 inputs (npm run test:exhaustive), both builds: 0.9057 ulp at 4.505865573883057.
 */
export function exp(y: usize, x: usize, n: i32): void {
  for (; n > 0; n -= 4, y += 16, x += 16) {
    if (Simd.storeEnds(y, Exp.full(v128.load(x)), n)) return;
  }
}

/** x = Exp.core(x) in place, n floats. */
export function coreInPlace(x: usize, n: i32): void {
  const lowest = v128.load32_splat(CORE_LOWEST);
  const highest = v128.load32_splat(HIGHEST);
  const round = v128.load32_splat(CORE_ROUND);
  const log2e = v128.load32_splat(LOG2_E);
  const ln2Hi = v128.load32_splat(LN2_HI);
  const ln2Lo = v128.load32_splat(LN2_LO);
  const e2 = v128.load32_splat(E2);
  const e3 = v128.load32_splat(E3);
  const e4 = v128.load32_splat(E4);
  const e5 = v128.load32_splat(E5);
  const e6 = v128.load32_splat(E6);
  const one = v128.load32_splat(ONE);
  for (; n > 0; n -= 4, x += 16) {
    const y = Exp.coreWith(v128.load(x), lowest, highest, round, log2e, ln2Hi, ln2Lo, e2, e3, e4, e5, e6, one);
    if (Simd.storeEnds(x, y, n)) return;
  }
}

/** dx = dy y, because exp' = exp; dx may be dy or y. */
export function expBackward(dx: usize, dy: usize, y: usize, n: i32): void {
  for (; n > 0; n -= 4, dx += 16, dy += 16, y += 16) {
    if (Simd.storeEnds(dx, f32x4.mul(v128.load(dy), v128.load(y)), n)) return;
  }
}
