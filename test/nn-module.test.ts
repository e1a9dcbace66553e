/** Modules: their parameters by name, copied out and in. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { gpt, restore } from "../src/models/index.js";
import {
  AdamW,
  AttentionCache,
  createSync,
  crossEntropy,
  Depthwise,
  LayerNorm,
  Linear,
  loadCheckpoint,
  Module,
  Random,
  readSafetensors,
  SelfAttention,
  saveCheckpoint,
} from "../src/nn/index.js";
import { throws } from "./support/throws.js";

const config = { vocabulary: 11, context: 12, width: 16, heads: 2, layers: 2, variant: "laser" as const, seed: 3 };

test("a state dict carries a model over; what is missing, left over or of another shape is listed at once", () => {
  const nn = createSync({ threads: 1 });
  const [a, b] = [gpt(nn, config), gpt(nn, { ...config, seed: 4 })];
  b.loadStateDict(a.stateDict());
  assert.equal(b.stateDict(), a.stateDict());
  assert.is(
    a.parameterCount,
    [...a.parameters.values()].reduce((sum, { tensor }) => sum + tensor.data.length, 0),
  );
  assert.ok(a.parameters.has("blocks.1.attn.qkv.weight"));
  const state = a.stateDict();
  state.delete("tok.weight");
  state.set("head.bias", { shape: [12], data: new Float32Array(12) });
  state.set("blocks.0.ln1.bias", null as never);
  state.set("extra", { shape: [1], data: new Float32Array(1) });
  state.set("n".repeat(5e6), { shape: [1], data: new Float32Array(1) });
  throws(
    () => b.loadStateDict(state),
    RangeError,
    "tok.weight is missing; blocks.0.ln1.bias must be an object with shape and data, got null",
    '; head.bias must have shape [11], got [12]; "extra" is not in this model',
    `; "${"n".repeat(200)}..."`,
  );
  assert.equal(b.stateDict(), a.stateDict());
  const other = gpt(nn, { ...config, seed: 99 });
  b.head.dispose();
  throws(() => b.loadStateDict(other.stateDict()), TypeError, "loadStateDict: head.weight is disposed");
  assert.equal(b.tok.weight.tensor.toArray(), a.tok.weight.tensor.toArray(), "all or none");
  nn.dispose();
});

function messageOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return (error as Error).message;
  }
  return "";
}

test("of a file with any number of tensors and any names, 200 things that do not fit are told, each on one line", () => {
  const nn = createSync({ threads: 1 });
  const model = new Linear(nn, new Random(1), 2, 2);
  const names = [
    "a\nloadStateDict: fine",
    "\u001b[31mred",
    "\u009b31m",
    "\u202egnp.exe",
    "\u2066x\u2069",
    "\u200fy",
    "\u2028z",
    "\u007f",
  ];
  const values = { shape: [1], data: new Float32Array(1) };
  const state = new Map([...model.stateDict(), ...names.map((name) => [name, values] as const)]);
  throws(
    () => model.loadStateDict(state),
    RangeError,
    String.raw`"a\nloadStateDict: fine" is not in this model; "\u001b[31mred" is not in this model; "\u009b31m" is not`,
    String.raw`"\u202egnp.exe" is not in this model; "\u2066x\u2069" is not in this model; "\u200fy" is not in this model; "\u2028z"`,
    String.raw`"\u007f" is not in this model`,
  );
  for (let n = 0; n < 1000; n++) state.set("x".repeat(290) + n, values);
  const message = messageOf(() => model.loadStateDict(state));
  assert.is(message.split("; ").length, 201);
  assert.match(message, /; and 808 more$/);
  assert.ok(message.length < 201 * 310);
  const broken = new TextEncoder().encode("........{\u001b[31m\u202e}");
  new DataView(broken.buffer).setBigUint64(0, BigInt(broken.length - 8), true);
  for (const text of [messageOf(() => readSafetensors(broken)), message]) assert.match(text, /^[ -~]*$/);
  nn.dispose();
});

test("parameters swap their values by views of each other: all are read before one is written", () => {
  const nn = createSync({ threads: 1 });
  class Two extends Module {
    a = nn.parameter(Float32Array.of(1, 2), [2]);
    b = nn.parameter(Float32Array.of(3, 4), [2]);
  }
  const two = new Two();
  const [a, b] = [two.a.tensor, two.b.tensor];
  two.loadStateDict(
    new Map([
      ["a", { shape: [2], data: b.data }],
      ["b", { shape: [2], data: a.data }],
    ]),
  );
  assert.equal(
    [[...a.toArray()], [...b.toArray()]],
    [
      [3, 4],
      [1, 2],
    ],
  );
  nn.dispose();
});

test("shapes are told apart on every axis, however many there are", () => {
  const nn = createSync({ threads: 1 });
  class Deep extends Module {
    readonly w = nn.parameter(new Float32Array(6), [1, 1, 1, 1, 1, 1, 1, 1, 2, 3]);
  }
  const state = new Map([["w", { shape: [1, 1, 1, 1, 1, 1, 1, 1, 3, 2], data: new Float32Array(6) }]]);
  throws(() => new Deep().loadStateDict(state), RangeError, "w must have shape");
  nn.dispose();
});

test("a model that is not trained has no memory for gradients; the first step takes it, once, and whatever frees the model frees it", () => {
  const nn = createSync({ threads: 1 });
  const { used } = nn.la.memory;
  const random = new Random(1);
  const layer = new Linear(nn, random, 64, 64); // 4160 floats, a multiple of a cache line
  const bytes = 4 * layer.parameterCount;
  const step = (of: Linear) =>
    nn.step(() => crossEntropy(nn, of.forward(nn.input(new Float32Array(64), [1, 64])), [3]));
  const held = () => nn.la.memory.used - used - nn.stepBytes;
  nn.evaluate(() => layer.forward(nn.input(new Float32Array(64), [1, 64])));
  layer.loadStateDict(layer.stateDict());
  const before = held();
  assert.ok(before >= bytes && before < 1.5 * bytes, `${before} of ${bytes}`); // with what evaluate keeps
  // A scope around the first step must not take the gradients with it: they belong to the parameters.
  nn.la.scope(() => step(layer));
  assert.is(held(), before + bytes);
  assert.ok(layer.bias.grad.toArray().some((x) => x !== 0));
  step(layer);
  assert.is(held(), before + bytes);
  nn.la.scope(() => {
    const inner = new Linear(nn, random, 64, 64);
    step(inner);
    assert.is(held(), before + 3 * bytes);
  });
  assert.is(held(), before + bytes);
  layer.dispose();
  assert.is(held(), before - bytes);
  throws(() => layer.weight.grad.toArray(), TypeError, "disposed");
  const other = new Linear(nn, random, 64, 64);
  other.dispose();
  throws(() => other.weight.grad, TypeError, "Parameter.grad: the parameter is disposed");
  throws(() => other.zeroGrad(), TypeError, "Parameter.grad: the parameter is disposed");
  assert.is(held(), before - bytes);
  // An optimiser's gradients end with the parameter as well; its means with it.
  nn.la.scope(() => {
    const inner = new Linear(nn, random, 64, 64);
    const optimizer = new AdamW(nn, inner);
    step(inner);
    optimizer.step();
    optimizer.dispose();
  });
  assert.is(held(), before - bytes);
  const early = new Linear(nn, random, 64, 64);
  early.zeroGrad();
  assert.is(held(), before + bytes);
  nn.dispose();
});

test("an optimiser that is made after a step, or beside another, goes on with the gradients that are there", () => {
  const nn = createSync({ threads: 1 });
  const layer = new Linear(nn, new Random(1), 4, 4);
  const step = () => nn.step(() => crossEntropy(nn, layer.forward(nn.input(new Float32Array(4).fill(1), [1, 4])), [3]));
  step();
  const { grad } = layer.weight;
  const gradient = grad.toArray();
  const { used } = nn.la.memory;
  const [one, two] = [new AdamW(nn, layer, { lr: 0.1 }), new AdamW(nn, layer)];
  assert.is(layer.weight.grad, grad);
  assert.is(nn.la.memory.used - used, 2 * 4 * 64); // two means of two parameters, a cache line each, twice
  assert.equal(grad.toArray(), gradient);
  const before = layer.weight.tensor.toArray();
  one.step();
  assert.not.equal(layer.weight.tensor.toArray(), before);
  throws(() => two.step(), TypeError, "which no optimiser has used");
  step();
  two.step();
  nn.dispose();
});

test("a module within itself, and two parameters of one name, are refused", () => {
  const nn = createSync({ threads: 1 });
  class Child extends Module {
    readonly weight = nn.parameter(new Float32Array(1), [1]);
    constructor(readonly parent: Module) {
      super();
    }
  }
  class Parent extends Module {
    readonly child = new Child(this);
  }
  class Listed extends Module {
    readonly list: unknown[] = [];
  }
  const listed = new Listed();
  listed.list.push(listed.list);
  const words = "a module must not be a part of itself: keep what it is a part of in a private property";
  for (const module of [new Parent(), listed]) {
    for (const call of [
      () => module.parameters,
      () => module.eval(),
      () => module.pack(),
      () => module.parameterCount,
    ]) {
      throws(call, RangeError, words);
    }
  }
  const shared = new Linear(nn, new Random(1), 2, 2);
  class Twice extends Module {
    readonly one = shared;
    readonly two = shared;
  }
  assert.is(new Twice().parameters.size, 4); // one module in two places is none within itself
  class Pair extends Module {
    readonly a = { ...shared };
  }
  const pair = new Pair() as unknown as Record<string, unknown>;
  pair["b.weight"] = shared.weight;
  pair.b = new Linear(nn, new Random(1), 2, 2);
  throws(
    () => (pair as unknown as Module).parameters,
    RangeError,
    "parameters must have names of their own, got two b.weight",
  );
  nn.dispose();
});

test("parameters, caches, optimisers and models that memory has no room for leave nothing behind", () => {
  const nn = createSync({ threads: 1, maxMemory: 2 ** 21 });
  const { used } = nn.la.memory;
  const most = 300_000; // floats: one of two such arrays has room
  throws(() => nn.parameter(new Float32Array(2 * most), [2 * most]), RangeError, "cannot allocate");
  throws(() => new AttentionCache(nn, 1, most, 1), RangeError, "cannot allocate");
  throws(() => gpt(nn, { ...config, vocabulary: 16_000 }), RangeError, "cannot allocate");
  const random = new Random(1);
  throws(() => new Linear(nn, random, 1, most), RangeError, "cannot allocate");
  throws(() => new LayerNorm(nn, most), RangeError, "cannot allocate");
  throws(() => new Depthwise(nn, random, most, 1), RangeError, "cannot allocate");
  throws(() => new SelfAttention(nn, random, 370, 1), RangeError, "cannot allocate");
  assert.is(nn.la.memory.used, used);
  const half = gpt(nn, { ...config, width: 128, layers: 1 });
  const before = nn.la.memory.used;
  throws(() => new AdamW(nn, half), RangeError, "cannot allocate");
  assert.is(nn.la.memory.used, before);
  const checkpoint = loadCheckpoint(saveCheckpoint(half));
  half.dispose();
  const state = new Map(checkpoint.state);
  state.set("head.bais", state.get("head.bias")!);
  state.delete("head.bias");
  throws(() => restore(nn, { ...checkpoint, state }), RangeError, "head.bias is missing");
  assert.is(nn.la.memory.used, used);
  nn.dispose();
});

test("eval and train reach the parts of parts", () => {
  const nn = createSync({ threads: 1 });
  const model = gpt(nn, config);
  const modes = () =>
    new Set([model.training, ...model.blocks.flatMap((block) => [block.training, block.attn.training])]);
  model.eval();
  assert.equal([...modes()], [false]);
  model.train();
  assert.equal([...modes()], [true]);
  throws(() => model.train("no" as never), TypeError, 'Module.train: on must be true or false, got "no"');
  nn.dispose();
});

test("of a parameter with two names a state may have either; both must have the same values", () => {
  const nn = createSync({ threads: 1 });
  class Tied extends Module {
    readonly table = nn.parameter(Float32Array.of(1, 2), [2]);
    readonly head = this.table;
  }
  const model = new Tied();
  const entry = (...data: number[]) => ({ shape: [2], data: Float32Array.from(data) });
  for (const [n, name] of ["table", "head"].entries()) {
    model.loadStateDict(new Map([[name, entry(3 + n, Number.NaN)]]));
    assert.equal([...model.table.toArray()], [3 + n, Number.NaN]);
  }
  model.loadStateDict(model.stateDict());
  const two = (other: ReturnType<typeof entry>) => () =>
    model.loadStateDict(new Map(Object.entries({ head: entry(5, 0), table: other })));
  const words = "loadStateDict: head must have the values of table, which is the same parameter";
  for (const other of [entry(5, 1), entry(5, -0)]) throws(two(other), RangeError, words);
  throws(
    two({ shape: [1], data: new Float32Array(1) }),
    RangeError,
    "loadStateDict: table must have shape [2], got [1]",
  );
  throws(() => model.loadStateDict(new Map()), RangeError, "loadStateDict: table is missing; head is missing");
  assert.equal([...model.table.toArray()], [4, Number.NaN]);
  nn.dispose();
});

test("a module, or a part, that another copy of the package made is refused, and not left out without a word", async () => {
  const nn = createSync({ threads: 1 });
  const copy = await import("laser-attention/nn"); // the built package; the rest of this test is of the sources
  const other = copy.createSync({ threads: 1 });
  const foreign = new copy.Linear(other, new copy.Random(1), 2, 2);
  class Mixed extends Module {
    readonly own = nn.parameter(new Float32Array(2), [2]);
    constructor(readonly layers: readonly unknown[]) {
      super();
    }
  }
  assert.is(new Mixed([1, undefined, {}]).parameters.size, 1);
  const got = "got one of another copy of laser-attention";
  throws(() => new AdamW(nn, foreign as never), TypeError, `AdamW: model must be a module, ${got}`);
  for (const part of [foreign, foreign.weight]) {
    throws(
      () => new Mixed([nn.parameter(new Float32Array(2), [2]), part]).parameters,
      TypeError,
      "Module: 1 must be a module or a parameter",
      got,
    );
  }
  throws(
    () => new AdamW(nn, nn.parameter(new Float32Array(2), [2]) as never),
    TypeError,
    "model must be a module, got a Parameter",
  );
  other.dispose();
  nn.dispose();
});

test.run();
