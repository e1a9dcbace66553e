/** Options, arrays and entries whose getters do things: each is read once, so that what was checked is what runs. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  AdamW,
  AttentionCache,
  attention,
  cachedAttention,
  createSync,
  crossEntropy,
  ctcLoss,
  dropout,
  embedding,
  Linear,
  linear,
  Random,
  SelfAttention,
  selfAttention,
  takeRows,
  type Value,
  writeSafetensors,
} from "../src/nn/index.js";
import { throws } from "./support/throws.js";

const nn = createSync({ threads: 1 });
const { la } = nn;
const random = new Random(5);
const q = la.tensor(random.normals(64), [1, 1, 8, 8]);

/** The same properties behind getters, and how often each was read; what `then` does comes with the second time. */
function watch<T extends object>(values: T, then = () => {}): [watched: T, reads: Record<string, number>] {
  const reads: Record<string, number> = {};
  const watched = (Array.isArray(values) ? [] : {}) as T;
  for (const [name, value] of Object.entries(values)) {
    reads[name] = 0;
    Object.defineProperty(watched, name, {
      enumerable: true,
      get() {
        if (++reads[name]! === 2) then();
        return value;
      },
    });
  }
  return [watched, reads];
}

/** Values that `call` may read once each. */
function readOnce<T extends object>(label: string, values: T, call: (watched: T) => unknown): void {
  const [watched, reads] = watch(values);
  call(watched);
  for (const [name, times] of Object.entries(reads)) assert.is(times, 1, `${label}: ${name}`);
}

test("attention reads both sides of a window once, forward and backward", () => {
  const saved = la.attentionForward(q, q, q, { variant: "laser" });
  for (const window of [
    [2, 1],
    [0, 3],
  ] as const) {
    readOnce("attention", window, (given) => la.attention(q, q, q, { variant: "laser", window: given }));
    readOnce("attentionForward", window, (given) => {
      const { options } = la.attentionForward(q, q, q, { variant: "laser", window: given });
      assert.equal(options.window, window);
    });
    readOnce("attentionBackward", window, (given) => {
      la.attentionBackward(q, { ...saved, options: { variant: "laser", window: given } });
    });
  }
});

test("attentionBackward reads needs, into and what was saved once: a target that is disposed later is not written to", () => {
  const saved = la.attentionForward(q, q, q, { variant: "standard", bias: la.zeros([1, 1, 8, 8]) });
  const make = () => ({ dq: la.zeros([1, 1, 8, 8]), dk: la.zeros([1, 1, 8, 8]) });
  readOnce("into", { ...make(), dv: undefined, dbias: undefined }, (into) => la.attentionBackward(q, saved, { into }));
  readOnce("needs", { dq: true, dk: false, dv: undefined, dbias: true }, (needs) => {
    la.attentionBackward(q, saved, { needs });
  });
  readOnce("saved", { ...saved }, (given) => la.attentionBackward(q, given));
  readOnce("options", { into: make(), needs: {} }, (given) => la.attentionBackward(q, saved, given));
  const into = make();
  const other: { data?: Float32Array } = {};
  const [needs] = watch({ dv: undefined }, () => {
    into.dq.dispose();
    other.data = la.zeros([1, 1, 8, 8]).data.fill(7);
  });
  la.attentionBackward(q, saved, { needs, into });
  assert.ok(other.data === undefined || other.data.every((x) => x === 7));
});

/** Numbers of which the last one disposes a value when it is read; in its place comes another. */
const disposing = (of: Value, ...numbers: number[]): number[] =>
  Object.defineProperty([...numbers], numbers.length - 1, {
    get() {
      of.tensor.dispose();
      la.zeros(of.shape).data.fill(7);
      return numbers.at(-1)!;
    },
  });
const value = () => nn.input(random.normals(2 * 5 * 4), [2, 5, 4]);
const weight = () => nn.parameter(random.normals(16), [4, 4]);

