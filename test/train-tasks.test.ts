/** What the families' tasks evaluate and show: each held-out batch by its share, as many as the recipe says. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Conformer, type Gpt, generate } from "../src/models/index.js";
import { createSync } from "../src/nn/index.js";
import { type Data, type FamilyName, makeTask, type Recipe, recipeOf, type Speech } from "../src/train/index.js";
import { TEXT, tone } from "./support/made-data.js";

const nn = createSync({ threads: 1 });
const SIZES = { width: 16, heads: 2, layers: 1, context: 32, steps: 1, seed: 5 };
const taskOf = (family: FamilyName, data: Data, more: Partial<Recipe>) =>
  makeTask(nn, family, recipeOf(family, { ...SIZES, ...more }), data);

test("a masked loss is the mean over all hidden tokens, whatever the batches they are in", () => {
  const of = (batch: number, evaluations: number) => taskOf("bert", TEXT, { batch, evaluations }).evaluate();
  // The same eight windows and holes. The batches of one row hide different numbers of tokens; sums round differently.
  const [whole, parts] = [of(8, 1), of(1, 8)];
  assert.ok(Math.abs(parts - whole) <= 1e-6 * whole, `${parts}, ${whole}`);
});

test("the sample of a language model is drawn with the seed of the recipe", () => {
  const { model, sample, extra } = taskOf("lm", TEXT, { batch: 4 });
  const text = sample();
  const vocabulary = [...(extra.vocabulary as string)];
  const ids = [...text].map((character) => vocabulary.indexOf(character));
  const drawn = (seed: number) => [
    ...generate(nn, model as Gpt, ids.slice(0, 16), { count: ids.length - 16, temperature: 0.8, seed }),
  ];
  assert.equal(drawn(SIZES.seed), ids.slice(16));
  assert.not.equal(drawn(1), ids.slice(16));
});

test("recordings with transcripts are each evaluated once, digits as strings of them, as many batches as there are evaluations", () => {
  const recording = (pitch: number) => ({ samples: tone(pitch, pitch), labels: [1 + (pitch % 2)] });
  const speech = (join: boolean): Speech => {
    const test = [0, 1, 2, 3, 4].map(recording);
    return { train: test, test, symbols: ["a", "b"], separator: "", join };
  };
  /** How many recordings each call of the model hears. */
  const heard = (join: boolean, more: Partial<Recipe>): number[] => {
    const task = taskOf("conformer", speech(join), more);
    const model = task.model as Conformer;
    const counts: number[] = [];
    model.logits = (features, frames) => {
      counts.push(frames.length);
      return Object.getPrototypeOf(model).logits.call(model, features, frames);
    };
    assert.ok(task.evaluate() >= 0);
    return counts;
  };
  assert.equal(heard(false, { batch: 2, evaluations: 9 }), [2, 2, 1]);
  assert.equal(heard(false, { batch: 2, evaluations: 2 }), [2, 2]);
  assert.equal(heard(true, { batch: 2, evaluations: 9 }), [2, 2, 2]);
  assert.equal(heard(true, { batch: 2, evaluations: 1 }), [2]);
  const task = taskOf("conformer", speech(false), { batch: 8 });
  const said = task
    .sample()
    .split("\n")
    .map((line) => line.split(":")[0]);
  assert.equal(said, ["a", "b", "a", "b", "a"]);
});

test.after(() => nn.dispose());
test.run();
