/**
 * y = softmax(x) over contiguous rows of n, and its gradient. Row sums are four float64 partials, j mod 4: of float32 the probabilities of
 * 2^20 equal scores summed to 0.9987.
 */
import { expRow } from "./log-sum-exp";
import { Simd } from "./simd";
import { Wide } from "./wide";

/** y_j = exp(x_j - max x) / sum; y == x is allowed. A row of -inf, or with NaN or +inf, gives NaN. */
export function softmax(y: usize, x: usize, rows: i32, n: i32): void {
  assert(rows >= 0 && n > 0, "rows must be 0 or more, n 1 or more");
  assert(x != 0 && y != 0, "x and y must be there");
  const bytes = (<usize>n) << 2;
  for (let r = 0; r < rows; ++r, x += bytes, y += bytes) {
    const total = f32x4.splat(<f32>expRow(y, x, n, Simd.max(x, n)));
    for (let j = 0; j < n; j += 4) {
      const at = (<usize>j) << 2;
      if (Simd.storeEnds(y + at, f32x4.div(v128.load(y + at), total), n - j)) break;
    }
  }
}

/** dx_j = y_j (dy_j - sum_k dy_k y_k); dx may be dy or y. */
export function softmaxBackward(dx: usize, dy: usize, y: usize, rows: i32, n: i32): void {
  assert(rows >= 0 && n > 0, "rows must be 0 or more, n 1 or more");
  assert(dy != 0 && y != 0 && dx != 0, "dy, y and dx must be there");
  const bytes = (<usize>n) << 2;
  for (let r = 0; r < rows; ++r, dx += bytes, dy += bytes, y += bytes) {
    let low = f64x2.splat(0);
    let high = f64x2.splat(0);
    for (let j = 0; j < n; j += 4) {
      const at = (<usize>j) << 2;
      const part = v128.and(f32x4.mul(v128.load(dy + at), v128.load(y + at)), Simd.first(n - j));
      low = f64x2.add(low, Wide.low(part));
      high = f64x2.add(high, Wide.high(part));
    }
    const total = f32x4.splat(<f32>Wide.hsum(low, high));
    for (let j = 0; j < n; j += 4) {
      const at = (<usize>j) << 2;
      if (Simd.storeEnds(dx + at, f32x4.mul(v128.load(y + at), f32x4.sub(v128.load(dy + at), total)), n - j)) break;
    }
  }
}
