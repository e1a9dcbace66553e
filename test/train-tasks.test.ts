/** What the families' tasks evaluate and show: each held-out batch by its share, as many as the recipe says. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Conformer, type Gpt, generate } from "../src/models/index.js";
import { createSync } from "../src/nn/index.js";
import { type Data, type FamilyName, makeTask, type Recipe, recipeOf, type Speech } from "../src/train/index.js";
import { TEXT, tone } from "./support/made-data.js";
import { throws } from "./support/throws.js";

const nn = createSync({ threads: 1 });
const SIZES = { width: 16, heads: 2, layers: 1, context: 32, steps: 1, seed: 5 };
const taskOf = (family: FamilyName, data: Data, more: Partial<Recipe>) =>
  makeTask(nn, family, recipeOf(family, { ...SIZES, ...more }), data);

test("a validation loss is the mean over all tokens that count, whatever the batches they are in, and the same each time", () => {
  // Eight windows are held out, of which the last batch of seven has one. Batches of one row hide different numbers of tokens.
  const { context } = SIZES;
  const text = "the quick brown fox jumps over the lazy dog ".repeat(60).slice(0, 10 * (8 * context + 1));
  for (const family of ["lm", "bert"] as const) {
    const of = (batch: number, evaluations: number) => {
      const task = taskOf(family, text, { batch, evaluations });
      const loss = task.evaluate();
      assert.is(task.evaluate(), loss, family);
      return loss;
    };
    const [whole, parts, uneven] = [of(8, 1), of(1, 8), of(7, 2)];
    // sums round differently
    for (const other of [parts, uneven])
      assert.ok(Math.abs(other - whole) <= 1e-6 * whole, `${family} ${other}, ${whole}`);
  }
});

test("a text that is too short is refused with what of it is held out", () => {
  for (const family of ["lm", "bert"] as const) {
    const why = "(its last tenth is held out and must have 33)";
    const words = `train: the text must have 330 characters for a context of 32 ${why}, got`;
    for (const times of [1, 32])
      throws(() => taskOf(family, "abcdefghij".repeat(times), {}), RangeError, `${words} ${10 * times}`);
    assert.ok(taskOf(family, "abcdefghij".repeat(33), {}).evaluate() > 0, family);
  }
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

test("a ViT whose scores are NaN has no test error, so that the trainer says what is wrong", () => {
  const images = { count: 2, labels: Uint8Array.of(3, 4), pixels: new Uint8Array(2 * 3072).fill(9) };
  const task = taskOf("vit", { train: images, test: images }, { batch: 2 });
  assert.ok(task.evaluate() >= 0);
  task.model.parameters.get("head.bias")!.tensor.data[0] = Number.NaN;
  assert.ok(Number.isNaN(task.evaluate()));
});

test("a test error counts each image once, those of a last batch with fewer too", () => {
  const labels = Uint8Array.of(0, 0, 0, 0, 3); // the last image alone is of another class
  const images = { count: 5, labels, pixels: new Uint8Array(5 * 3072).fill(9) };
  const task = taskOf("vit", { train: images, test: images }, { batch: 2, evaluations: 9 });
  task.model.parameters.get("head.weight")!.tensor.data.fill(0);
  task.model.parameters.get("head.bias")!.tensor.data.fill(0)[0] = 1;
  assert.is(task.evaluate(), 1 / 5);
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

test("transcripts without a space are judged by characters, those with one, and digits, by words", () => {
  const rate = (said: string, heard: string, digits = false): [string, number] => {
    const symbols = [...new Set(said + heard)];
    const labels = [...said].map((symbol) => 1 + symbols.indexOf(symbol));
    const one = { samples: new Float32Array(4000), labels };
    const speech: Speech = { train: [one], test: [one], symbols, separator: digits ? " " : "", join: false };
    const task = taskOf("conformer", speech, { batch: 1 });
    const model = task.model as Conformer;
    // One frame a label, the blank between.
    model.logits = (_, frames) => {
      const steps = model.steps(frames[0]!);
      const scores = new Float32Array(steps * (symbols.length + 1));
      for (let n = 0; n < steps; n++) {
        const label = n % 2 === 0 ? 1 + symbols.indexOf(heard[n / 2] ?? "") : 0;
        scores[n * (symbols.length + 1) + label] = 9;
      }
      return nn.input(scores, [1, steps, symbols.length + 1]);
    };
    return [task.measure, task.evaluate()];
  };
  assert.equal(rate("\u96f6\u4e00\u4e8c\u4e09", "\u96f6\u4e00\u4e09"), ["character error rate", 1 / 4]);
  assert.equal(rate("ab cd", "ab cc"), ["word error rate", 1 / 2]);
  assert.equal(rate("12", "13", true), ["word error rate", 1 / 2]);
});

test("of recordings that do not fit the first is explained, the others are named, twenty in all", () => {
  const recording = (samples: number, file: string) => ({ samples: new Float32Array(samples), labels: [1], file });
  const good = recording(1600, "good.wav");
  const speech = (...bad: number[]): Speech => {
    const train = [good, ...bad.map((samples, n) => recording(samples, `${n}.wav`))];
    return { train, test: [good, ...train.slice(1)], symbols: ["a"], separator: "", join: false };
  };
  const first =
    "train: 0.wav: its frames of 10 ms must be 4 or more (what is said in it) and at most 128 (the context, 32), got 0";
  const refused = (all: Speech, words: string) =>
    assert.throws(
      () => taskOf("conformer", all, {}),
      (error: Error) => error.message === words,
    );
  refused({ ...speech(100), test: [good] }, first);
  refused(speech(100, 20000), `${first}. Nor do 1.wav, 0.wav, 1.wav fit, of 6 recordings`);
  const many = speech(...new Array(21).fill(100));
  const names = Array.from({ length: 19 }, (_, n) => `${n + 1}.wav`).join(", ");
  refused({ ...many, test: [good] }, `${first}. Nor do ${names}, 1 more fit, of 23 recordings`);
});

test.after(() => nn.dispose());
test.run();
