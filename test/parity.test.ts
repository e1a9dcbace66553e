/** Training runs of the committed goldens, step by step; `npm run parity` runs all that there are. */
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createSync } from "../src/nn/index.js";
import { failures, replay } from "./support/parity.js";

for (const [file, simd, threads] of [
  ["lm.laser", "plain", 1],
  ["bert.standard", "relaxed", 2],
] as const) {
  test(`${file}: every loss, the first gradients and the last parameters are those of float64 (${simd}, ${threads} threads)`, () => {
    const nn = createSync({ threads, simd });
    const parity = replay(nn, readFileSync(`test/golden/training/${file}.safetensors`));
    assert.equal(failures(parity), []);
    assert.ok(parity.steps >= 30);
    nn.dispose();
  });
}

test.run();
