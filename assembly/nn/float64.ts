/**
 * exp and log of single float64, for the few places that need them: the loss of a row, and CTC's log space. From fdlibm (e_exp.c,
 * e_log.c; Sun Microsystems, 1993), whose errors are below 1 ulp. The ones of AssemblyScript's library read tables of 6 KB,
 * more than this module's share of memory.
 */

const LN2_HI: f64 = 0.6931471803691238; // 32 bits: its product with an exponent is exact
const LN2_LO: f64 = 1.9082149292705877e-10;

/** 2^n as a float64 for -1023 < n < 1024. */
function power(n: i32): f64 {
  return reinterpret<f64>((<i64>n + 1023) << 52);
}

/** x = n ln 2 + r: exp(x) = 2^n exp(r), where exp(r) = 1 + r + r c / (2 - c), c = r - r^2 p(r^2). NaN stays. */
export function exp64(x: f64): f64 {
  if (x < -746) return 0;
  if (x > 710) return Infinity;
  if (isNaN(x)) return x;
  const n = nearest(x * 1.4426950408889634);
  const hi = x - n * LN2_HI;
  const lo = n * LN2_LO;
  const r = hi - lo;
  const t = r * r;
  let p: f64 = 4.1381367970572385e-8;
  p = -1.6533902205465252e-6 + t * p;
  p = 6.613756321437934e-5 + t * p;
  p = -0.0027777777777015593 + t * p;
  p = 0.16666666666666602 + t * p;
  const c = r - t * p;
  const y = 1 - (lo - (r * c) / (2 - c) - hi);
  const half = <i32>n >> 1; // in two steps: subnormal results are rounded once
  return y * power(half) * power(<i32>n - half);
}

/**
 * x = 2^k m, m in [sqrt 1/2, sqrt 2), f = m - 1, s = f / (2 + f): log m = f - (f^2 / 2 - s (f^2 / 2 + R(s^2))). For x = 0,
 * x >= 2^-1022 and NaN, which stays.
 */
export function log64(x: f64): f64 {
  if (x == 0) return -Infinity;
  if (!(x < Infinity)) return x;
  const bits = reinterpret<i64>(x);
  const k = (<i32>(bits >> 32) - 0x3fe6a09e) >> 20; // the upper half of sqrt 1/2
  const f = reinterpret<f64>(bits - ((<i64>k) << 52)) - 1;
  const s = f / (2 + f);
  const z = s * s;
  let p: f64 = 0.14798198605116586;
  p = 0.15313837699209373 + z * p;
  p = 0.1818357216161805 + z * p;
  p = 0.22222198432149784 + z * p;
  p = 0.2857142874366239 + z * p;
  p = 0.3999999999940942 + z * p;
  p = 0.6666666666666735 + z * p;
  const half = 0.5 * f * f;
  const e = <f64>k;
  return e * LN2_HI - (half - (s * (half + z * p) + e * LN2_LO) - f);
}
