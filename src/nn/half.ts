/**
 * float16 and bfloat16 as bit patterns beside those of float32, in integers: no number is looked at, so NaN payloads and
 * signalling NaNs survive. Widening is exact; narrowing rounds to nearest, ties to even.
 */

/** The bits of `x`, without a copy. */
export const bitsOf = (x: Float32Array): Uint32Array => new Uint32Array(x.buffer, x.byteOffset, x.length);

/** bfloat16 is the upper half of a float32. */
export const widenBfloat = (half: number): number => half << 16;

export function narrowBfloat(bits: number): number {
  const high = bits >>> 16;
  if ((bits & 0x7fffffff) > 0x7f800000) return (high & 0x7f) === 0 ? high | 0x40 : high; // NaN stays NaN
  return (bits + 0x7fff + (high & 1)) >>> 16;
}

/** float16: 1 sign bit, 5 exponent bits with bias 15, 10 fraction bits. */
export function widenHalf(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (fraction << 13);
  if (exponent !== 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  const shift = Math.clz32(fraction) - 21; // brings the leading bit to bit 10, where it is implicit
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
}

export function narrowHalf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const size = bits & 0x7fffffff;
  if (size > 0x7f800000) return sign | 0x7c00 | ((size >>> 13) & 0x3ff || 0x200); // NaN stays NaN
  if (size >= 0x477ff000) return sign | 0x7c00; // 65520, half way beyond the largest, and more: infinity
  if (size >= 0x38800000) return sign | ((size - 0x38000000 + 0xfff + ((size >>> 13) & 1)) >>> 13); // 2^-14 and more
  // Below: a multiple of 2^-24. The 24-bit significand is that multiple times 2^shift.
  const shift = 126 - (size >>> 23);
  if (shift > 24) return sign;
  const significand = (size & 0x7fffff) | 0x800000;
  const half = 1 << (shift - 1);
  const odd = (significand >>> shift) & 1;
  return sign | ((significand + half - 1 + odd) >>> shift);
}
