/**
 * Depthwise convolution over time, each channel by itself, `taps` (odd) wide, zeros beyond both ends ("same"):
 *
 *   y_btc  = bias_c + sum_k w_ck x_b,t+k-h,c         h = (taps - 1) / 2
 *   dx_btc = sum_k w_ck dy_b,t-k+h,c = sum_k w_c,taps-1-k dy_b,t+k-h,c      the same with the taps turned round
 *   dw_ck  = sum_bt dy_btc x_b,t+k-h,c,              dbias_c = sum_bt dy_btc
 *
 * Channels fill the vectors, so w is laid out [taps, width] in scratch first. What lies beyond an end is skipped, not multiplied.
 */
import { Simd } from "../simd";
import { Wide } from "../wide";
import { columnSum, SPAN } from "./column-sum";

/** Channels whose dw is summed together: a cache line. */
const GROUP: i32 = 16;

/** Scratch of all three functions, in floats, at most what u32 holds. Threads need one each. */
export function depthwiseScratch(width: i32, taps: i32): usize {
  return <usize>min<u64>(<u64>taps * max<u64>((<u64>width + 3) & ~3, 2 * GROUP), u32.MAX_VALUE);
}

/** x, y [B, T, width], w [width, taps], bias [width] or 0. */
export function depthwise(
  y: usize,
  x: usize,
  w: usize,
  bias: usize,
  scratch: usize,
  B: i32,
  T: i32,
  width: i32,
  taps: i32,
): void {
  layOut(scratch, w, width, taps, false);
  convolve(y, x, scratch, bias, B, T, width, taps);
}

export function depthwiseBackward(
  dx: usize,
  dy: usize,
  w: usize,
  scratch: usize,
  B: i32,
  T: i32,
  width: i32,
  taps: i32,
): void {
  layOut(scratch, w, width, taps, true);
  convolve(dx, dy, scratch, 0, B, T, width, taps);
}

function layOut(scratch: usize, w: usize, width: i32, taps: i32, reverse: bool): void {
  assert(width >= 0 && taps > 0 && (taps & 1) == 1, "width must be 0 or more, taps odd");
  const padded = (width + 3) & ~3;
  for (let c = 0; c < width; ++c) {
    for (let k = 0; k < taps; ++k, w += 4) {
      const to = reverse ? taps - 1 - k : k;
      store<f32>(scratch + ((<usize>(to * padded + c)) << 2), load<f32>(w));
    }
  }
}

function convolve(y: usize, x: usize, w: usize, bias: usize, B: i32, T: i32, width: i32, taps: i32): void {
  assert(B >= 0 && T >= 0, "B and T must be 0 or more");
  const half = taps >> 1;
  const stride = (<usize>width) << 2;
  for (let b = 0; b < B; ++b) {
    for (let t = 0; t < T; ) {
      if (t >= half && t + 3 + half < T) {
        fourTimes(y, x - <usize>half * stride, w, bias, width, taps);
        t += 4;
        y += 4 * stride;
        x += 4 * stride;
      } else {
        const first = max(half - t, 0);
        oneTime(y, x - <usize>(half - first) * stride, w, bias, width, first, min(taps, T + half - t));
        t += 1;
        y += stride;
        x += stride;
      }
    }
  }
}

/** One row of y; taps [first, end) lie inside. */
function oneTime(y: usize, x: usize, w: usize, bias: usize, width: i32, first: i32, end: i32): void {
  const stride = (<usize>width) << 2;
  const step = (<usize>((width + 3) & ~3)) << 2;
  for (let c = 0; c < width; c += 4) {
    const at = (<usize>c) << 2;
    let sum = bias ? v128.load(bias + at) : f32x4.splat(0);
    let from = x + at;
    let factor = w + <usize>first * step + at;
    for (let k = first; k < end; ++k) {
      sum = Simd.madd(v128.load(factor), v128.load(from), sum);
      factor += step;
      from += stride;
    }
    Simd.storeFirst(y + at, sum, width - c);
  }
}

