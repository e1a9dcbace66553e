/** The optimiser and its model as owners of memory, per-parameter counts, states. The kernel: nn-adamw.test.ts. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { gpt } from "../src/models/index.js";
import {
  AdamW,
  type AdamWOptions,
  AttentionCache,
  checkFinite,
  createSync,
  loss,
  Module,
  type Parameter,
  readSafetensors,
  writeSafetensors,
} from "../src/nn/index.js";
import { Pair, pull } from "./support/pair.js";
import { throws } from "./support/throws.js";

const config = { vocabulary: 9, context: 8, width: 16, heads: 2, layers: 1, variant: "laser" as const };
const [ids, targets] = [[[1, 2, 3, 4, 5, 6, 7, 8]], [[2, 3, 4, 5, 6, 7, 8, 0]]];

test("a model and an optimiser that a scope made and returned train as those made outside, in memory of their own", () => {
  const run = (scoped: boolean): { losses: number[]; others: Float32Array } => {
    const nn = createSync({ threads: 1 });
    const make = () => {
      const model = gpt(nn, config);
      return { model, optimizer: new AdamW(nn, model, { lr: 1e-2 }) };
    };
    const { model, optimizer } = scoped ? nn.la.scope(make) : make();
    const other = nn.la.zeros([4096]);
    const losses = Array.from({ length: 4 }, () => {
      const value = nn.step(() => model.loss(ids, targets));
      optimizer.step();
      return value;
    });
    const others = other.toArray();
    nn.dispose();
    return { losses, others };
  };
  const scoped = run(true);
  assert.equal(scoped, run(false));
  assert.equal(scoped.others, new Float32Array(4096));
});

test("an optimiser whose parameters have ended names the first of them and writes nothing", () => {
  const nn = createSync({ threads: 1 });
  // Only the optimiser leaves the scope: the model's parameters end with it.
  const alone = nn.la.scope(() => new AdamW(nn, new Pair(nn)));
  const other = nn.la.zeros([64]);
  const state = { steps: 0, moments: new Map() };
  const calls: Record<string, () => unknown> = {
    step: () => alone.step(),
    gradientNorm: () => alone.gradientNorm(),
    stateDict: () => alone.stateDict(),
    loadStateDict: () => alone.loadStateDict(state),
  };
  for (const [name, call] of Object.entries(calls)) throws(call, TypeError, `AdamW.${name}: a is disposed`);
  const model = new Pair(nn);
  const optimizer = new AdamW(nn, model);
  pull(nn, model.b);
  model.b.grad.dispose();
  throws(() => optimizer.step(), TypeError, "AdamW.step: b is disposed");
  assert.equal(other.toArray(), new Float32Array(64));
  nn.dispose();
});

test("steps count for each parameter, as in torch.optim.AdamW: the first of one that joins late moves it by lr", () => {
  const nn = createSync({ threads: 1 });
  const model = new Pair(nn);
  const optimizer = new AdamW(nn, model, { lr: 0.1 });
  throws(
    () => optimizer.step(),
    TypeError,
    "AdamW.step: a parameter that is not frozen must have a gradient, of a loss made inside of nn.step, which no optimiser has used",
  );
  assert.is(optimizer.steps, 0);
  for (let n = 0; n < 100; n++) {
    pull(nn, model.a);
    optimizer.step();
  }
  const before = optimizer.stateDict();
  assert.equal([before.steps, [...before.moments.get("steps.b")!.data]], [100, [0]]);
  pull(nn, model.b);
  optimizer.step();
  assert.ok(Math.abs(model.b.tensor.data[0]! + 0.1) < 1e-6, `${model.b.tensor.data[0]}`);
  assert.is(optimizer.steps, 101);
  nn.dispose();
});

test("counts of parameters that joined late survive a state, and one without them has the same count for all", () => {
  const nn = createSync({ threads: 1 });
  const [one, two] = [new Pair(nn), new Pair(nn)];
  const [first, second] = [new AdamW(nn, one, { lr: 0.1 }), new AdamW(nn, two, { lr: 0.1 })];
  for (let n = 0; n < 9; n++) {
    pull(nn, one.a);
    if (n >= 6) pull(nn, one.b, 0.5);
    first.step();
  }
  const state = first.stateDict();
  assert.equal([...state.moments.keys()], ["m.a", "v.a", "m.b", "v.b", "steps.b"]);
  two.loadStateDict(one.stateDict());
  second.loadStateDict({ ...state, moments: readSafetensors(writeSafetensors(state.moments)).tensors });
  for (const [model, optimizer] of [
    [one, first],
    [two, second],
  ] as const) {
    pull(nn, model.a, 2);
    pull(nn, model.b, -1);
    optimizer.step();
  }
  assert.equal([...two.stateDict()], [...one.stateDict()]);
  assert.equal([...second.stateDict().moments], [...first.stateDict().moments]);
  const old = new Map(state.moments);
  old.delete("steps.b");
  second.loadStateDict({ steps: 9, moments: old });
  assert.equal([...second.stateDict().moments.keys()], ["m.a", "v.a", "m.b", "v.b"]);
  old.set("steps.b", { shape: [1], data: Float32Array.of(0.5) });
  throws(() => second.loadStateDict({ steps: 9, moments: old }), RangeError, "AdamW.loadStateDict: steps.b must be");
  assert.is(second.stateDict().moments.has("steps.b"), false, "and nothing is changed");
  nn.dispose();
});

test("what changes parameters is refused inside of a step, and so is a loss from outside of it", () => {
  const nn = createSync({ threads: 1 });
  const model = new Pair(nn);
  const optimizer = new AdamW(nn, model);
  const inside: Record<string, () => unknown> = {
    "AdamW.step": () => optimizer.step(),
    "AdamW.loadStateDict": () => optimizer.loadStateDict(optimizer.stateDict()),
    loadStateDict: () => model.loadStateDict(model.stateDict()),
  };
  for (const [name, call] of Object.entries(inside)) {
    const forward = () => {
      call();
      return loss(nn, model.a, () => 0);
    };
    throws(() => nn.step(forward), TypeError, `${name}: must be called outside of a step`);
  }
  const made = loss(nn, model.a, () => 0);
  throws(() => nn.step(() => made), TypeError, "step: the loss must be made inside of the step");
  assert.is(pull(nn, model.a), 0);
  nn.dispose();
});

test("rates, scales and clips out of range are RangeErrors, other kinds and names TypeErrors, and change nothing", () => {
  const nn = createSync({ threads: 1 });
  const model = new Pair(nn);
  const optimizer = new AdamW(nn, model, { lr: undefined, betas: undefined, eps: undefined, decays: undefined });
  pull(nn, model.a);
  const { used } = nn.la.memory;
  throws(() => optimizer.step({ lr: 1e300 }), RangeError, "AdamW.step: lr must be a finite float32, got 1e+300");
  throws(() => optimizer.step({ clip: "1" as never }), TypeError, 'AdamW.step: clip must be a number above 0, got "1"');
  throws(() => optimizer.step({ clip: 0 }), RangeError, "AdamW.step: clip must be a number above 0, got 0");
  throws(() => optimizer.step({ lr: "1" as never }), TypeError, 'AdamW.step: lr must be a number, got "1"');
  throws(() => optimizer.step({ rate: 1 } as never), TypeError, 'options must be among lr, clip, got "rate"');
  for (const scale of [Number.NaN, Number.POSITIVE_INFINITY, 1e39]) {
    throws(() => pull(nn, model.a, scale), RangeError, "step: scale must be a finite float32");
  }
  const betas: [unknown, typeof TypeError | typeof RangeError][] = [
    [0.9, TypeError],
    [["0.9", "0.99"], TypeError],
    [[0.9], TypeError],
    [[0.9, 1], RangeError],
    [[Number.NaN, 0.9], RangeError],
  ];
  for (const [given, type] of betas) {
    throws(() => new AdamW(nn, model, { betas: given as never }), type, "betas must be two numbers from 0 to below 1");
  }
  throws(
    () => optimizer.loadStateDict(undefined as never),
    TypeError,
    "AdamW.loadStateDict: the state must be an object with steps and moments, got undefined",
  );
  assert.equal([optimizer.steps, nn.la.memory.used], [0, used]);
  nn.dispose();
});

test("checkFinite blames no parameter that had no part in the step, whatever gradient an older one left it", () => {
  const nn = createSync({ threads: 1 });
  const model = new Pair(nn);
  const optimizer = new AdamW(nn, model);
  const step = (parameter: Parameter, gradient: number) => {
    const value = pull(nn, parameter);
    parameter.grad.data.fill(gradient);
    return { step: 3, loss: value, norm: optimizer.step() };
  };
  const [first, blame] = [step(model.b, Number.NaN), "the first gradient that is not finite is that of"];
  throws(() => checkFinite(model, first), RangeError, `${blame} b: NaN at 0 of [3] (1 of 2 are not)`);
  const second = step(model.a, Number.POSITIVE_INFINITY);
  throws(() => checkFinite(model, second), RangeError, `${blame} a: Infinity at 0 of [3] (1 of 2 are not)`);
  step(model.b, Number.NaN);
  const third = { ...step(model.a, 1), loss: Number.NaN };
  throws(() => checkFinite(model, third), RangeError, "all parameters and all gradients are finite");
  // Where no gradient is finite the last parameter is blamed, so the largest is named too.
  model.a.tensor.data[1] = -3;
  for (const { grad } of [model.a, model.b]) grad.data.fill(Number.NaN);
  const all = { step: 3, loss: Number.NaN, norm: Number.NaN };
  throws(() => checkFinite(model, all), RangeError, "(2 of 2 are not); the largest parameter is a, up to 3");
  nn.dispose();
});

test("parameters have a weight decay and a factor of the learning rate of their own, where they are given", () => {
  const nn = createSync({ threads: 1 });
  /** Both parameters after a step from ones: Adam's first step is lr long, whatever the gradient. */
  const step = (options: AdamWOptions) => {
    const model = new Pair(nn);
    for (const parameter of [model.a, model.b]) parameter.tensor.data.fill(1);
    pull(nn, model.a);
    pull(nn, model.b);
    new AdamW(nn, model, { lr: 0.125, weightDecay: 0.5, eps: 0, ...options }).step();
    return [model.a, model.b].map(({ tensor }) => tensor.data[0]);
  };
  assert.equal(step({}), [0.875, 0.875]);
  assert.equal(step({ decays: (name) => name === "a" }), [0.8125, 0.875]);
  assert.equal(step({ decays: (name) => (name === "a" ? 2 : 0) }), [0.625, 0.875]);
  assert.equal(step({ lrScale: (name) => (name === "a" ? 2 : 0) }), [0.75, 1]);
  assert.equal(step({ lrScale: () => 0.5, decays: () => true }), [0.90625, 0.90625]);
  // What stays as it is has no means, and no part in the norm.
  const model = new Pair(nn);
  const optimizer = new AdamW(nn, model, { lrScale: (name) => (name === "a" ? 0 : 1) });
  for (const parameter of [model.a, model.b]) pull(nn, parameter);
  assert.is(optimizer.step(), Math.sqrt(3));
  assert.equal([...optimizer.stateDict().moments.keys()], ["m.b", "v.b"]);
  pull(nn, model.a, 5);
  assert.equal(model.a.grad.toArray(), new Float32Array(3).fill(5)); // and does not go on adding up
  const wrong = (options: object, Wrong: typeof RangeError | typeof TypeError, text: string) =>
    throws(() => step(options), Wrong, `AdamW: ${text}`);
  wrong({ lrScale: () => -1 }, RangeError, "lrScale of a must be 0 or more, got -1");
  wrong({ lrScale: () => "1" }, TypeError, 'lrScale of a must be a number, got "1"');
  wrong({ decays: () => undefined }, TypeError, "decays of a must be a number, got undefined");
  const far = { lr: 1e30, lrScale: () => 1e30 };
  throws(
    () => step(far),
    RangeError,
    "AdamW.step: lr times lrScale of a must be a finite float32, got 1.0000000000000001e+60",
  );
  wrong({ lrScale: 2 }, TypeError, "lrScale must be a function, got 2");
  wrong(
    { lrScale: () => 0 },
    RangeError,
    "model must have a parameter that requiresGrad, with an lrScale above 0, got none",
  );
  wrong({ decays: () => Number.NaN }, RangeError, "decays of a must be a finite float32, got NaN");
  nn.dispose();
});

