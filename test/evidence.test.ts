/** The evidence: its statistics, and that what is committed is what the sources give. */
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { evidenceChart } from "../bench/evidence/chart.js";
import { JUDGED, lines, page } from "../bench/evidence/page.js";
import { charts } from "../bench/evidence/publish.js";
import { isCurrent, type Result, readResults } from "../bench/evidence/runs.js";
import { readSource } from "../bench/evidence/source.js";
import { apart, differences, spread } from "../bench/evidence/statistics.js";
import { createSync } from "../src/nn/index.js";
import { FAMILIES, makeTask, recipeOf, Trainer } from "../src/train/index.js";
import type { Variant } from "../src/types.js";
import { dataFiles } from "./support/data.js";

const results = readResults();

const made = (variant: Variant, seed: number, value: number, steps = [2000, 4000]): Result => ({
  ...{ family: "lm", recipe: recipeOf("lm", { variant, seed }), measure: "validation loss", value },
  ...{ evaluations: steps.map((step) => ({ step, value })), start: { steps: 20, loss: 4 }, data: "0" },
  ...{ machine: "", runtime: "", date: "" },
});

test("means and deviations are those of a sample; one value has no deviation", () => {
  assert.equal(spread([1, 2, 6]), { mean: 3, deviation: Math.sqrt(7), count: 3 });
  assert.ok(Number.isNaN(spread([5]).deviation) && spread([5]).mean === 5);
  const [a, b] = [
    { mean: 5, deviation: 6, count: 4 },
    { mean: 15, deviation: 8, count: 4 },
  ];
  assert.is(apart(a, b), -2); // standard errors 3 and 4
  assert.is(apart(b, a), 2);
});

test("variants are compared seed by seed, where both have run", () => {
  const runs = [made("laser", 2, 7), made("standard", 1, 1), made("standard", 2, 4), made("laser", 3, 9)];
  assert.equal(differences(runs), [3]);
  const fell = made("laser", 2, 7);
  fell.evaluations[0]!.value = 8;
  assert.equal(differences([fell, ...runs.slice(1)], 1), [4], "an evaluation before");
});

test("a chart has a thick line for each variant that ran and thin ones where there are several seeds, flat ones too", () => {
  const count = (text: string, width: number) => text.split(`stroke-width="${width}"/>`).length - 1;
  const one = evidenceChart("x", [made("laser", 1, 2)]);
  assert.equal([count(one, 2.5), count(one, 0.7)], [1, 0]);
  const both = evidenceChart("x", [made("laser", 1, 2), made("laser", 2, 3), made("standard", 1, 2)]);
  assert.equal([count(both, 2.5), count(both, 0.7)], [2, 2]);
  for (const chart of [one, both]) assert.not.match(chart, /NaN|Infinity|undefined/);
});

test("there are runs of both variants of every family, with the same seeds, to their last step, on the same data", () => {
  for (const family of FAMILIES) {
    const seeds = (["standard", "laser"] as const).map((variant) =>
      results.filter((one) => one.family === family && one.recipe.variant === variant).map(({ recipe }) => recipe.seed),
    );
    assert.ok(seeds[0]!.length > 0, family);
    assert.equal(seeds[0], seeds[1], family);
    assert.is(new Set(results.filter((one) => one.family === family).map(({ data }) => data)).size, 1, family);
  }
  for (const { recipe, value, evaluations } of results) {
    assert.is(evaluations.length, Math.ceil(recipe.steps / recipe.every));
    assert.equal(evaluations.at(-1), { step: recipe.steps, value });
  }
});

test("rates are of as many images and words as docs/evidence.md says", () => {
  for (const [family, count] of Object.entries(JUDGED)) {
    for (const { value } of results.filter((one) => one.family === family)) {
      const wrong = value * count;
      assert.ok(Math.abs(wrong - Math.round(wrong)) < 1e-9 * count, `${family}: ${wrong}`);
    }
  }
});

test("docs/evidence.md and its charts are what the committed runs give", () => {
  const all = lines(results);
  assert.is(readFileSync("docs/evidence.md", "utf8"), page(all));
  for (const [name, chart] of charts(all)) assert.is(readFileSync(name, "utf8"), chart, name);
});

const [folder] = dataFiles("evidence", "fsdd") ?? [];
if (folder !== undefined) {
  test("the first steps of a committed run of the Conformer come out again, on the same data, and bit for bit with the same sources", () => {
    const runs = results.filter(({ family }) => family === "conformer");
    const run = runs.find(isCurrent) ?? runs[0]!;
    const { recipe, start, data } = run;
    const { content, hash } = readSource("conformer", dirname(folder));
    assert.is(hash, data);
    const nn = createSync({ threads: 1 });
    const trainer = new Trainer(nn, "conformer", makeTask(nn, "conformer", recipe, content), recipe);
    while (trainer.steps < start.steps) trainer.step();
    const loss = trainer.history.losses.reduce((a, b) => a + b) / start.steps;
    // Of other sources: sums in another order make less than a rounding of the loss in 20 steps, 5e-10 when spans of 192 came.
    if (isCurrent(run)) assert.is(loss, start.loss);
    else assert.ok(Math.abs(loss / start.loss - 1) < 2 ** -24, `${loss}, committed ${start.loss}`);
    nn.dispose();
  });
}

test.run();
