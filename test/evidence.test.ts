/** The evidence: its statistics, and that what is committed is what the sources give. */
import { existsSync, readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { lines, page } from "../bench/evidence/page.js";
import { type Result, readResults } from "../bench/evidence/runs.js";
import { apart, differences, spread } from "../bench/evidence/statistics.js";
import { readData } from "../src/cli/data.js";
import { createSync } from "../src/nn/index.js";
import { makeTask, recipeOf, Trainer } from "../src/train/index.js";
import { dataFiles } from "./support/data.js";

const results = readResults();

const made = (variant: "standard" | "laser", seed: number, value: number): Result => ({
  ...{ family: "lm", recipe: recipeOf("lm", { variant, seed }), measure: "validation loss", value },
  ...{ evaluations: [], losses: [], norms: [], seconds: 1, threads: 1, machine: "", runtime: "", date: "" },
});

test("means and deviations are those of a sample; one value has no deviation", () => {
  assert.equal(spread([1, 2, 6]), { mean: 3, deviation: Math.sqrt(7), count: 3 });
  assert.ok(Number.isNaN(spread([5]).deviation) && spread([5]).mean === 5);
  assert.is(apart({ mean: 5, deviation: 3, count: 2 }, [0, 4]), 1);
});

test("variants are compared seed by seed, where both have run", () => {
  const runs = [made("laser", 2, 7), made("standard", 1, 1), made("standard", 2, 4), made("laser", 3, 9)];
  assert.equal(differences(runs), [3]);
});

test("every committed run has the recipe of today, ran to its end and says so in its last evaluation", () => {
  for (const { family, recipe, value, evaluations, losses } of results) {
    const { variant, seed, steps, every } = recipe;
    assert.equal(recipe, recipeOf(family, { variant, seed }));
    assert.is(evaluations.length, Math.ceil(steps / every));
    assert.equal(evaluations.at(-1), { step: steps, value });
    assert.is(losses.at(-1)![0], steps);
  }
});

test("docs/evidence.md is what the committed runs give", () => {
  const there = existsSync("docs/evidence.md") ? readFileSync("docs/evidence.md", "utf8") : undefined;
  assert.is(there, results.length === 0 ? undefined : page(lines(results)));
});

const [folder] = dataFiles("evidence", "fsdd") ?? [];
const conformer = results.find(({ family }) => family === "conformer");
if (folder !== undefined && conformer !== undefined) {
  test("the first steps of a committed run of the Conformer come out again, to the digits that are kept", () => {
    const { recipe, losses } = conformer;
    const nn = createSync();
    const trainer = new Trainer(
      nn,
      "conformer",
      makeTask(nn, "conformer", recipe, readData("conformer", folder)),
      recipe,
    );
    const [last, mean] = losses[0]!;
    while (trainer.steps < last) trainer.step();
    const sum = trainer.history.losses.reduce((a, b) => a + b);
    assert.is(Number((sum / last).toPrecision(5)), mean);
    nn.dispose();
  });
}

test.run();
