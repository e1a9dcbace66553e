import { test } from "uvu";
import * as assert from "uvu/assert";
import { sameBits } from "./support/bits.js";
import { core, elementwise } from "./support/elementwise.js";
import { between, worst } from "./support/ulp.js";

const { POSITIVE_INFINITY: inf, NaN: nan } = Number;

await elementwise({
  name: "exp",
  truth: Math.exp,
  backward: (dy, y) => Math.fround(dy * y),
  special: [
    [0, 1],
    [-0, 1],
    [inf, inf],
    [-inf, 0],
    [nan, nan],
    [88.72284, inf], // the first float32 whose exp is beyond 2^128
    [3.4e38, inf],
    [-3.4e38, 0],
    [-103.97209, 0], // the first whose exp is below 2^-150
    [-103.97208, 2 ** -149],
    [1e-45, 1],
  ],
  hard: [4.505865573883057],
});

await core((build, helper) => {
  const exp = helper("expCore");
  const below = helper("expBelow");
  const exp2 = helper("exp2Core");

  test(`${build} exp of the core is within 0.92 ulp on [-86.98, 88.72]`, () => {
    const x = between(-86.98, 88.72, 200000);
    const { error, x: where } = worst(exp(x), x, Math.exp);
    assert.ok(error <= 0.92, `${error} ulp at ${where}`);
  });

  test(`${build} exp of the core is exactly 0 below its range, never subnormal, and keeps NaN and infinity`, () => {
    sameBits("exp", exp(Float32Array.of(-86.99, -1000, -3.4e38, -inf)), [0, 0, 0, 0]);
    sameBits("exp", exp(Float32Array.of(0, -0, nan, inf)), [1, 1, nan, inf]);
    sameBits("exp", exp(Float32Array.of(88.73, 90, 1000, 3.4e38)), [inf, inf, inf, inf]);
    assert.ok(exp(between(-88, -86, 4000)).every((y) => y === 0 || y >= 2 ** -126));
  });

  test(`${build} exp of LASER's weights is within 2.3 ulp on [-86.98, 0], 1 at 0, exactly 0 below, and keeps NaN`, () => {
    for (const x of [between(-86.98, 0, 200000), between(-2, 0, 100000)]) {
      const { error, x: where } = worst(below(x), x, Math.exp);
      assert.ok(error <= 2.3, `${error} ulp at ${where}`);
    }
    sameBits("below", below(Float32Array.of(0, -0, nan, -86.99, -1000, -3.4e38, -inf, 0)), [1, 1, nan, 0, 0, 0, 0, 1]);
    assert.ok(below(between(-88, -86, 4000)).every((y) => y === 0 || y >= 2 ** -126));
  });

  test(`${build} exp2 of the core is within 2.2 ulp on (-125.5, 128)`, () => {
    for (const x of [between(-125.49, 127.99, 200000), between(-2, 0, 100000)]) {
      const { error, x: where } = worst(exp2(x), x, (value) => 2 ** value);
      assert.ok(error <= 2.2, `${error} ulp at ${where}`);
    }
  });

  test(`${build} exp2 of the core is exact at integers, exactly 0 below its range, and keeps NaN`, () => {
    const integers = between(-125, 126, 252);
    sameBits(
      "exp2",
      exp2(integers),
      integers.map((x) => 2 ** x),
    );
    sameBits("exp2", exp2(Float32Array.of(-125.5, -1000, -3.4e38, -inf)), [0, 0, 0, 0]);
    sameBits("exp2", exp2(Float32Array.of(nan, 0, -0, 127)), [nan, 1, 1, 2 ** 127]);
    assert.ok(exp2(between(-127, -124, 4000)).every((y) => y === 0 || y >= 2 ** -126));
  });
});

test.run();
