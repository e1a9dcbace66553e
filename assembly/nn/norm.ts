/**
 * Layer norm and RMS norm, which is the same without mean and beta. With u = x - mean (or x) and xhat = u rstd:
 *
 *   y = gamma xhat + beta,   mean = sum x / n,   rstd = 1 / sqrt(sum u^2 / n + eps)
 *   g = dy gamma,            dx = rstd (g - sum g / n - xhat sum(g xhat) / n)       RMS norm: without sum g / n
 *   dgamma = sum over rows of dy xhat,   dbeta = sum over rows of dy
 *
 * Sums along a row are float64, sums over rows as in column-sum.ts.
 */
import { Simd } from "../simd";
import { Wide } from "../wide";
import { SPAN } from "./column-sum";
import { rowSquares, rowSum } from "./row-sum";

/** The two norms as types, so that each compiles to loops of its own. */
type Layer = i32;
type Rms = f32;

/** x, y [rows, width]; mean, rstd [rows] are kept for the gradient. */
export function layerNorm(
  y: usize,
  mean: usize,
  rstd: usize,
  x: usize,
  gamma: usize,
  beta: usize,
  rows: i32,
  width: i32,
  eps: f64,
): void {
  forward<Layer>(y, mean, rstd, x, gamma, beta, rows, width, eps);
}

export function rmsNorm(y: usize, rstd: usize, x: usize, gamma: usize, rows: i32, width: i32, eps: f64): void {
  forward<Rms>(y, 0, rstd, x, gamma, 0, rows, width, eps);
}

/** dx, or base plus dx unless base is 0; dx may be base, or dy where there is no base. */
export function layerNormBackward(
  dx: usize,
  dy: usize,
  x: usize,
  gamma: usize,
  mean: usize,
  rstd: usize,
  rows: i32,
  width: i32,
  base: usize,
): void {
  backward<Layer>(dx, dy, x, gamma, mean, rstd, rows, width, base);
}

export function rmsNormBackward(
  dx: usize,
  dy: usize,
  x: usize,
  gamma: usize,
  rstd: usize,
  rows: i32,
  width: i32,
  base: usize,
): void {
  backward<Rms>(dx, dy, x, gamma, 0, rstd, rows, width, base);
}

/** Columns [c0, c1) of the gradients of gamma and beta. */
export function layerNormParams(
  dgamma: usize,
  dbeta: usize,
  dy: usize,
  x: usize,
  mean: usize,
  rstd: usize,
  rows: i32,
  width: i32,
  c0: i32,
  c1: i32,
  add: i32,
): void {
  params<Layer>(dgamma, dbeta, dy, x, mean, rstd, rows, width, c0, c1, add);
}

export function rmsNormParams(
  dgamma: usize,
  dy: usize,
  x: usize,
  rstd: usize,
  rows: i32,
  width: i32,
  c0: i32,
  c1: i32,
  add: i32,
): void {
  params<Rms>(dgamma, 0, dy, x, 0, rstd, rows, width, c0, c1, add);
}

function forward<N>(
  y: usize,
  mean: usize,
  rstd: usize,
  x: usize,
  gamma: usize,
  beta: usize,
  rows: i32,
  width: i32,
  eps: f64,
): void {
  assert(rows >= 0 && width > 0, "rows must be 0 or more, width 1 or more");
  const bytes = (<usize>width) << 2;
  for (let r = 0; r < rows; ++r, x += bytes, y += bytes, rstd += 4) {
    let middle: f32 = 0;
    if (isInteger<N>()) {
      middle = <f32>(rowSum(x, width) / width);
      store<f32>(mean, middle);
      mean += 4;
    }
    const inverse = <f32>(1 / Math.sqrt(rowSquares(x, width, middle) / width + eps));
    store<f32>(rstd, inverse);
    const s = f32x4.splat(inverse);
    const m = f32x4.splat(middle);
    for (let c = 0; c < width; c += 4) {
      const at = (<usize>c) << 2;
      const xhat = f32x4.mul(f32x4.sub(v128.load(x + at), m), s);
      const g = v128.load(gamma + at);
      const out = isInteger<N>() ? Simd.madd(xhat, g, v128.load(beta + at)) : f32x4.mul(xhat, g);
      if (Simd.storeEnds(y + at, out, width - c)) break;
    }
  }
}

