/**
 * Bias and activation: z += bias, y = act(z), and dz = dy act'(z).
 *
 *   GELU, tanh form   z s(2 u)     s + z s (1 - s) 2 u',   2 u = z (C1 + C3 z^2),   (1 + tanh u) / 2 = s(2 u)
 *   GELU, erf form    z Phi(z)     Phi(z) + z Phi'(z)
 *   SiLU              z s(z)       s + z s (1 - s)
 *
 * with s the sigmoid. C1 = 2 sqrt(2 / pi), C3 = 0.044715 C1.
 */
import { coreInPlace, ONE } from "../exp";
import { Simd } from "../simd";
import { addRows } from "./elementwise";
import { Normal } from "./erf";

/** The values of `act`. */
const NONE: i32 = 0;
const GELU_TANH: i32 = 1;
const GELU_ERF: i32 = 2;
export const SILU: i32 = 3;

const SIGN = memory.data<u32>([0x80000000], 4);
const C1 = memory.data<f32>([1.59576912], 4);
const C3 = memory.data<f32>([0.071354816], 4);
const SLOPE3 = memory.data<f32>([0.21406445], 4); // 3 C3

/**
 * Elements at once, few enough to stay in the first-level cache: exp's argument, exp, and what is made of it are a loop each, so that
 * exp finds most of its constants in registers.
 */
const CHUNK: i32 = 512;

/**
 * For slopes, z and 2 u are held within [-HELD, HELD], NaN stays: beyond, slopes are 0 or 1 to 2e-30. There e and s stay normal
 * numbers, and infinity times 0 does not come up.
 */
export const HELD: f32 = 80;

/** sigmoid(x) and 1 - sigmoid(x) = e sigmoid(x), given e = exp(-x): relatively accurate both, and so is what is made of them. */
export class Sigmoid {
  @inline static fromDecay(e: v128): v128 {
    const one = v128.load32_splat(ONE);
    return f32x4.div(one, f32x4.add(one, e));
  }
}

/** Loops over n elements in which act is a constant: each form is a loop of its own. e = exp(exponent), where the result will be. */
class Act {
  @inline static exponents(e: usize, z: usize, n: i32, limit: f32, act: i32): void {
    const low = f32x4.splat(-limit);
    const high = f32x4.splat(limit);
    for (; n > 0; n -= 4, e += 16, z += 16) {
      let x = f32x4.pmin(f32x4.pmax(v128.load(z), low), high);
      if (act == GELU_TANH) {
        const twoU = f32x4.mul(x, Simd.madd(f32x4.mul(x, x), v128.load32_splat(C3), v128.load32_splat(C1)));
        x = f32x4.pmin(f32x4.pmax(twoU, low), high);
      }
      x = act == GELU_ERF ? Normal.exponent(x) : v128.xor(x, v128.load32_splat(SIGN));
      if (Simd.storeEnds(e, x, n)) return;
    }
  }

  @inline static slopes(dz: usize, dy: usize, z: usize, n: i32, act: i32): void {
    const low = f32x4.splat(-HELD);
    const high = f32x4.splat(HELD);
    for (; n > 0; n -= 4, dz += 16, dy += 16, z += 16) {
      const x = f32x4.pmin(f32x4.pmax(v128.load(z), low), high);
      const e = v128.load(dz);
      let slope: v128;
      if (act == GELU_ERF) slope = Simd.madd(x, Normal.density(e), Normal.fromDecay(x, e));
      else {
        const s = Sigmoid.fromDecay(e);
        let u = x;
        if (act == GELU_TANH) {
          u = f32x4.mul(x, Simd.madd(f32x4.mul(x, x), v128.load32_splat(SLOPE3), v128.load32_splat(C1)));
        }
        slope = Simd.madd(f32x4.mul(u, f32x4.mul(e, s)), s, s);
      }
      if (Simd.storeEnds(dz, f32x4.mul(v128.load(dy), slope), n)) return;
    }
  }
}

/** e = exp(exponent(z)), which with SILU is exp(-z). limit: HELD for slopes, Infinity, which changes nothing, for values. */
export function decays(e: usize, z: usize, n: i32, limit: f32, act: i32): void {
  if (act == GELU_TANH) Act.exponents(e, z, n, limit, GELU_TANH);
  else if (act == GELU_ERF) Act.exponents(e, z, n, limit, GELU_ERF);
  else Act.exponents(e, z, n, limit, SILU);
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

function values(y: usize, z: usize, n: i32, act: i32): void {
  if (act == NONE) memory.copy(y, z, (<usize>n) << 2);
  else {
    for (; n > 0; n -= CHUNK, y += CHUNK << 2, z += CHUNK << 2) {
      const size = min(n, CHUNK);
      decays(y, z, size, Infinity, act);
      if (act == GELU_ERF) normals(y, z, size);
      else quotients(y, z, size);
    }
  }
}

/** z [rows, width] += bias [width] in place (0: none), y = act(z); y is not z unless act is 0, where it may be 0 too: none. */
export function biasAct(y: usize, z: usize, bias: usize, rows: i32, width: i32, act: i32): void {
  assert(rows >= 0 && width >= 0, "rows and width must be 0 or more");
  assert(NONE <= act && act <= SILU, "act must be 0 to 3");
  assert(y != 0 || act == NONE, "y must be there");
  assert(y != z || act == NONE, "y must not be z");
  if (bias == 0) {
    if (y) values(y, z, rows * width, act);
    return;
  }
  const bytes = (<usize>width) << 2;
  for (let r = 0; r < rows; ++r, z += bytes) {
    addRows(z, z, bias, 1, width);
    if (y) {
      values(y, z, width, act);
      y += bytes;
    }
  }
}

/** dz = dy act'(z), n elements; dz is neither dy nor z. The gradient of the bias is the columnSum of dz. */
export function actBackward(dz: usize, dy: usize, z: usize, n: i32, act: i32): void {
  assert(n >= 0, "n must be 0 or more");
  assert((dz != dy && dz != z) || act == NONE, "dz must not be dy or z");
  assert(NONE <= act && act <= SILU, "act must be 0 to 3");
  if (act == NONE) memory.copy(dz, dy, (<usize>n) << 2);
  else {
    for (; n > 0; n -= CHUNK, dz += CHUNK << 2, dy += CHUNK << 2, z += CHUNK << 2) {
      const size = min(n, CHUNK);
      decays(dz, z, size, HELD, act);
      if (act == GELU_TANH) Act.slopes(dz, dy, z, size, GELU_TANH);
      else if (act == GELU_ERF) Act.slopes(dz, dy, z, size, GELU_ERF);
      else Act.slopes(dz, dy, z, size, SILU);
    }
  }
}
