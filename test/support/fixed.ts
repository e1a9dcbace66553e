/** exp, log, cos and sin to 300 bits in fixed point: bigints, in units of 2^-BITS. Errors of float64 results against them. */

const BITS = 320n;
const ONE = 1n << BITS;

const times = (a: bigint, b: bigint): bigint => (a * b) >> BITS;

const word = new DataView(new ArrayBuffer(8));

/** A finite float64 as significand and exponent: significand * 2^exponent, the significand of 53 bits unless subnormal. */
function parts(x: number): [significand: bigint, exponent: number] {
  word.setFloat64(0, x);
  const bits = word.getBigUint64(0);
  const field = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xfffffffffffffn;
  const significand = field === 0 ? fraction : fraction | (1n << 52n);
  return [x < 0 ? -significand : significand, Math.max(field, 1) - 1075];
}

const shift = (x: bigint, by: number): bigint => (by >= 0 ? x << BigInt(by) : x >> BigInt(-by));

function toFixed(x: number): bigint {
  const [significand, exponent] = parts(x);
  return shift(significand, exponent + Number(BITS));
}

/** start + start x / 1 + ... : term n is the one before times x over divisor(n). */
function series(start: bigint, x: bigint, divisor: (n: bigint) => bigint): bigint {
  let term = start;
  let sum = start;
  for (let n = 1n; term > 1n || term < -1n; n++) {
    term = times(term, x) / divisor(n);
    sum += term;
  }
  return sum;
}

/** log((1 + s) / (1 - s)) = 2 (s + s^3 / 3 + ...). */
function twiceAtanh(s: bigint): bigint {
  const square = times(s, s);
  let sum = 0n;
  for (let n = 1n, power = s; power > 1n || power < -1n; n += 2n, power = times(power, square)) sum += power / n;
  return 2n * sum;
}

const LOG2 = twiceAtanh(ONE / 3n);

/** atan(1 / n) = 1/n - 1/(3 n^3) + ... */
function atanOfInverse(n: bigint): bigint {
  let sum = 0n;
  for (let k = 1n, power = ONE / n; power !== 0n; k += 2n, power /= -n * n) sum += power / k;
  return sum;
}

/** Machin. */
const PI = 4n * (4n * atanOfInverse(5n) - atanOfInverse(239n));

/** value * 2^exponent; exact to about 300 bits. */
type Truth = [value: bigint, exponent: number];

export function exp(x: number): Truth {
  const fixed = toFixed(x);
  const k = Number(fixed / LOG2);
  const r = fixed - BigInt(k) * LOG2;
  return [series(ONE, r, (n) => n), k];
}

export function log(x: number): Truth {
  const [significand, exponent] = parts(x);
  const length = significand.toString(2).length;
  const m = shift(significand, Number(BITS) - length); // [1/2, 1)
  const s = ((m - ONE) << BITS) / (m + ONE);
  return [twiceAtanh(s) + BigInt(exponent + length) * LOG2, 0];
}

export function cosPi(x: number): Truth {
  const angle = times(toFixed(x % 2), PI);
  return [series(ONE, -times(angle, angle), (n) => (2n * n - 1n) * 2n * n), 0];
}

export function sinPi(x: number): Truth {
  const angle = times(toFixed(x % 2), PI);
  return [series(angle, -times(angle, angle), (n) => 2n * n * (2n * n + 1n)), 0];
}

/** |y - truth| in units of the last place of y. */
export function ulpsOff(y: number, [value, exponent]: Truth): number {
  const [significand, place] = parts(y);
  // Both in units of 2^(place - 64): 64 bits below y's last one.
  const mine = significand << 64n;
  const true_ = shift(value, exponent - Number(BITS) - place + 64);
  const error = mine - true_;
  return Number(error < 0n ? -error : error) / 2 ** 64;
}