test("moments that no optimiser has are refused, and change nothing", () => {
  const nn = createSync({ threads: 1 });
  const optimizer = new AdamW(nn, new Pair(nn));
  for (const [name, value] of [
    ["v.b", -1],
    ["v.b", Number.POSITIVE_INFINITY],
    ["m.a", Number.NaN],
  ] as const) {
    const { moments } = optimizer.stateDict();
    const data = Float32Array.of(0, value, 0);
    const changed = new Map([...moments, [name, { shape: [3], data }]]);
    const text = `${name} must be finite, a mean of squares not below 0, got ${value}`;
    throws(() => optimizer.loadStateDict({ steps: 3, moments: changed }), RangeError, text);
    assert.is(optimizer.steps, 0);
  }
  nn.dispose();
});

test("zeroGrad forgets gradients: they are 0, and the next step does not add to them", () => {
  const nn = createSync({ threads: 1 });
  const model = new Pair(nn);
  pull(nn, model.a, 5);
  model.zeroGrad();
  assert.equal(model.a.grad.toArray(), new Float32Array(3));
  assert.is(new AdamW(nn, model).gradientNorm(), 0);
  pull(nn, model.a, 2);
  assert.equal(model.a.grad.toArray(), new Float32Array(3).fill(2));
  nn.dispose();
});

