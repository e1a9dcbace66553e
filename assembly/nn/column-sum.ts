/**
 * Sums over rows, column by column: out_j = sum_r x_rj. A column's order is fixed: float32 within SPAN rows, the spans in
 * float64. So a sum of any length errs by little more than one of SPAN terms, at the price of float32; 16 columns, a cache line,
 * are taken at once, since rows of 2^k bytes would push each other out of the cache before the next four columns come.
 *
 * Loops down a column end with !=: where x ends at the end of 4 GiB, a row further lies beyond, at a small address.
 */
import { Wide } from "../wide";

/**
 * Rows that are added in float32; changing it changes bits. With 8 and with 32 a step of training takes as long (medians of 24 lines 1.00, a
 * line 0.93 to 1.10, which is noise; relaxed, `npm run bench:compare -- DIR --filter step`).
 */
export const SPAN: i32 = 16;

/** Columns [c0, c1) of the sum; with `add` they join what is there. */
export function columnSum(out: usize, x: usize, rows: i32, width: i32, c0: i32, c1: i32, add: i32): void {
  assert(rows >= 0 && 0 <= c0 && c0 <= c1 && c1 <= width, "rows must be 0 or more, 0 <= c0 <= c1 <= width");
  const stride = (<usize>width) << 2;
  let c = c0;
  for (; c <= c1 - 16; c += 16) sixteen(out + ((<usize>c) << 2), x + ((<usize>c) << 2), stride, rows, add);
  for (; c < c1; c += 4) four(out + ((<usize>c) << 2), x + ((<usize>c) << 2), stride, rows, c1 - c, add);
}

function four(out: usize, x: usize, stride: usize, rows: i32, n: i32, add: i32): void {
  let a = f64x2.splat(0);
  let b = f64x2.splat(0);
  for (let r = 0; r < rows; r += SPAN) {
    let s = f32x4.splat(0);
    for (const end = x + <usize>min(SPAN, rows - r) * stride; x != end; x += stride) s = f32x4.add(s, v128.load(x));
    a = f64x2.add(a, Wide.low(s));
    b = f64x2.add(b, Wide.high(s));
  }
  Wide.put(out, a, b, n, add);
}

function sixteen(out: usize, x: usize, stride: usize, rows: i32, add: i32): void {
  let a0 = f64x2.splat(0);
  let b0 = f64x2.splat(0);
  let a1 = f64x2.splat(0);
  let b1 = f64x2.splat(0);
  let a2 = f64x2.splat(0);
  let b2 = f64x2.splat(0);
  let a3 = f64x2.splat(0);
  let b3 = f64x2.splat(0);
  for (let r = 0; r < rows; r += SPAN) {
    let s0 = f32x4.splat(0);
    let s1 = f32x4.splat(0);
    let s2 = f32x4.splat(0);
    let s3 = f32x4.splat(0);
    for (const end = x + <usize>min(SPAN, rows - r) * stride; x != end; x += stride) {
      s0 = f32x4.add(s0, v128.load(x));
      s1 = f32x4.add(s1, v128.load(x, 16));
      s2 = f32x4.add(s2, v128.load(x, 32));
      s3 = f32x4.add(s3, v128.load(x, 48));
    }
    a0 = f64x2.add(a0, Wide.low(s0));
    b0 = f64x2.add(b0, Wide.high(s0));
    a1 = f64x2.add(a1, Wide.low(s1));
    b1 = f64x2.add(b1, Wide.high(s1));
    a2 = f64x2.add(a2, Wide.low(s2));
    b2 = f64x2.add(b2, Wide.high(s2));
    a3 = f64x2.add(a3, Wide.low(s3));
    b3 = f64x2.add(b3, Wide.high(s3));
  }
  Wide.put(out, a0, b0, 4, add);
  Wide.put(out + 16, a1, b1, 4, add);
  Wide.put(out + 32, a2, b2, 4, add);
  Wide.put(out + 48, a3, b3, 4, add);
}
