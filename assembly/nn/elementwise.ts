/** Sums and products of whole arrays, and products with a number. Each element is one operation, so any part may be done by itself. */
import { Simd } from "../simd";

/** y_b = x_b + rows for each of `batches` blocks of n floats; y may be x. Positions, which all sequences share. */
export function addRows(y: usize, x: usize, rows: usize, batches: i32, n: i32): void {
  assert(batches >= 0, "batches must be 0 or more");
  const bytes = (<usize>n) << 2;
  for (let b = 0; b < batches; ++b, y += bytes, x += bytes) addScaled(y, x, rows, 1, n);
}

/** y_i = a_i + b_i factor: a residual connection; y may be a or b. */
export function addScaled(y: usize, a: usize, b: usize, factor: f32, n: i32): void {
  assert(n >= 0, "n must be 0 or more");
  const f = f32x4.splat(factor);
  for (; n > 0; n -= 4, y += 16, a += 16, b += 16) {
    if (Simd.storeEnds(y, Simd.madd(v128.load(b), f, v128.load(a)), n)) return;
  }
}

/** y_i = a_i b_i; y may be a or b. */
export function multiply(y: usize, a: usize, b: usize, n: i32): void {
  assert(n >= 0, "n must be 0 or more");
  for (; n > 0; n -= 4, y += 16, a += 16, b += 16) {
    if (Simd.storeEnds(y, f32x4.mul(v128.load(a), v128.load(b)), n)) return;
  }
}

/** y_i = x_i factor; y may be x. */
export function scale(y: usize, x: usize, factor: f32, n: i32): void {
  assert(n >= 0, "n must be 0 or more");
  const f = f32x4.splat(factor);
  for (; n > 0; n -= 4, y += 16, x += 16) if (Simd.storeEnds(y, f32x4.mul(v128.load(x), f), n)) return;
}