test("ids, targets, frames, seeds and parts whose getter disposes what they are of are refused by name", () => {
  const ten = new Array(10).fill(1);
  const layer = new SelfAttention(nn, random, 4, 2);
  const calls: Record<string, (x: Value) => unknown> = {
    "takeRows: x": (x) => takeRows(nn, x, disposing(x, 1, 0)),
    "crossEntropy: logits": (x) => crossEntropy(nn, x, disposing(x, ...ten)),
    "ctcLoss: logits": (x) => ctcLoss(nn, x, [[1], disposing(x, 2, 3)], [5, 5]),
    "dropout: x": (x) => dropout(nn, x, 0.5, disposing(x, 1, 2)),
    "linear: x": (x) => linear(nn, x, weight(), undefined, { part: disposing(x, 0, 2) as unknown as [number, number] }),
    "selfAttention: x": (x) => layer.forward(x, { variant: "laser" }, { rows: disposing(x, 0, 1) }),
  };
  for (const [name, call] of Object.entries(calls)) throws(() => call(value()), TypeError, `${name} is disposed`);
  const [one, two] = [weight(), weight()];
  throws(() => embedding(nn, disposing(one, 1, 0), [2], one), TypeError, "embedding: table is disposed");
  throws(() => embedding(nn, [1, 0], disposing(two, 1, 2), two), TypeError, "embedding: table is disposed");
});

test("ctcLoss takes as many targets as there are entries, whatever an iterator gives", () => {
  const x = value();
  const fewer = Object.assign([[1, 2], [3]], { *[Symbol.iterator]() {} });
  assert.is(ctcLoss(nn, x, fewer, [5, 5]).item, ctcLoss(nn, x, [[1, 2], [3]], [5, 5]).item);
});

test("options of attention between values are read once, so that only rows that can be apart are computed apart", () => {
  const [x, qkv] = [value(), nn.input(random.normals(2 * 5 * 12), [2, 5, 12])];
  const layer = new SelfAttention(nn, random, 4, 2);
  const options = { variant: "laser", causal: true, scale: 0.5, alibi: false, window: undefined } as const;
  readOnce("attention", { ...options, bias: la.zeros([1, 1, 5, 5]) }, (given) => attention(nn, x, x, x, 2, given));
  readOnce("selfAttention", options, (given) => selfAttention(nn, qkv, 2, given));
  readOnce("SelfAttention", options, (given) => layer.forward(x, given, { rows: [0, 7] }));
  readOnce("rows", { rows: [0, 7] }, (given) => layer.forward(x, options, given));
  const cache = new AttentionCache(nn, 2, 5, 4);
  readOnce("cachedAttention", options, (given) => nn.evaluate(() => cachedAttention(nn, qkv, 2, cache, given)));
  cache.dispose();
});

test("AdamW reads its options once, both betas too: those that were checked are those of every step", () => {
  const model = new Linear(nn, random, 4, 4);
  const step = () => nn.step(() => crossEntropy(nn, model.forward(value()), new Array(10).fill(1)));
  const options = { lr: 1e-3, betas: [0.9, 0.95] as const, eps: 1e-8, weightDecay: 0.1, decays: () => true };
  readOnce("AdamW", { ...options, lrScale: () => 1 }, (given) => new AdamW(nn, model, given));
  readOnce("betas", options.betas, (betas) => {
    const optimizer = new AdamW(nn, model, { betas });
    step();
    readOnce("step", { lr: 1e-3, clip: 1 }, (given) => optimizer.step(given));
  });
});

test("what is loaded or written is what was looked at", () => {
  const model = new Linear(nn, random, 4, 4);
  const before = model.stateDict();
  for (const [name, values] of before) {
    readOnce("loadStateDict", values, (given) => model.loadStateDict(new Map([...before, [name, given]])));
    readOnce("shape", values.shape, (shape) => writeSafetensors(new Map([[name, { ...values, shape }]])));
    readOnce("tensor", { ...values, dtype: "BF16" as const }, (given) => writeSafetensors(new Map([[name, given]])));
  }
  readOnce("metadata", { a: "1" }, (metadata) => writeSafetensors(new Map(), { metadata }));
  // The second entry disposes the first one's tensor: neither is changed.
  const data = new Float32Array(4);
  const late = Object.defineProperty({ shape: [4], data }, "data", {
    get() {
      model.weight.tensor.dispose();
      return data;
    },
  });
  const bias = model.bias.tensor.toArray();
  const state = new Map([...before, ["bias", late]]);
  throws(() => model.loadStateDict(state), TypeError, "loadStateDict: weight is disposed");
  assert.equal(model.bias.tensor.toArray(), bias);
});

test.run();
