/** float16 and bfloat16 against their definition, on all bit patterns. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bitsOf, narrowBfloat, narrowHalf, widenBfloat, widenHalf } from "../src/nn/half.js";

const float = new Float32Array(1);
const word = bitsOf(float);
const toBits = (x: number): number => {
  float[0] = x;
  return word[0]!;
};
const toNumber = (bits: number): number => {
  word[0] = bits;
  return float[0]!;
};

/** The definition: sign, exponent field of so many bits, fraction. */
function defined(half: number, exponentBits: number): number {
  const fractionBits = 15 - exponentBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  const field = (half >>> fractionBits) & (2 ** exponentBits - 1);
  const fraction = (half & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  const sign = half >>> 15 ? -1 : 1;
  if (field === 2 ** exponentBits - 1) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (field === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (field - bias));
}

for (const { name, exponentBits, widen, narrow } of [
  { name: "float16", exponentBits: 5, widen: widenHalf, narrow: narrowHalf },
  { name: "bfloat16", exponentBits: 8, widen: widenBfloat, narrow: narrowBfloat },
]) {
  const infinity = (2 ** exponentBits - 1) << (15 - exponentBits);

  test(`${name}: all 65,536 patterns widen to what they mean and narrow back to themselves, NaN payloads included`, () => {
    for (let half = 0; half < 65536; half++) {
      const bits = widen(half);
      assert.ok(Object.is(toNumber(bits), defined(half, exponentBits)), `${half}: ${toNumber(bits)}`);
      assert.is(narrow(bits >>> 0) & 0xffff, half);
    }
  });

  test(`${name}: between all neighbours, narrowing rounds to nearest, and half way to the even one`, () => {
    for (let half = 0; half < infinity; half++) {
      const [low, next] = [defined(half, exponentBits), defined(half + 1, exponentBits)];
      const high = Number.isFinite(next) ? next : low + (low - defined(half - 1, exponentBits)); // as if there were one more
      const middle = toBits((low + high) / 2); // float32 holds it, unless it is beyond float32's own range
      if (half + 1 < infinity || exponentBits < 8) assert.is(toNumber(middle), (low + high) / 2);
      const even = half % 2 === 0 ? half : half + 1;
      for (const sign of [0, 0x8000]) {
        const wide = (sign << 16) >>> 0;
        assert.is(narrow((wide | (middle - 1)) >>> 0), sign | half, `below the middle of ${low} and ${high}`);
        assert.is(narrow((wide | middle) >>> 0), sign | even, `the middle of ${low} and ${high}`);
        if (middle < 0x7f800000)
          assert.is(narrow((wide | (middle + 1)) >>> 0), sign | (half + 1), `above ${low}, ${high}`);
      }
    }
  });

  test(`${name}: a NaN whose payload does not fit stays a NaN`, () => {
    for (const bits of [0x7f800001, 0xff800001]) {
      assert.ok(Number.isNaN(defined(narrow(bits) & 0xffff, exponentBits)));
      assert.is((narrow(bits) >>> 15) & 1, bits >>> 31);
    }
  });
}

test("float16: what is far too small is a zero of its sign, what is far too large an infinity", () => {
  for (const x of [1e-40, 1e-10, 2 ** -26]) {
    assert.is(narrowHalf(toBits(x)), 0);
    assert.is(narrowHalf(toBits(-x)), 0x8000);
  }
  for (const x of [65520, 1e6, 3e38]) assert.is(narrowHalf(toBits(x)), 0x7c00);
});

test.run();
