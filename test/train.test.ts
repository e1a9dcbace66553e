/** Training of each family on small data, and the loop. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readCifar10 } from "../src/data/cifar10.js";
import { AdamW, createSync, loadCheckpoint, type Nn, Random, type RandomState, warmupCosine } from "../src/nn/index.js";
import { maskedBatch } from "../src/train/bert.js";
import {
  COUNTS,
  type Data,
  FAMILIES,
  type FamilyName,
  makeTask,
  recipeOf,
  type Speech,
  Trainer,
} from "../src/train/index.js";
import { windowsOf } from "../src/train/text.js";
import { randomOf } from "../src/train/trainer.js";
import { distance, wordsOf } from "../src/train/word-error.js";
import { cifarBytes, TEXT, tone } from "./support/made-data.js";
import { throws } from "./support/throws.js";

const recording = (digit: number, seed: number) => ({ samples: tone(digit, seed), labels: [digit + 1] });
const speech: Speech = {
  train: [0, 1, 2].flatMap((digit) => [5, 6, 7].map((take) => recording(digit, 10 * digit + take))),
  test: [0, 1, 2].map((digit) => recording(digit, digit)),
  ...{ symbols: ["zero", "one", "two"], separator: " ", join: true },
};
const DATA: Record<FamilyName, Data> = {
  ...{ lm: TEXT, bert: TEXT },
  vit: { train: readCifar10(cifarBytes(30, 1)), test: readCifar10(cifarBytes(9, 2)) },
  conformer: speech,
};
const SIZES = { width: 16, heads: 2, layers: 1, context: 32, batch: 4, evaluations: 2, every: 15, seed: 5 };

function trainer(nn: Nn, family: FamilyName, variant: "laser" | "standard", steps = 30, dropout = 0): Trainer {
  const recipe = recipeOf(family, { ...SIZES, steps, lr: 1e-2, warmup: 5, variant, dropout });
  return new Trainer(nn, family, makeTask(nn, family, recipe, DATA[family]), recipe);
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length;

for (const family of FAMILIES) {
  test(`${family}: the training loss falls with both variants, and evaluations and samples are there`, () => {
    const nn = createSync({ threads: 1 });
    for (const variant of ["standard", "laser"] as const) {
      const run = trainer(nn, family, variant);
      while (!run.done) run.step();
      const { losses, norms, evaluations } = run.history;
      const [before, after] = [mean(losses.slice(0, 3)), mean(losses.slice(-3))];
      assert.ok(after < 0.9 * before, `${variant}: from ${before} to ${after}`);
      assert.equal(norms.length, 30);
      assert.equal(
        evaluations.map(({ step }) => step),
        [15, 30],
      );
      for (const { value } of evaluations) assert.ok(Number.isFinite(value) && value >= 0, `${value}`);
      assert.ok(run.task.sample().length > 10);
    }
    nn.dispose();
  });
}

for (const family of FAMILIES) {
  test(`${family}: a run that goes on from a checkpoint has the losses and bytes of one that never stopped`, () => {
    const nn = createSync({ threads: 1 });
    const whole = trainer(nn, family, "laser", 8, 0.1);
    while (!whole.done) whole.step();
    const first = trainer(nn, family, "laser", 8, 0.1);
    for (let n = 0; n < 3; n++) first.step();
    const other = createSync({ threads: 1 });
    const second = trainer(other, family, "laser", 8, 0.1);
    second.resume(loadCheckpoint(first.save()));
    assert.is(second.steps, 3);
    while (!second.done) second.step();
    assert.equal(second.history, whole.history);
    const without = trainer(nn, family, "laser", 8);
    assert.is.not(without.step().loss, whole.history.losses[0]);
    assert.equal(Buffer.from(second.save()).equals(Buffer.from(whole.save())), true);
    for (const one of [nn, other]) one.dispose();
  });
}

test("every step drops other elements, for a rate of 0 too", () => {
  const nn = createSync({ threads: 1 });
  const recipe = recipeOf("lm", {
    ...SIZES,
    steps: 4,
    lr: 0,
    warmup: 0,
    weightDecay: 0,
    variant: "laser",
    dropout: 0.5,
  });
  const task = makeTask(nn, "lm", recipe, TEXT);
  const fixed = task.batch(randomOf(recipe, 0)); // one batch and one model: only what is dropped differs
  const run = new Trainer(nn, "lm", { ...task, batch: () => fixed }, recipe);
  while (!run.done) run.step();
  assert.is(new Set(run.history.losses).size, 4, `${run.history.losses}`);
  nn.dispose();
});

test("the best evaluation is the last of the smallest: a rate may begin with a 1 again and again", () => {
  const nn = createSync({ threads: 1 });
  const run = trainer(nn, "lm", "laser");
  assert.is(run.best, undefined);
  for (const [step, value] of [3, 2, 2, 4].entries()) run.history.evaluations.push({ step, value });
  assert.equal(run.best, { step: 2, value: 2 });
  const recipe = recipeOf("lm", { ...SIZES, steps: 9, every: 1 });
  const same = new Trainer(nn, "lm", { ...makeTask(nn, "lm", recipe, TEXT), evaluate: () => 2 }, recipe);
  assert.equal([same.step().best, same.step().best], [true, true]);
  nn.dispose();
});

test("both variants see the same batches and begin with the same parameters", () => {
  const nn = createSync({ threads: 1 });
  const [one, two] = [trainer(nn, "lm", "standard"), trainer(nn, "lm", "laser")];
  const bytes = ({ task }: Trainer) => [...task.model.parameters.values()].map(({ tensor }) => [...tensor.data]);
  assert.equal(bytes(one), bytes(two));
  // A task draws its batches from a generator of the step alone.
  const drawn = ({ family, task, recipe }: Trainer) => {
    const seen: RandomState[] = [];
    const batch = (random: Random) => {
      seen.push(random.state);
      return task.batch(random);
    };
    const run = new Trainer(nn, family, { ...task, batch }, recipe);
    for (let n = 0; n < 3; n++) run.step();
    return seen;
  };
  assert.equal(drawn(one), drawn(two));
  nn.dispose();
});

test("a step is one of AdamW with all that the recipe says, on the batch of its seed and number", () => {
  const nn = createSync({ threads: 1 });
  const given = { steps: 6, lr: 0.1, warmup: 2, weightDecay: 0.5, clip: 0.01, dropout: 0.1 };
  const recipe = recipeOf("lm", { ...SIZES, ...given });
  const run = new Trainer(nn, "lm", makeTask(nn, "lm", recipe, TEXT), recipe);
  const task = makeTask(nn, "lm", recipe, TEXT);
  const optimizer = new AdamW(nn, task.model, { betas: [0.9, 0.98], weightDecay: 0.5, decays: () => true });
  const rate = warmupCosine({ peak: 0.1, warmup: 2, steps: 6 });
  for (let n = 0; n < 4; n++) {
    run.step();
    const random = new Random(5 * 2 ** 24 + n);
    const batch = task.batch(random);
    nn.step(() => batch.loss({ dropout: 0.1, seed: random.bits() }));
    optimizer.step({ lr: rate(n), clip: 0.01 });
    assert.equal(run.task.model.stateDict(), task.model.stateDict(), `${n}`);
  }
  nn.dispose();
});

test("the seed of a recipe is that of the first parameters, of every family", () => {
  const nn = createSync({ threads: 1 });
  for (const family of FAMILIES) {
    const [one, two] = [5, 6].map((seed) => makeTask(nn, family, recipeOf(family, { ...SIZES, seed }), DATA[family]));
    assert.not.equal(one!.model.stateDict().get("head.weight"), two!.model.stateDict().get("head.weight"), family);
  }
  nn.dispose();
});

test("an evaluation is of what is held out, and of as many batches as the recipe says", () => {
  const nn = createSync({ threads: 1 });
  const images = (...labels: number[]) =>
    ({ count: labels.length, labels: Uint8Array.from(labels), pixels: new Uint8Array(3072 * labels.length) }) as const;
  const text = `${"a".repeat(900)}${"b".repeat(65)}${"a".repeat(35)}`; // two windows of b are held out
  const only: Record<FamilyName, Data> = {
    ...{ lm: text, bert: text, vit: { train: images(0, 0), test: images(1, 1, 0, 0) } },
    conformer: { ...speech, train: [recording(1, 5)], test: [recording(0, 0)], join: false },
  };
  for (const family of FAMILIES) {
    const task = makeTask(nn, family, recipeOf(family, { ...SIZES, batch: 2, evaluations: 1 }), only[family]);
    for (const { tensor } of task.model.parameters.values()) tensor.data.fill(0);
    const { data } = task.model.parameters.get("head.bias")!.tensor;
    data[1] = 100; // what is held out is label 1
    assert.ok(task.evaluate() < 1e-6, `${family}: ${task.evaluate()}`);
    data[0] = 200;
    assert.ok(task.evaluate() >= 1, `${family}: ${task.evaluate()}`);
  }
  nn.dispose();
});

test("images and features are changed for training; recordings are put together only where they may be", () => {
  const nn = createSync({ threads: 1 });
  const image = readCifar10(cifarBytes(1, 1));
  for (const [family, data] of [
    ["vit", { train: image, test: image }],
    ["conformer", { ...speech, train: [recording(0, 5)], join: false }],
  ] as [FamilyName, Data][]) {
    const task = makeTask(nn, family, recipeOf(family, SIZES), data);
    const batches = [1, 2, 3].map((seed) => task.batch(new Random(seed)));
    const losses = batches.map((batch) => nn.evaluate(() => batch.loss({}).item));
    assert.is(new Set(losses).size, 3, `${family}: ${losses}`);
    assert.is(new Set(batches.map(({ tokens }) => tokens)).size, 1, family);
  }
  nn.dispose();
});

test("15 % of the tokens are hidden, one at least, and these alone have targets", () => {
  const ids = Int32Array.from({ length: 5000 }, (_, n) => n % 7);
  const recipe = recipeOf("bert", { batch: 40, context: 100 });
  const { inputs, targets, count } = maskedBatch(ids, recipe, 7, new Random(1));
  assert.ok(Math.abs(count / 4000 - 0.15) < 0.0226, `${count}`); // four standard deviations
  assert.is(inputs.filter((id, n) => id === 7 && targets[n]! >= 0).length, count);
  assert.is(inputs.filter((id, n) => id < 7 && targets[n] === -1).length, 4000 - count);
  for (let seed = 0; seed < 9; seed++) {
    assert.is(maskedBatch(ids, { ...recipe, batch: 1, context: 2 }, 7, new Random(seed)).count > 0, true);
  }
});

test("held-out windows lie side by side; the last batch has what is left", () => {
  const ids = Int32Array.from({ length: 13 }, (_, n) => n);
  const range = (from: number, to: number) => ids.subarray(from, to);
  const one = { inputs: range(0, 8), targets: range(1, 9) };
  assert.equal(windowsOf(ids, 2, 4, 9), [one, { inputs: range(8, 12), targets: range(9, 13) }]);
  assert.equal(windowsOf(range(0, 12), 2, 4, 9), [one]); // the last token has no target
  assert.equal(windowsOf(ids, 2, 4, 1), [one]);
});

test("a seed or a number of steps whose batches would not be its own is refused before a model is made", () => {
  const nn = createSync({ threads: 1 });
  const { used } = nn.la.memory;
  const make = (given: object) => () => makeTask(nn, "lm", recipeOf("lm", { ...SIZES, ...given }), TEXT);
  throws(make({ seed: 2 ** 29 }), RangeError, "train: seed must be an integer from 0 to 536870911, got 536870912");
  throws(make({ steps: 2 ** 24 + 1 }), RangeError, "train: steps must be an integer from 1 to 16777216, got 16777217");
  assert.is(nn.la.memory.used, used);
  const [, STEPS] = COUNTS.steps;
  const recipe = recipeOf("lm", { seed: COUNTS.seed[1], steps: STEPS });
  const states = [STEPS - 2, STEPS - 1].map((step) => randomOf(recipe, step).state);
  assert.not.equal(states[0], states[1]);
  nn.dispose();
});

test("a recipe or a history of a file that can't be is refused by the name of what is wrong", () => {
  const nn = createSync({ threads: 1 });
  const wrong: [object, typeof TypeError | typeof RangeError, string][] = [
    [{ every: 0 }, RangeError, "train: every must be an integer of 1 or more, got 0"],
    [{ batch: "2" }, TypeError, 'train: batch must be a number, got "2"'],
    [{ warmup: -1 }, RangeError, "train: warmup must be an integer of 0 or more, got -1"],
    [{ lr: undefined }, TypeError, "train: lr must be a number, got undefined"],
    [{ weightDecay: -0.1 }, RangeError, "train: weightDecay must be a finite number of 0 or more, got -0.1"],
    [{ clip: 0 }, RangeError, "train: clip must be above 0, got 0"],
    [{ steps: 5, warmup: 6 }, RangeError, "train: warmup must be an integer from 0 to 5, got 6"],
    [{ dropout: 1 }, RangeError, "train: dropout must be a finite number from 0 to 0.99, got 1"],
    [{ variant: "other" }, TypeError, 'train: variant must be "standard" or "laser", got "other"'],
  ];
  for (const [given, Wrong, words] of wrong) {
    throws(() => makeTask(nn, "lm", { ...recipeOf("lm", SIZES), ...given }, TEXT), Wrong, words);
  }
  const run = trainer(nn, "lm", "laser", 8);
  for (let n = 0; n < 2; n++) run.step();
  const checkpoint = loadCheckpoint(run.save());
  const before = run.task.model.stateDict();
  const { losses, norms, evaluations } = run.history;
  for (const history of [
    null,
    {},
    { losses, norms },
    { losses, norms: [1], evaluations },
    { losses: [1, 2, 3], norms: [1, 2, 3], evaluations },
    { losses: ["1", "2"], norms, evaluations },
    { losses, norms, evaluations: [null] },
    { losses, norms, evaluations: [{ step: "1", value: 1 }] },
  ]) {
    const extra = { ...checkpoint.extra, run: { history } };
    const reason = "resume: the history must have a loss and a norm for each of 2 steps";
    throws(() => run.resume({ ...checkpoint, extra }), RangeError, reason);
  }
  for (const steps of [[1e308], [0], [1.5], [3], [1, 2, 1], [1, 1]]) {
    const evaluations = steps.map((step) => ({ step, value: 1 }));
    const extra = { ...checkpoint.extra, run: { history: { losses, norms, evaluations } } };
    const range = "integers from 1 to 2, each above the one before";
    const reason = `resume: the steps of the history's evaluations must be ${range}, got ${steps.at(-1)}`;
    throws(() => run.resume({ ...checkpoint, extra }), RangeError, reason);
  }
  const alone = { ...checkpoint, optimizer: undefined, extra: {} };
  throws(
    () => run.resume(alone),
    RangeError,
    "resume: the checkpoint must hold a run to go on with, got a model alone",
  );
  throws(() => run.resume({ ...checkpoint, extra: {} }), RangeError, "resume: the history must have");
  assert.equal(run.task.model.stateDict(), before);
  assert.is(run.steps, 2);
  nn.dispose();
});

test("a run with more evaluations than a call takes arguments goes on", () => {
  const nn = createSync({ threads: 1 });
  const run = trainer(nn, "lm", "laser", 8);
  for (let n = 0; n < 200_000; n++) run.history.evaluations.push({ step: 1, value: 0.5 });
  run.history.losses.push(0, 0, 0, 0, 0, 0, 0);
  assert.is(run.step().best, false);
  nn.dispose();
});

test("a recording that is too long for the context, or too short for its labels, is refused by its name before the first step", () => {
  const nn = createSync({ threads: 1 });
  const of = (samples: number, labels: number[], join: boolean, set: "train" | "test") => {
    const one = { samples: new Float32Array(samples), labels, file: "a.wav" };
    const good = recording(0, 0);
    const all = { ...speech, train: [good], test: [good], join };
    return () => makeTask(nn, "conformer", recipeOf("conformer", SIZES), { ...all, [set]: [good, one] });
  };
  for (const set of ["train", "test"] as const) {
    const words = "its frames of 10 ms must be";
    throws(
      of(10480, [1], false, set),
      RangeError,
      `a.wav: ${words} 4 or more`,
      "at most 128 (the context, 32), got 129",
    );
    throws(of(100, [1], false, set), RangeError, `train: a.wav: ${words} 4 or more`, "got 0");
    throws(of(1000, [1, 1, 2], false, set), RangeError, `a.wav: ${words} 16 or more (what is said in it)`, "got 11");
    throws(of(759, [1], true, set), RangeError, `a.wav: ${words} 8 or more`, "got 7");
    for (const call of [of(10360, [1], false, set), of(1400, [1, 1, 2], false, set), of(760, [1], true, set)]) call();
  }
  nn.dispose();
});

test("a loss that is not a number names its step and a parameter, and changes none", () => {
  const nn = createSync({ threads: 1 });
  const run = trainer(nn, "lm", "laser");
  run.step();
  const weight = run.task.model.parameters.get("head.weight")!;
  weight.tensor.data[0] = Number.NaN;
  const before = [...run.task.model.parameters.get("lnf.weight")!.tensor.data];
  assert.throws(() => run.step(), /^step 2: .*head\.weight/);
  assert.is(run.steps, 1);
  assert.equal([...run.task.model.parameters.get("lnf.weight")!.tensor.data], before);
  nn.dispose();
});

test("word errors are insertions, omissions and replacements, as few as do", () => {
  const cases = [
    ["", "", 0],
    ["one two", "one two", 0],
    ["one two three", "one three", 1],
    ["one three", "one two three", 1],
    ["one", "two three", 2],
    [" one  two ", "one two", 0], // more spaces are no more words
    ["", " ", 0],
  ] as const;
  for (const [said, heard, count] of cases)
    assert.is(distance(wordsOf(said), wordsOf(heard)), count, `${said}: ${heard}`);
});

test.run();
