/**
 * Activations: y = act(z) and its slope act'(z), so that dz = dy act'(z) is `multiply` of elementwise.ts.
 *
 *   GELU, tanh form   z s(2 u)     s + z s (1 - s) 2 u',   2 u = z (C1 + C3 z^2),   (1 + tanh u) / 2 = s(2 u)
 *   GELU, erf form    z Phi(z)     Phi(z) + z Phi'(z)
 *   SiLU              z s(z)       s + z s (1 - s)
 *   ReLU              max(z, 0)    0 where z <= 0, else 1
 *   tanh              tanh(z)      1 - tanh(z)^2
 *
 * with s the sigmoid. C1 = 2 sqrt(2 / pi), C3 = 0.044715 C1.
 */
import { coreInPlace, ONE } from "../exp";
import { Simd } from "../simd";
import { Tanh } from "../tanh";
import { Normal } from "./erf";

/** The values of `kind`. */
const GELU_TANH: i32 = 1;
const GELU_ERF: i32 = 2;
export const SILU: i32 = 3;
const RELU: i32 = 4;
const TANH: i32 = 5;

const ZERO = memory.data<f32>([0], 4);
const SIGN = memory.data<u32>([0x80000000], 4);
const C1 = memory.data<f32>([1.59576912], 4);
const C3 = memory.data<f32>([0.071354816], 4);
const SLOPE3 = memory.data<f32>([0.21406445], 4); // 3 C3

/**
 * Elements at once, few enough to stay in the first-level cache: exp's argument, exp, and what is made of it are a loop each, so that
 * exp finds most of its constants in registers. Product and GELU of 1024 x 8 x 768 took 1.02 to 1.11 times the time with 512, and 1.03 in
 * the median with 64 (relaxed, Node 20 and 24); with 128 the same.
 */
const CHUNK: i32 = 256;

/**
 * For slopes, z is held within [-80, 80] and e below exp(80), NaN stays: beyond, slopes are 0 or 1 to 2e-30, and infinity times 0 would come
 * up.
 */
const HELD: f32 = 80;
export const MOST_DECAY: f32 = 5.5406223e34;

/** sigmoid(x) and 1 - sigmoid(x) = e sigmoid(x), given e = exp(-x): relatively accurate both, and so is what is made of them. */
export class Sigmoid {
  @inline static fromDecay(e: v128): v128 {
    const one = v128.load32_splat(ONE);
    return f32x4.div(one, f32x4.add(one, e));
  }
}

/** Loops over n elements in which kind is a constant: each form is a loop of its own. e = exp(exponent), where the result will be. */
class Act {
  @inline static exponents(e: usize, z: usize, n: i32, kind: i32): void {
    for (; n > 0; n -= 4, e += 16, z += 16) {
      let x = v128.load(z);
      if (kind == GELU_TANH) x = f32x4.mul(x, Simd.madd(f32x4.mul(x, x), v128.load32_splat(C3), v128.load32_splat(C1)));
      if (kind == GELU_ERF) x = Normal.exponent(x);
      else if (kind == TANH) x = Tanh.exponent(x);
      else x = v128.xor(x, v128.load32_splat(SIGN));
      if (Simd.storeEnds(e, x, n)) return;
    }
  }

  /** slope = act'(z), then y = act(z), e in y: slope may be y, where nobody asks for it. For forms with s, 2 z u' = z (c1 + c3 z^2). */
  @inline static slopes(y: usize, slope: usize, z: usize, n: i32, kind: i32, c1: usize = 0, c3: usize = 0): void {
    const low = f32x4.splat(-HELD);
    const high = f32x4.splat(HELD);
    const most = f32x4.splat(MOST_DECAY);
    for (; n > 0; n -= 4, y += 16, slope += 16, z += 16) {
      const x = v128.load(z);
      const held = f32x4.pmin(f32x4.pmax(x, low), high);
      const e = kind == RELU ? x : v128.load(y);
      let out: v128;
      let steep: v128;
      if (kind == GELU_ERF) {
        const phi = Normal.fromDecay(x, e);
        out = f32x4.mul(x, phi);
        steep = Simd.madd(held, Normal.density(e), phi);
      } else if (kind == RELU) {
        out = f32x4.pmax(x, f32x4.splat(0));
        steep = v128.andnot(v128.load32_splat(ONE), f32x4.le(x, f32x4.splat(0)));
      } else if (kind == TANH) {
        out = v128.bitselect(Tanh.near(x), Tanh.far(x, e), Tanh.isNear(x));
        steep = Tanh.nearSlope(out);
      } else {
        out = f32x4.div(x, f32x4.add(v128.load32_splat(ONE), e));
        const below = f32x4.pmin(e, most);
        const s = Sigmoid.fromDecay(below);
        const u = f32x4.mul(held, Simd.madd(f32x4.mul(held, held), v128.load32_splat(c3), v128.load32_splat(c1)));
        steep = Simd.madd(f32x4.mul(u, f32x4.mul(below, s)), s, s);
      }
      if (n < 4) {
        Simd.storeTail(slope, steep, n);
        Simd.storeTail(y, out, n);
        return;
      }
      v128.store(slope, steep);
      v128.store(y, out);
    }
  }
}

/** e = exp(exponent(z)), which with SILU is exp(-z). */
export function decays(e: usize, z: usize, n: i32, kind: i32): void {
  if (kind == GELU_TANH) Act.exponents(e, z, n, GELU_TANH);
  else if (kind == GELU_ERF) Act.exponents(e, z, n, GELU_ERF);
  else if (kind == TANH) Act.exponents(e, z, n, TANH);
  else Act.exponents(e, z, n, SILU);
  coreInPlace(e, n);
}

/** y = z / (1 + e), e in y. From exponent 88.73 on, e is +inf and the quotient 0. */
export function quotients(y: usize, z: usize, n: i32): void {
  for (; n > 0; n -= 4, y += 16, z += 16) {
    const below = f32x4.add(v128.load32_splat(ONE), v128.load(y));
    if (Simd.storeEnds(y, f32x4.div(v128.load(z), below), n)) return;
  }
}

/** y = z Phi(z), e in y. */
function normals(y: usize, z: usize, n: i32): void {
  for (; n > 0; n -= 4, y += 16, z += 16) {
    const x = v128.load(z);
    if (Simd.storeEnds(y, f32x4.mul(x, Normal.fromDecay(x, v128.load(y))), n)) return;
  }
}

/** y = act(z), n elements, and slope = act'(z) unless slope is 0; y is not z, slope may be. */
export function act(y: usize, slope: usize, z: usize, n: i32, kind: i32): void {
  assert(n >= 0, "n must be 0 or more");
  assert(GELU_TANH <= kind && kind <= TANH, "kind must be 1 to 5");
  assert(y != z && y != slope, "y must not be z or slope");
  for (; n > 0; n -= CHUNK, y += CHUNK << 2, z += CHUNK << 2) {
    const size = min(n, CHUNK);
    const to = slope ? slope : y;
    if (kind != RELU) decays(y, z, size, kind);
    if (kind == RELU) Act.slopes(y, to, z, size, RELU);
    else if (kind == TANH) Act.slopes(y, to, z, size, TANH);
    else if (!slope && kind == GELU_ERF) normals(y, z, size);
    else if (!slope) quotients(y, z, size);
    else if (kind == GELU_ERF) Act.slopes(y, slope, z, size, GELU_ERF);
    else Act.slopes(y, slope, z, size, SILU, kind == SILU ? ONE : C1, kind == SILU ? ZERO : SLOPE3);
    if (slope) slope += CHUNK << 2;
  }
}
