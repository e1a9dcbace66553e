/** Rows that do not count: cleared, or left out of a mean. What they hold, NaN included, reaches nothing. */
import { Simd } from "../simd";
import { Wide } from "../wide";
import { SPAN } from "./column-sum";

/** y_r = x_r where keep_r (u8) is not 0, else 0; y may be x. Its own gradient. */
export function maskRows(y: usize, x: usize, keep: usize, rows: i32, width: i32): void {
  assert(rows >= 0 && width >= 0, "rows and width must be 0 or more");
  const bytes = (<usize>width) << 2;
  for (let r = 0; r < rows; ++r, y += bytes, x += bytes) {
    if (!load<u8>(keep + <usize>r)) memory.fill(y, 0, bytes);
    else if (y != x) memory.copy(y, x, bytes);
  }
}

/** How many of T rows count; keep 0: all. */
function kept(keep: usize, T: i32): i32 {
  if (keep == 0) return T;
  let count = 0;
  for (let t = 0; t < T; ++t) count += i32(load<u8>(keep + <usize>t) != 0);
  return count;
}

/** y_b = mean over the kept t of x_bt, x [B, T, width], keep u8 [B, T] or 0 (all); 0 where none is kept. */
export function maskedMean(y: usize, x: usize, keep: usize, B: i32, T: i32, width: i32): void {
  assert(B >= 0 && T >= 0 && width >= 0, "B, T and width must be 0 or more");
  const stride = (<usize>width) << 2;
  for (let b = 0; b < B; ++b, y += stride, x += <usize>T * stride) {
    const count = kept(keep, T);
    const divisor = f64x2.splat(<f64>max(count, 1));
    for (let c = 0; c < width; c += 4) {
      let at = x + ((<usize>c) << 2);
      let low = f64x2.splat(0);
      let high = f64x2.splat(0);
      for (let t0 = 0; t0 < T; t0 += SPAN) {
        let s = f32x4.splat(0);
        for (let t = t0; t < min(t0 + SPAN, T); ++t, at += stride) {
          if (keep == 0 || load<u8>(keep + <usize>t)) s = f32x4.add(s, v128.load(at));
        }
        low = f64x2.add(low, Wide.low(s));
        high = f64x2.add(high, Wide.high(s));
      }
      Wide.put(y + ((<usize>c) << 2), f64x2.div(low, divisor), f64x2.div(high, divisor), width - c, 0);
    }
    if (keep) keep += <usize>T;
  }
}

/** dx_bt = dy_b / count where t is kept, else 0. */
export function maskedMeanBackward(dx: usize, dy: usize, keep: usize, B: i32, T: i32, width: i32): void {
  assert(B >= 0 && T >= 0 && width >= 0, "B, T and width must be 0 or more");
  const bytes = (<usize>width) << 2;
  for (let b = 0; b < B; ++b, dy += bytes) {
    const count = f32x4.splat(<f32>kept(keep, T));
    for (let t = 0; t < T; ++t, dx += bytes) {
      if (keep != 0 && !load<u8>(keep + <usize>t)) {
        memory.fill(dx, 0, bytes);
        continue;
      }
      for (let c = 0; c < width; c += 4) {
        const at = (<usize>c) << 2;
        if (Simd.storeEnds(dx + at, f32x4.div(v128.load(dy + at), count), width - c)) break;
      }
    }
    if (keep) keep += <usize>T;
  }
}
