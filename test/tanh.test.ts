import { test } from "uvu";
import * as assert from "uvu/assert";
import { sameBits } from "./support/bits.js";
import { core } from "./support/elementwise.js";
import { between, patterns, worst } from "./support/ulp.js";

const { POSITIVE_INFINITY: inf, NaN: nan } = Number;

/** 1 - tanh(x)^2 without the cancellation of its definition. */
function slopeOf(x: number): number {
  const e = Math.exp(-2 * Math.abs(x));
  return (4 * e) / (1 + e) ** 2;
}

await core((build, helper) => {
  const tanh = helper("tanhCore");
  const slope = helper("tanhSlope");

  test(`${build} tanh is within 1.6 ulp everywhere, near 0 too`, () => {
    for (const x of [patterns(200000), between(-1, 1, 200000), between(-10, 10, 200000)]) {
      const { error, x: where } = worst(tanh(x), x, Math.tanh);
      assert.ok(error <= 1.6, `${error} ulp at ${where}`);
    }
  });

  test(`${build} slope of tanh is within 4.22 ulp up to |x| = 43`, () => {
    for (const x of [between(-1.5, 1.5, 200000), between(-43, 43, 200000)]) {
      const { error, x: where } = worst(slope(x), x, slopeOf);
      assert.ok(error <= 4.22, `${error} ulp at ${where}`);
    }
  });

  test(`${build} tanh and its slope have their limits at infinity, and keep NaN`, () => {
    sameBits("tanh", tanh(Float32Array.of(inf, -inf, nan, 0)), [1, -1, nan, 0]);
    sameBits("tanh", tanh(Float32Array.of(-0)), [0]);
    sameBits("slope", slope(Float32Array.of(inf, -inf, nan, 0)), [0, 0, nan, 1]);
    sameBits("tanh", tanh(Float32Array.of(100, -100, 2 ** -149, -(2 ** -149))), [1, -1, 2 ** -149, -(2 ** -149)]);
  });
});

test.run();
