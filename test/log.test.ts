import { test } from "uvu";
import * as assert from "uvu/assert";
import { sameBits } from "./support/bits.js";
import { core, elementwise } from "./support/elementwise.js";
import { Random } from "./support/random.js";
import { between, patterns, worst } from "./support/ulp.js";

const { POSITIVE_INFINITY: inf, NaN: nan } = Number;

await elementwise({
  name: "log",
  truth: Math.log,
  backward: (dy, x) => Math.fround(dy / x),
  special: [
    [1, 0],
    [0, -inf],
    [-0, -inf],
    [-1e-45, nan],
    [-1, nan],
    [-inf, nan],
    [inf, inf],
    [nan, nan],
  ],
  hard: [1.41408109664917, 1.4135267734527588],
});

await core((build, helper) => {
  const log = helper("logCore");
  const share = helper("logShare");

  test(`${build} log of the core is within 0.9 ulp on normal numbers`, () => {
    for (const x of [patterns(100000).filter((value) => value >= 2 ** -126), between(0.3, 3, 200000)]) {
      const inputs = x.subarray(0, x.length & ~3);
      const { error, x: where } = worst(log(inputs), inputs, Math.log);
      assert.ok(error <= 0.9, `${error} ulp at ${where}`);
    }
  });

  test(`${build} log of the core keeps NaN and infinity, and is -infinity at 0`, () => {
    sameBits("log", log(Float32Array.of(0, -0, nan, inf)), [-inf, -inf, nan, inf]);
    sameBits("log", log(Float32Array.of(1, 1, 1, 1)), [0, 0, 0, 0]);
  });

  test(`${build} log(x) + c of a share x errs by at most 2 ulp, or 2 * 2^-25 where both cancel`, () => {
    const random = new Random(5);
    const x = Float32Array.from({ length: 100000 }, () => Math.exp(-80 * random.uniform() ** 2));
    for (const spread of [0, 1e-4, 1, 50]) {
      const c = x.map((value) => -Math.log(value) + spread * random.normal());
      const y = share(x, c);
      const near = (t: number, i: number) => (Math.abs(y[i]! - t) <= 2 * 2 ** -25 ? y[i]! : t);
      const { error, x: where } = worst(y, x, (share, i) => near(Math.log(share) + c[i]!, i));
      assert.ok(error <= 2, `${error} ulp at ${where}, spread ${spread}`);
    }
  });

  test(`${build} log(x) + c of a share is -infinity where c is, c where x is 1, and keeps NaN and infinity`, () => {
    const y = share(Float32Array.of(0, 0.5, nan, 1, inf, inf, 1, 1), Float32Array.of(-inf, -inf, 0, nan, 0, 3, inf, 7));
    sameBits("log", y, Float32Array.of(-inf, -inf, nan, nan, inf, inf, inf, 7));
  });
});

test.run();
