/** Four float32 as two float64x2 and back: sums whose rounding would show are kept in float64. */
import { Simd } from "./simd";

export class Wide {
  /** Lanes 0 and 1. */
  @inline static low(x: v128): v128 {
    return f64x2.promote_low_f32x4(x);
  }

  /** Lanes 2 and 3. */
  @inline static high(x: v128): v128 {
    return f64x2.promote_low_f32x4(i64x2.shuffle(x, x, 1, 0));
  }

  /** The four lanes of two halves, rounded to float32. */
  @inline static narrow(low: v128, high: v128): v128 {
    return i64x2.shuffle(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2);
  }

  /** (l0 + l1) + (l2 + l3). */
  @inline static hsum(low: v128, high: v128): f64 {
    return (
      f64x2.extract_lane(low, 0) +
      f64x2.extract_lane(low, 1) +
      (f64x2.extract_lane(high, 0) + f64x2.extract_lane(high, 1))
    );
  }

  /** The first n of four sums become, or with `add` join, what lies at `to`: rounded once. */
  @inline static put(to: usize, low: v128, high: v128, n: i32, add: i32): void {
    if (add) {
      const old = v128.load(to);
      low = f64x2.add(low, Wide.low(old));
      high = f64x2.add(high, Wide.high(old));
    }
    Simd.storeFirst(to, Wide.narrow(low, high), n);
  }
}
