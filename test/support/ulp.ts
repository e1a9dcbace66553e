/** Errors in ulp (units in the last place) of the true value, as float32 has them: a subnormal's ulp is 2^-149. */

const truth = new Float64Array(1);
const words = new Int32Array(truth.buffer);

/** 1 / ulp by the exponent field of a float64, bits 52 to 62. */
export const perUlp: Float64Array = Float64Array.from(
  { length: 2048 },
  (_, field) => 2 ** (23 - Math.max(field - 1023, -126)),
);

/** |y - t| in ulp of t. NaN, infinities, 0 and what is 2^128 or more (then infinity) must be met exactly: if not, infinite. */
export function ulps(y: number, t: number): number {
  const rounded = Math.abs(t) >= 2 ** 128 ? t * Number.POSITIVE_INFINITY : t;
  if (rounded === 0 || !Number.isFinite(rounded)) {
    return y === rounded || (Number.isNaN(y) && Number.isNaN(t)) ? 0 : Number.POSITIVE_INFINITY;
  }
  if (Number.isNaN(y)) return Number.POSITIVE_INFINITY;
  truth[0] = t;
  return Math.abs(y - t) * perUlp[(words[1]! >>> 20) & 2047]!;
}

/** The worst of y[i] against f(x[i]), and where. */
export function worst(
  y: Float32Array,
  x: Float32Array,
  f: (x: number, i: number) => number,
): { error: number; x: number } {
  const found = { error: 0, x: Number.NaN };
  for (const [i, input] of x.entries()) {
    const error = ulps(y[i]!, f(input, i));
    if (error > found.error) Object.assign(found, { error, x: input });
  }
  return found;
}

/** `count` floats spread evenly over all bit patterns: every binade, both signs, subnormals, infinities' neighbours, NaN. */
export function patterns(count: number): Float32Array {
  const step = Math.floor(2 ** 32 / count) | 1;
  return new Float32Array(Int32Array.from({ length: count }, (_, i) => Math.imul(i, step)).buffer);
}

/** `count` floats spread evenly over [lo, hi]. */
export function between(lo: number, hi: number, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => lo + ((hi - lo) * i) / (count - 1));
}
