/**
 * Gated linear unit: y = a sigmoid(b), where a row of x is [a, b].
 *
 *   da = dy s        db = dy a s (1 - s),   s = sigmoid(b)
 */
import { Simd } from "../simd";
import { decays, MOST_DECAY, quotients, SILU, Sigmoid } from "./activation";

/** x [rows, 2 width], y [rows, width]; y is not x. */
export function glu(y: usize, x: usize, rows: i32, width: i32): void {
  assert(rows >= 0 && width >= 0, "rows and width must be 0 or more");
  assert(y != x, "y must not be x");
  const bytes = (<usize>width) << 2;
  for (let r = 0; r < rows; ++r, y += bytes, x += 2 * bytes) {
    decays(y, x + bytes, width, SILU);
    quotients(y, x, width);
  }
}

/** dx [rows, 2 width]; dx is not x. */
export function gluBackward(dx: usize, dy: usize, x: usize, rows: i32, width: i32): void {
  assert(rows >= 0 && width >= 0, "rows and width must be 0 or more");
  assert(dx != x, "dx must not be x");
  const bytes = (<usize>width) << 2;
  for (let r = 0; r < rows; ++r, dy += bytes, x += 2 * bytes, dx += 2 * bytes) {
    decays(dx + bytes, x + bytes, width, SILU);
    for (let c = 0; c < width; c += 4) {
      const at = (<usize>c) << 2;
      const a = v128.load(x + at);
      const e = f32x4.pmin(v128.load(dx + bytes + at), f32x4.splat(MOST_DECAY));
      const s = Sigmoid.fromDecay(e);
      const da = f32x4.mul(v128.load(dy + at), s);
      Simd.storeFirst(dx + at, da, width - c);
      Simd.storeFirst(dx + bytes + at, f32x4.mul(f32x4.mul(da, a), f32x4.mul(e, s)), width - c);
    }
  }
}
