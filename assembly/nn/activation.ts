/**
 * Bias and activation: z += bias, y = act(z), and dz = dy act'(z).
 *
 *   GELU, tanh form   z s(2 u)     s + z s (1 - s) 2 u',   2 u = z (C1 + C3 z^2),   (1 + tanh u) / 2 = s(2 u)
 *   GELU, erf form    z Phi(z)     Phi(z) + z Phi'(z)
 *   SiLU              z s(z)       s + z s (1 - s)
 *
 * with s the sigmoid. C1 = 2 sqrt(2 / pi), C3 = 0.044715 C1.
 */
import { Simd } from "../simd";
import { addRows } from "./elementwise";
import { Normal } from "./erf";
import { Sigmoid } from "./sigmoid";

/** The values of `act`. */
const NONE: i32 = 0;
const GELU_TANH: i32 = 1;
const GELU_ERF: i32 = 2;
const SILU: i32 = 3;

const C1 = memory.data<f32>([1.59576912], 4);
const C3 = memory.data<f32>([0.071354816], 4);
const SLOPE3 = memory.data<f32>([0.21406445], 4); // 3 C3

class Act {
  @inline static value(z: v128, act: i32): v128 {
    if (act == GELU_ERF) return f32x4.mul(z, Normal.fromDecay(z, Normal.decay(z)));
    return f32x4.div(z, Sigmoid.denominator(act == GELU_TANH ? Act.twoU(z) : z));
  }

  @inline static slope(z: v128, act: i32): v128 {
    z = Sigmoid.hold(z);
    if (act == GELU_ERF) {
      const e = Normal.decay(z);
      return Simd.madd(z, Normal.density(e), Normal.fromDecay(z, e));
    }
    const e = Sigmoid.decay(act == GELU_TANH ? Sigmoid.hold(Act.twoU(z)) : z);
    const s = Sigmoid.fromDecay(e);
    if (act == GELU_TANH) {
      z = f32x4.mul(z, Simd.madd(f32x4.mul(z, z), v128.load32_splat(SLOPE3), v128.load32_splat(C1)));
    }
    return Simd.madd(f32x4.mul(z, f32x4.mul(e, s)), s, s);
  }

  @inline private static twoU(z: v128): v128 {
    return f32x4.mul(z, Simd.madd(f32x4.mul(z, z), v128.load32_splat(C3), v128.load32_splat(C1)));
  }

  /** act is a constant where this is used: each form compiles to a loop of its own. */
  @inline static values(y: usize, z: usize, n: i32, act: i32): void {
    for (const whole = y + ((<usize>(n & ~3)) << 2); y < whole; y += 16, z += 16) {
      v128.store(y, Act.value(v128.load(z), act));
    }
    if (n & 3) Simd.storeTail(y, Act.value(v128.load(z), act), n & 3);
  }

  @inline static slopes(dz: usize, dy: usize, z: usize, n: i32, act: i32): void {
    for (const whole = dz + ((<usize>(n & ~3)) << 2); dz < whole; dz += 16, dy += 16, z += 16) {
      v128.store(dz, f32x4.mul(v128.load(dy), Act.slope(v128.load(z), act)));
    }
    if (n & 3) Simd.storeTail(dz, f32x4.mul(v128.load(dy), Act.slope(v128.load(z), act)), n & 3);
  }
}

function values(y: usize, z: usize, n: i32, act: i32): void {
  if (act == GELU_TANH) Act.values(y, z, n, GELU_TANH);
  else if (act == GELU_ERF) Act.values(y, z, n, GELU_ERF);
  else if (act == SILU) Act.values(y, z, n, SILU);
  else memory.copy(y, z, (<usize>n) << 2);
}

/** z [rows, width] += bias [width] in place (0: none), y = act(z); y may be z, and 0 where act is 0. */
export function biasAct(y: usize, z: usize, bias: usize, rows: i32, width: i32, act: i32): void {
  assert(rows >= 0 && width >= 0, "rows and width must be 0 or more");
  assert(NONE <= act && act <= SILU, "act must be 0 to 3");
  assert(y != 0 || act == NONE, "y must be there");
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

/** dz = dy act'(z), n elements; dz may be dy. The gradient of the bias is the columnSum of dz. */
export function actBackward(dz: usize, dy: usize, z: usize, n: i32, act: i32): void {
  assert(n >= 0, "n must be 0 or more");
  assert(NONE <= act && act <= SILU, "act must be 0 to 3");
  if (act == GELU_TANH) Act.slopes(dz, dy, z, n, GELU_TANH);
  else if (act == GELU_ERF) Act.slopes(dz, dy, z, n, GELU_ERF);
  else if (act == SILU) Act.slopes(dz, dy, z, n, SILU);
  else memory.copy(dz, dy, (<usize>n) << 2);
}
