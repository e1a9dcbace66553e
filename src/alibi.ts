/**
 * The slopes 2^(-8 (h + 1) / H) for h = 0 .. H - 1, rounded to float32.
 *
 * Engines' Math.pow differ in the last bit, so only operations that IEEE 754 rounds exactly are used: with
 * 8 (h + 1) / H = n + r, the power 2^-n is exact and 2^-r is a product of 2^(-1/2), 2^(-1/4), ... over the binary
 * digits of r. Its error, at most about 53 roundings of 2^-53, is far below half a float32 ulp.
 */
export function alibiSlopes(H: number): Float32Array {
  return Float32Array.from({ length: H }, (_, h) => powerOfHalf(8 * (h + 1), H));
}

/** 2^(-p / q) for integers p >= 0, q >= 1. */
function powerOfHalf(p: number, q: number): number {
  const whole = Math.floor(p / q);
  let value = 1;
  for (let n = 0; n < whole; n++) value /= 2;
  let rest = p - whole * q;
  let root = 0.5;
  for (let digit = 0; digit < 53 && rest > 0; digit++) {
    root = Math.sqrt(root);
    rest *= 2;
    if (rest >= q) {
      rest -= q;
      value *= root;
    }
  }
  return value;
}
