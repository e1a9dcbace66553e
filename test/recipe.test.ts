/** What a recipe has that is not given. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { recipeOf } from "../src/train/index.js";

test("a run warms up for a hundred steps, a short one for a tenth of its steps, rounded up; what is given stays", () => {
  for (const [steps, warmup] of [
    [1, 1],
    [5, 1],
    [50, 5],
    [51, 6],
    [1000, 100],
    [4000, 100],
  ] as const)
    assert.is(recipeOf("lm", { steps }).warmup, warmup, `${steps}`);
  for (const warmup of [0, 40]) assert.is(recipeOf("lm", { steps: 50, warmup }).warmup, warmup);
});

test.run();
