import { test } from "uvu";
import * as assert from "uvu/assert";
import { constantRate, linearDecay, type Schedule, warmupCosine } from "../src/nn/schedule.js";
import { hashOf } from "./support/hash.js";
import { throws } from "./support/throws.js";

const rates = (schedule: Schedule, count: number): number[] =>
  Array.from({ length: count }, (_, step) => schedule(step));

test("constantRate is the same at every step", () => {
  assert.equal(rates(constantRate(1e-3), 4), [1e-3, 1e-3, 1e-3, 1e-3]);
  assert.is(constantRate(0)(10 ** 9), 0);
});

test("the warm-up rises in equal steps to the peak, and the cosine falls to its fraction at the last step and stays there", () => {
  const schedule = warmupCosine({ peak: 2e-3, warmup: 100, steps: 4000 });
  for (let step = 0; step < 100; step++) assert.ok(Math.abs(schedule(step) - (2e-3 * (step + 1)) / 100) < 1e-18);
  assert.is(schedule(99), 2e-3);
  for (let step = 100; step < 4000; step++) {
    const expected = 2e-3 * (0.1 + 0.9 * 0.5 * (1 + Math.cos((Math.PI * (step - 99)) / 3900)));
    assert.ok(Math.abs(schedule(step) - expected) < 1e-17, `step ${step}`);
    assert.ok(schedule(step) < schedule(step - 1), `step ${step}`);
  }
  assert.is(schedule(3999), 2e-3 * 0.1);
  assert.is(schedule(5000), 2e-3 * 0.1);
});

test("the linear decay falls in equal steps, to 0 unless a fraction is given", () => {
  assert.equal(rates(linearDecay({ peak: 1, steps: 5 }), 7), [1, 0.75, 0.5, 0.25, 0, 0, 0]);
  assert.equal(
    rates(linearDecay({ peak: 1, steps: 6, warmup: 2, final: 0.5 }), 7),
    [0.5, 1, 0.875, 0.75, 0.625, 0.5, 0.5],
  );
});

test("without room for a decay the last update has the peak", () => {
  for (const make of [warmupCosine, linearDecay]) {
    assert.equal(rates(make({ peak: 3, steps: 1 }), 2), [3, 3]);
    assert.equal(rates(make({ peak: 3, steps: 3, warmup: 3 }), 4), [1, 2, 3, 3]);
  }
});

test("the bits are those that were written down", () => {
  const schedule = warmupCosine({ peak: 1e-3, warmup: 7, steps: 1000, final: 0.05 });
  assert.is(hashOf(Float64Array.from(rates(schedule, 1001))), "7d64586e6c5c462f");
});

test("wrong options and steps are refused by name", () => {
  const loose = warmupCosine as unknown as (options?: unknown) => Schedule;
  throws(() => loose(), TypeError, "warmupCosine: options must be an object, got null");
  const wrong = () => loose({ peak: 1, steps: 2, wramup: 1 });
  throws(wrong, TypeError, "must be among peak, steps, warmup, final", '"wramup"');
  throws(() => loose({ steps: 2 }), TypeError, "warmupCosine: peak must be a number, got undefined");
  const decay = (more: object) => () => linearDecay({ peak: 1, steps: 9, ...more });
  throws(decay({ peak: -1 }), RangeError, "linearDecay: peak must be a finite number of 0 or more");
  throws(decay({ steps: 0 }), RangeError, "steps must be an integer of 1 or more, got 0");
  throws(decay({ warmup: 10 }), RangeError, "warmup must be an integer from 0 to 9, got 10");
  throws(decay({ final: 2 }), RangeError, "final must be a finite number from 0 to 1, got 2");
  const rate = "constantRate: rate must be a finite number of 0 or more, got NaN";
  throws(() => constantRate(Number.NaN), RangeError, rate);
  for (const schedule of [constantRate(1), linearDecay({ peak: 1, steps: 2 })]) {
    throws(() => schedule(-1), RangeError, "schedule: step must be an integer of 0 or more, got -1");
    throws(() => schedule(0.5), RangeError, "got 0.5");
  }
});

test.run();
