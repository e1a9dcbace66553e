/** What softmax, cross-entropy and CTC make of a row: the sum of exp(x - maximum), in float64, four partials, j mod 4. */
import { Exp } from "./exp";
import { Simd } from "./simd";
import { Wide } from "./wide";

/** sum_j exp(x_j - top), and the terms in y unless it is 0; y may be x. NaN, +inf, or nothing but -inf, give NaN. */
export function expRow(y: usize, x: usize, width: i32, top: f32): f64 {
  const middle = f32x4.splat(top);
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  for (let c = 0; c < width; c += 4) {
    const at = (<usize>c) << 2;
    const e = Exp.core(f32x4.sub(v128.load(x + at), middle));
    if (y) Simd.storeFirst(y + at, e, width - c);
    const counted = v128.and(e, Simd.first(width - c));
    low = f64x2.add(low, Wide.low(counted));
    high = f64x2.add(high, Wide.high(counted));
  }
  return Wide.hsum(low, high);
}