test("a disposed model and a disposed optimiser give all their memory back, and any other use is refused", () => {
  const nn = createSync({ threads: 1 });
  const { used } = nn.la.memory;
  const model = gpt(nn, config).pack();
  const optimizer = new AdamW(nn, model);
  optimizer.dispose();
  optimizer.dispose();
  throws(() => optimizer.step(), TypeError, "AdamW.step: the mean of tok.weight is disposed");
  assert.is(
    nn.evaluate(() => model.logits(ids).toArray().length),
    8 * 9,
  );
  const plan = nn.la.memory.used - used;
  model.dispose();
  model.dispose();
  throws(() => nn.evaluate(() => model.logits(ids)), TypeError, "embedding: table is disposed");
  throws(() => model.stateDict(), TypeError, "is disposed");
  throws(() => model.zeroGrad(), TypeError, "is disposed");
  assert.ok(nn.la.memory.used - used < plan);
  // What is left is the area of evaluate, which it gave back when it failed.
  assert.is(nn.la.memory.used, used);
  nn.dispose();
});

test("instances, caches and modules have Symbol.dispose, a subclass its own, where the engine has it", () => {
  const nn = createSync({ threads: 1 });
  const cache = new AttentionCache(nn, 1, 4, 8);
  if (Symbol.dispose === undefined) return nn.dispose();
  const { used } = nn.la.memory;
  cache[Symbol.dispose]();
  assert.is(nn.la.memory.used, used - 2 * 4 * 8 * 4);
  let ended = 0;
  class Counting extends Module {
    override dispose(): void {
      ended++;
    }
  }
  new Counting()[Symbol.dispose]();
  assert.is(ended, 1);
  nn[Symbol.dispose]();
  throws(() => nn.la.memory, TypeError, "this instance is disposed");
});

test.run();
