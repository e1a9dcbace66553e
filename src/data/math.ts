/**
 * exp, log, cos and sin with the same bits in every engine, in float64. Math.exp and its kin may differ from engine to engine
 * in the last place; + - * / and Math.sqrt may not. All series are Taylor series, long enough for the next term to lie below
 * 2^-56 of the result. test/math.test.ts holds the errors that are stated here.
 */

const bits = new DataView(new ArrayBuffer(8));

/** 2^k for -1022 <= k <= 1023. */
function power(k: number): number {
  bits.setUint32(0, (k + 1023) << 20);
  bits.setUint32(4, 0);
  return bits.getFloat64(0);
}

/** x with the exponent field set to that of [1, 2); x is positive and not subnormal. Second: the exponent. */
function split(x: number): [fraction: number, exponent: number] {
  bits.setFloat64(0, x);
  const high = bits.getUint32(0);
  bits.setUint32(0, (high & 0xfffff) | 0x3ff00000);
  return [bits.getFloat64(0), (high >>> 20) - 1023];
}

/** log 2 in two parts: the upper has 33 bits, so that its product with an exponent is exact. */
const LOG2_HIGH = 0x162e42fee / 2 ** 33;
const LOG2_LOW = 1.9082149292705877e-10;

/** a[0] + x (a[1] + x (a[2] + ...)). */
function polynomial(a: readonly number[], x: number): number {
  let sum = 0;
  for (let n = a.length - 1; n >= 0; n--) sum = a[n]! + x * sum;
  return sum;
}

/** 1 / n! for n = first, first + step, ..., with alternating signs where `sign` is -1. */
function inverseFactorials(first: number, step: number, count: number, sign: 1 | -1): number[] {
  let factorial = 1;
  const found: number[] = [];
  for (let n = 1; found.length < count; n++) {
    factorial *= n; // below 2^53 up to 18!; 19! = 2^16 times an odd number of 41 bits
    if (n >= first && (n - first) % step === 0) found.push((found.length % 2 === 0 ? 1 : sign) / factorial);
  }
  return found;
}

const EXP = inverseFactorials(2, 1, 12, 1);

/**
 * e^x; error at most 1 ulp, subnormal results included.
 *
 * x = n log 2 + r with |r| <= log(2) / 2, and e^r = 1 + (r + r^2 (1/2! + r/3! + ...)).
 *
 * @example exp(0.5); // 1.6487212707001282
 */
export function exp(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x > 710) return Number.POSITIVE_INFINITY;
  if (x < -746) return 0;
  const n = Math.floor(x * Math.LOG2E + 0.5);
  const high = x - n * LOG2_HIGH;
  const low = n * LOG2_LOW;
  const r = high - low;
  const y = 1 + (r * r * polynomial(EXP, r) - low + high);
  const half = n >> 1; // in two steps, since 2^n may lie outside the range of float64; the first is exact
  return y * power(half) * power(n - half);
}

/** 2/3, 2/5, ... */
const LOG = Array.from({ length: 10 }, (_, n) => 2 / (2 * n + 3));

/**
 * The natural logarithm; error at most 1 ulp. 0 gives -Infinity, what is below gives NaN.
 *
 * x = 2^k (1 + f) with 1 + f between sqrt(1/2) and sqrt(2), s = f / (2 + f): log(1 + f) = 2 s + s R,
 * R = 2/3 s^2 + 2/5 s^4 + ..., and 2 s = f - s f = f - (h - s h) with h = f^2 / 2, where f is exact and s is not.
 *
 * @example log(10); // 2.302585092994046
 */
export function log(x: number): number {
  if (Number.isNaN(x) || x === Number.POSITIVE_INFINITY) return x;
  if (x <= 0) return x === 0 ? Number.NEGATIVE_INFINITY : Number.NaN;
  const subnormal = x < 2 ** -1022;
  let [fraction, k] = split(subnormal ? x * 2 ** 54 : x);
  if (subnormal) k -= 54;
  if (fraction > Math.SQRT2) {
    fraction /= 2;
    k++;
  }
  const f = fraction - 1;
  const s = f / (2 + f);
  const z = s * s;
  const h = 0.5 * f * f;
  const r = z * polynomial(LOG, z);
  return k * LOG2_HIGH - (h - (s * (h + r) + k * LOG2_LOW) - f);
}

const COS = inverseFactorials(2, 2, 9, -1);
const SIN = inverseFactorials(3, 2, 8, -1);

/** cos(pi (n / 2 + r)) for |r| <= 1/4: cos, -sin, -cos or sin of pi r. */
function quarter(n: number, r: number): number {
  const x = Math.PI * r;
  const z = x * x;
  const value = n % 2 === 0 ? 1 - z * polynomial(COS, z) : -(x - x * z * polynomial(SIN, z));
  return (n % 4 < 2 ? value : -value) + 0; // no -0
}

/**
 * cos(pi x); error at most 2 ulp, whatever the size of x, since the part of x that counts is found without rounding. Exact at
 * multiples of 1/2.
 *
 * @example cosPi(0.25); // 0.7071067811865475
 */
export function cosPi(x: number): number {
  const turn = Math.abs(x) % 2; // cos is even; exact
  const n = Math.floor(2 * turn + 0.5);
  return quarter(n, turn - n / 2);
}

/**
 * sin(pi x); error at most 2 ulp. Exact at multiples of 1/2.
 *
 * @example sinPi(0.5); // 1
 */
export function sinPi(x: number): number {
  const turn = Math.abs(x) % 2;
  const n = Math.floor(2 * turn + 0.5);
  const value = quarter(n + 3, turn - n / 2); // sin(a) = cos(a + 3/2 pi)
  return x < 0 ? -value : value;
}
