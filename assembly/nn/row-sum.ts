/**
 * Sums along a row, in float64: eight partials, which depend on nothing but the length: j mod 8, and j mod 4 of the last n mod 8. Two chains
 * for each half of a vector, since one would wait for its own last addition.
 */
import { Simd } from "../simd";
import { Wide } from "../wide";

/** sum_j x_j. */
export function rowSum(x: usize, n: i32): f64 {
  let a = f64x2.splat(0);
  let b = f64x2.splat(0);
  let c = f64x2.splat(0);
  let d = f64x2.splat(0);
  for (const end = x + ((<usize>(n & ~7)) << 2); x < end; x += 32) {
    const v = v128.load(x);
    const w = v128.load(x, 16);
    a = f64x2.add(a, Wide.low(v));
    b = f64x2.add(b, Wide.high(v));
    c = f64x2.add(c, Wide.low(w));
    d = f64x2.add(d, Wide.high(w));
  }
  for (let rest = n & 7; rest > 0; rest -= 4, x += 16) {
    const v = v128.and(v128.load(x), Simd.first(rest));
    a = f64x2.add(a, Wide.low(v));
    b = f64x2.add(b, Wide.high(v));
  }
  return Wide.hsum(f64x2.add(a, c), f64x2.add(b, d));
}

/** sum_j (x_j - about)^2: the difference is a float32 (and must not overflow), its square a float64. */
export function rowSquares(x: usize, n: i32, about: f32): f64 {
  const middle = f32x4.splat(about);
  let a = f64x2.splat(0);
  let b = f64x2.splat(0);
  let c = f64x2.splat(0);
  let d = f64x2.splat(0);
  for (const end = x + ((<usize>(n & ~7)) << 2); x < end; x += 32) {
    const v = f32x4.sub(v128.load(x), middle);
    const w = f32x4.sub(v128.load(x, 16), middle);
    a = f64x2.add(a, f64x2.mul(Wide.low(v), Wide.low(v)));
    b = f64x2.add(b, f64x2.mul(Wide.high(v), Wide.high(v)));
    c = f64x2.add(c, f64x2.mul(Wide.low(w), Wide.low(w)));
    d = f64x2.add(d, f64x2.mul(Wide.high(w), Wide.high(w)));
  }
  for (let rest = n & 7; rest > 0; rest -= 4, x += 16) {
    const v = v128.and(f32x4.sub(v128.load(x), middle), Simd.first(rest));
    a = f64x2.add(a, f64x2.mul(Wide.low(v), Wide.low(v)));
    b = f64x2.add(b, f64x2.mul(Wide.high(v), Wide.high(v)));
  }
  return Wide.hsum(f64x2.add(a, c), f64x2.add(b, d));
}

/** sum_j x_j^2 of n floats, for the norm of a gradient. Who splits n splits it the same way at any number of threads. */
export function sumSquares(x: usize, n: i32): f64 {
  assert(n >= 0, "n must be 0 or more");
  return rowSquares(x, n, 0);
}

/** The sum of n float64 in order: losses of rows. */
export function sum64(x: usize, n: i32): f64 {
  assert(n >= 0, "n must be 0 or more");
  let sum: f64 = 0;
  for (const end = x + ((<usize>n) << 3); x < end; x += 8) sum += load<f64>(x);
  return sum;
}
