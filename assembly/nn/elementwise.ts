/** Sums and copies of whole arrays. Each element is one operation, so any part may be done by itself. */
import { Simd } from "../simd";

/** y_b = x_b + rows for each of `batches` blocks of n floats; y may be x. Positions, which all sequences share. */
export function addRows(y: usize, x: usize, rows: usize, batches: i32, n: i32): void {
  assert(batches >= 0 && n >= 0, "batches and n must be 0 or more");
  const bytes = (<usize>n) << 2;
  const whole = (<usize>(n & ~3)) << 2;
  for (let b = 0; b < batches; ++b, y += bytes, x += bytes) {
    for (let i: usize = 0; i < whole; i += 16) v128.store(y + i, f32x4.add(v128.load(x + i), v128.load(rows + i)));
    if (n & 3) Simd.storeTail(y + whole, f32x4.add(v128.load(x + whole), v128.load(rows + whole)), n & 3);
  }
}

/** y_i = a_i + b_i factor: a residual connection; y may be a or b. */
export function addScaled(y: usize, a: usize, b: usize, factor: f32, n: i32): void {
  assert(n >= 0, "n must be 0 or more");
  const f = f32x4.splat(factor);
  for (const whole = y + ((<usize>(n & ~3)) << 2); y < whole; y += 16, a += 16, b += 16) {
    v128.store(y, Simd.madd(v128.load(b), f, v128.load(a)));
  }
  if (n & 3) Simd.storeTail(y, Simd.madd(v128.load(b), f, v128.load(a)), n & 3);
}

/** y_i = value. */
export function fill(y: usize, value: f32, n: i32): void {
  assert(n >= 0, "n must be 0 or more");
  const v = f32x4.splat(value);
  for (const whole = y + ((<usize>(n & ~3)) << 2); y < whole; y += 16) v128.store(y, v);
  if (n & 3) Simd.storeTail(y, v, n & 3);
}

/** y_i = x_i factor; y may be x. */
export function scale(y: usize, x: usize, factor: f32, n: i32): void {
  assert(n >= 0, "n must be 0 or more");
  const f = f32x4.splat(factor);
  for (const whole = y + ((<usize>(n & ~3)) << 2); y < whole; y += 16, x += 16) {
    v128.store(y, f32x4.mul(v128.load(x), f));
  }
  if (n & 3) Simd.storeTail(y, f32x4.mul(v128.load(x), f), n & 3);
}