function backward<N>(
  dx: usize,
  dy: usize,
  x: usize,
  gamma: usize,
  mean: usize,
  rstd: usize,
  rows: i32,
  width: i32,
  base: usize,
): void {
  assert(rows >= 0 && width > 0, "rows must be 0 or more, width 1 or more");
  const bytes = (<usize>width) << 2;
  for (let r = 0; r < rows; ++r, dx += bytes, dy += bytes, x += bytes, rstd += 4) {
    const s = v128.load32_splat(rstd);
    let m = f32x4.splat(0);
    if (isInteger<N>()) {
      m = v128.load32_splat(mean);
      mean += 4;
    }
    // 1. sums of g and g xhat
    let low = f64x2.splat(0);
    let high = f64x2.splat(0);
    let lowHat = f64x2.splat(0);
    let highHat = f64x2.splat(0);
    for (let c = 0; c < width; c += 4) {
      const at = (<usize>c) << 2;
      const xhat = f32x4.mul(f32x4.sub(v128.load(x + at), m), s);
      const first = Simd.first(width - c);
      const g = v128.and(f32x4.mul(v128.load(dy + at), v128.load(gamma + at)), first);
      const gHat = v128.and(f32x4.mul(g, xhat), first);
      if (isInteger<N>()) {
        low = f64x2.add(low, Wide.low(g));
        high = f64x2.add(high, Wide.high(g));
      }
      lowHat = f64x2.add(lowHat, Wide.low(gHat));
      highHat = f64x2.add(highHat, Wide.high(gHat));
    }
    const g1 = f32x4.splat(<f32>(Wide.hsum(low, high) / width));
    const g2 = f32x4.splat(<f32>(Wide.hsum(lowHat, highHat) / width));
    // 2. dx
    for (let c = 0; c < width; c += 4) {
      const at = (<usize>c) << 2;
      const xhat = f32x4.mul(f32x4.sub(v128.load(x + at), m), s);
      let g = f32x4.mul(v128.load(dy + at), v128.load(gamma + at));
      if (isInteger<N>()) g = f32x4.sub(g, g1);
      g = f32x4.mul(Simd.nmadd(xhat, g2, g), s);
      if (base) g = f32x4.add(v128.load(base + at), g);
      if (Simd.storeEnds(dx + at, g, width - c)) break;
    }
    if (base) base += bytes;
  }
}

function params<N>(
  dgamma: usize,
  dbeta: usize,
  dy: usize,
  x: usize,
  mean: usize,
  rstd: usize,
  rows: i32,
  width: i32,
  c0: i32,
  c1: i32,
  add: i32,
): void {
  assert(rows >= 0 && width > 0, "rows must be 0 or more, width 1 or more");
  assert(0 <= c0 && c0 <= c1 && c1 <= width, "0 <= c0 <= c1 <= width");
  const stride = (<usize>width) << 2;
  for (let c = c0; c < c1; c += 8) {
    const at = (<usize>c) << 2;
    eight<N>(dgamma + at, dbeta + at, dy + at, x + at, mean, rstd, rows, stride, c1 - c, add);
  }
}

/** Eight columns, of which the first n count: half a cache line, and as many sums as there are registers for. */
function eight<N>(
  dgamma: usize,
  dbeta: usize,
  dy: usize,
  x: usize,
  mean: usize,
  rstd: usize,
  rows: i32,
  stride: usize,
  n: i32,
  add: i32,
): void {
  let gammaLow0 = f64x2.splat(0);
  let gammaHigh0 = f64x2.splat(0);
  let gammaLow1 = f64x2.splat(0);
  let gammaHigh1 = f64x2.splat(0);
  let betaLow0 = f64x2.splat(0);
  let betaHigh0 = f64x2.splat(0);
  let betaLow1 = f64x2.splat(0);
  let betaHigh1 = f64x2.splat(0);
  for (let r = 0; r < rows; r += SPAN) {
    let gamma0 = f32x4.splat(0);
    let gamma1 = f32x4.splat(0);
    let beta0 = f32x4.splat(0);
    let beta1 = f32x4.splat(0);
    for (const end = dy + <usize>min(SPAN, rows - r) * stride; dy != end; dy += stride, x += stride, rstd += 4) {
      const s = v128.load32_splat(rstd);
      let x0 = v128.load(x);
      let x1 = v128.load(x, 16);
      const g0 = v128.load(dy);
      const g1 = v128.load(dy, 16);
      if (isInteger<N>()) {
        const m = v128.load32_splat(mean);
        mean += 4;
        x0 = f32x4.sub(x0, m);
        x1 = f32x4.sub(x1, m);
        beta0 = f32x4.add(beta0, g0);
        beta1 = f32x4.add(beta1, g1);
      }
      gamma0 = Simd.madd(g0, f32x4.mul(x0, s), gamma0);
      gamma1 = Simd.madd(g1, f32x4.mul(x1, s), gamma1);
    }
    gammaLow0 = f64x2.add(gammaLow0, Wide.low(gamma0));
    gammaHigh0 = f64x2.add(gammaHigh0, Wide.high(gamma0));
    gammaLow1 = f64x2.add(gammaLow1, Wide.low(gamma1));
    gammaHigh1 = f64x2.add(gammaHigh1, Wide.high(gamma1));
    if (isInteger<N>()) {
      betaLow0 = f64x2.add(betaLow0, Wide.low(beta0));
      betaHigh0 = f64x2.add(betaHigh0, Wide.high(beta0));
      betaLow1 = f64x2.add(betaLow1, Wide.low(beta1));
      betaHigh1 = f64x2.add(betaHigh1, Wide.high(beta1));
    }
  }
  Wide.put(dgamma, gammaLow0, gammaHigh0, n, add);
  if (n > 4) Wide.put(dgamma + 16, gammaLow1, gammaHigh1, n - 4, add);
  if (!isInteger<N>()) return;
  Wide.put(dbeta, betaLow0, betaHigh0, n, add);
  if (n > 4) Wide.put(dbeta + 16, betaLow1, betaHigh1, n - 4, add);
}