/** Four rows of y, all of whose taps lie inside: a load of w serves four. */
function fourTimes(y: usize, x: usize, w: usize, bias: usize, width: i32, taps: i32): void {
  const stride = (<usize>width) << 2;
  const step = (<usize>((width + 3) & ~3)) << 2;
  for (let c = 0; c < width; c += 4) {
    const at = (<usize>c) << 2;
    let y0 = bias ? v128.load(bias + at) : f32x4.splat(0);
    let y1 = y0;
    let y2 = y0;
    let y3 = y0;
    let from = x + at;
    let factor = w + at;
    for (let k = 0; k < taps; ++k) {
      const f = v128.load(factor);
      y0 = Simd.madd(f, v128.load(from), y0);
      y1 = Simd.madd(f, v128.load(from + stride), y1);
      y2 = Simd.madd(f, v128.load(from + 2 * stride), y2);
      y3 = Simd.madd(f, v128.load(from + 3 * stride), y3);
      factor += step;
      from += stride;
    }
    const to = y + at;
    Simd.storeFirst(to, y0, width - c);
    Simd.storeFirst(to + stride, y1, width - c);
    Simd.storeFirst(to + 2 * stride, y2, width - c);
    Simd.storeFirst(to + 3 * stride, y3, width - c);
  }
}

/** Channels [c0, c1) of dw and dbias. Sums over time as in column-sum.ts: float32 in spans, float64 over them. */
export function depthwiseParams(
  dw: usize,
  dbias: usize,
  dy: usize,
  x: usize,
  scratch: usize,
  B: i32,
  T: i32,
  width: i32,
  taps: i32,
  c0: i32,
  c1: i32,
  add: i32,
): void {
  assert(B >= 0 && T >= 0 && taps > 0 && (taps & 1) == 1, "B and T must be 0 or more, taps odd");
  assert(0 <= c0 && c0 <= c1 && c1 <= width, "0 <= c0 <= c1 <= width");
  columnSum(dbias, dy, B * T, width, c0, c1, add);
  const stride = (<usize>width) << 2;
  const half = taps >> 1;
  for (let c = c0; c < c1; c += GROUP) {
    memory.fill(scratch, 0, (<usize>(taps * GROUP)) << 3);
    for (let b = 0; b < B; ++b) {
      const row = <usize>b * <usize>T * stride + ((<usize>c) << 2);
      for (let t0 = 0; t0 < T; t0 += SPAN) {
        for (let k = 0; k < taps; ++k) {
          const lo = max(t0, half - k);
          const hi = min(min(t0 + SPAN, T), T + half - k);
          if (lo >= hi) continue;
          const at = row + <usize>lo * stride;
          const shifted = row + <usize>(lo + k - half) * stride;
          addProducts(scratch + ((<usize>(k * GROUP)) << 3), dy + at, x + shifted, stride, hi - lo);
        }
      }
    }
    for (let j = 0; j < min(GROUP, c1 - c); ++j) {
      for (let k = 0; k < taps; ++k) {
        const to = dw + ((<usize>((c + j) * taps + k)) << 2);
        const sum = load<f64>(scratch + ((<usize>(k * GROUP + j)) << 3));
        store<f32>(to, <f32>(add ? <f64>load<f32>(to) + sum : sum));
      }
    }
  }
}

/** sums [16] float64 += sum over `rows` rows of a b. */
function addProducts(sums: usize, a: usize, b: usize, stride: usize, rows: i32): void {
  let s0 = f32x4.splat(0);
  let s1 = f32x4.splat(0);
  let s2 = f32x4.splat(0);
  let s3 = f32x4.splat(0);
  for (const end = a + <usize>rows * stride; a != end; a += stride, b += stride) {
    s0 = Simd.madd(v128.load(a), v128.load(b), s0);
    s1 = Simd.madd(v128.load(a, 16), v128.load(b, 16), s1);
    s2 = Simd.madd(v128.load(a, 32), v128.load(b, 32), s2);
    s3 = Simd.madd(v128.load(a, 48), v128.load(b, 48), s3);
  }
  addWide(sums, s0);
  addWide(sums + 32, s1);
  addWide(sums + 64, s2);
  addWide(sums + 96, s3);
}

function addWide(sums: usize, x: v128): void {
  v128.store(sums, f64x2.add(v128.load(sums), Wide.low(x)));
  v128.store(sums, f64x2.add(v128.load(sums, 16), Wide.high(x)), 16);
}
