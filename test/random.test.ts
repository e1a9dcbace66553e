import { test } from "uvu";
import * as assert from "uvu/assert";
import { checkSeed } from "./support/check-seed.js";

const [BLOCKS, PER_BLOCK] = [8, 65];
let strict = 0;

for (let block = 0; block < BLOCKS; block++) {
  const first = 1 + block * PER_BLOCK;
  const last = first + PER_BLOCK - 1;
  test(`random option combinations ${first} to ${last} agree with the float64 oracle, forward and backward`, () => {
    const failures: string[] = [];
    for (let seed = first; seed <= last; seed++) {
      try {
        if (checkSeed(seed).strict) strict++;
      } catch (error) {
        failures.push((error as Error).message);
      }
    }
    if (failures.length > 0) throw new Error(`${failures.length} of ${PER_BLOCK}:\n${failures.join("\n")}`);
  });
}

// The others see one key a row, or values that hardly differ: their scores' gradients are rounding, see support/bounds.ts.
test("of the random combinations at least 97 % keep the bounds of golden/README.md unchanged", () => {
  const all = BLOCKS * PER_BLOCK;
  assert.ok(strict >= 0.97 * all, `expected at least ${0.97 * all} of ${all}, got ${strict}`);
});

test.run();
