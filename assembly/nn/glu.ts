/**
 * Gated linear unit: y = a sigmoid(b), where a row of x is [a, b].
 *
 *   da = dy s        db = dy a s (1 - s),   s = sigmoid(b)
 */
import { Simd } from "../simd";
import { Sigmoid } from "./sigmoid";

/** x [rows, 2 width], y [rows, width]. */
export function glu(y: usize, x: usize, rows: i32, width: i32): void {
  assert(rows >= 0 && width >= 0, "rows and width must be 0 or more");
  const bytes = (<usize>width) << 2;
  for (let r = 0; r < rows; ++r, y += bytes, x += 2 * bytes) {
    for (let c = 0; c < width; c += 4) {
      const at = (<usize>c) << 2;
      const below = Sigmoid.denominator(v128.load(x + bytes + at));
      Simd.storeFirst(y + at, f32x4.div(v128.load(x + at), below), width - c);
    }
  }
}

/** dx [rows, 2 width]; dx may be x. */
export function gluBackward(dx: usize, dy: usize, x: usize, rows: i32, width: i32): void {
  assert(rows >= 0 && width >= 0, "rows and width must be 0 or more");
  const bytes = (<usize>width) << 2;
  for (let r = 0; r < rows; ++r, dy += bytes, x += 2 * bytes, dx += 2 * bytes) {
    for (let c = 0; c < width; c += 4) {
      const at = (<usize>c) << 2;
      const a = v128.load(x + at);
      const e = Sigmoid.decay(Sigmoid.hold(v128.load(x + bytes + at)));
      const s = Sigmoid.fromDecay(e);
      const da = f32x4.mul(v128.load(dy + at), s);
      Simd.storeFirst(dx + at, da, width - c);
      Simd.storeFirst(dx + bytes + at, f32x4.mul(f32x4.mul(da, a), f32x4.mul(e, s)), width - c);
    }
  }
}
