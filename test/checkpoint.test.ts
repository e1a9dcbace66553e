/** Runs that stop and go on, files of others, and what the training loop says when numbers go wrong. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { windowBatch } from "../src/data/text.js";
import { bert, conformer, type Gpt, type GptConfig, gpt, restore, vit } from "../src/models/index.js";
import {
  AdamW,
  checkFinite,
  createSync,
  loadCheckpoint,
  type Nn,
  Random,
  type RandomState,
  saveCheckpoint,
} from "../src/nn/index.js";
import { readSafetensors, type SafetensorsInput, writeSafetensors } from "../src/nn/safetensors.js";
import { warmupCosine } from "../src/nn/schedule.js";
import { firstDifference } from "./support/bits.js";
import { Pair } from "./support/pair.js";
import { throws } from "./support/throws.js";

const config: GptConfig = { vocabulary: 11, context: 8, width: 16, heads: 2, layers: 2, variant: "laser", seed: 3 };
const options = { lr: 1e-2, weightDecay: 0.1 };
const rate = warmupCosine({ peak: 1e-2, warmup: 3, steps: 14 });
const text = Int32Array.from({ length: 400 }, (_, n) => (n * n + (n >> 2)) % 11);

/** Trains from step `from` to `to`; the losses. */
function train(nn: Nn, model: Gpt, optimizer: AdamW, random: Random, from: number, to: number): number[] {
  const losses: number[] = [];
  for (let step = from; step < to; step++) {
    const { inputs, targets } = windowBatch(text, 4, 8, random);
    const rows = (all: Int32Array) => [0, 1, 2, 3].map((b) => all.subarray(8 * b, 8 * b + 8));
    const loss = nn.step(() => model.loss(rows(inputs), rows(targets)));
    checkFinite(model, { step, loss, norm: optimizer.step({ lr: rate(step), clip: 1 }) });
    losses.push(loss);
  }
  return losses;
}

test("a run that is stopped and goes on in another instance has the losses and parameters of one that never stopped, to the bit", () => {
  const nn = createSync({ threads: 1 });
  const model = gpt(nn, config);
  const [optimizer, random] = [new AdamW(nn, model, options), new Random(9)];
  const whole = train(nn, model, optimizer, random, 0, 7);
  const file = saveCheckpoint(model, optimizer, { step: 7, random: random.state, note: "half way" });
  whole.push(...train(nn, model, optimizer, random, 7, 14));

  const other = createSync({ threads: 2 });
  const { family, config: stored, state, optimizer: moments, extra } = loadCheckpoint(file);
  assert.is(family, "gpt");
  assert.equal(stored, config);
  assert.is(extra.note, "half way");
  const again = gpt(other, { ...(stored as unknown as GptConfig), seed: 77 });
  again.loadStateDict(state);
  const resumed = new AdamW(other, again, options);
  resumed.loadStateDict(moments!);
  assert.is(resumed.steps, 7);
  const later = train(other, again, resumed, new Random(extra.random as RandomState), extra.step as number, 14);
  assert.equal(later, whole.slice(7));
  for (const [name, { tensor }] of model.parameters) {
    assert.is(firstDifference(again.parameters.get(name)!.tensor.toArray(), tensor.toArray()), -1, name);
  }
  // And so are the moments, in the files of both.
  const files = [saveCheckpoint(model, optimizer), saveCheckpoint(again, resumed)].map(readSafetensors);
  for (const [name, { data }] of files[0]!.tensors) {
    assert.is(firstDifference(files[1]!.tensors.get(name)!.data as Float32Array, data as Float32Array), -1, name);
  }
  nn.dispose();
  other.dispose();
});

test("the file names parameters as PyTorch does, and moments behind optimizer.m and optimizer.v", () => {
  const nn = createSync({ threads: 1 });
  const model = gpt(nn, config);
  const { tensors, metadata } = readSafetensors(saveCheckpoint(model, new AdamW(nn, model), { best: 1.5 }));
  const names = [...model.parameters.keys()];
  const expected = [
    ...names,
    ...names.map((name) => `optimizer.m.${name}`),
    ...names.map((name) => `optimizer.v.${name}`),
  ];
  assert.equal([...tensors.keys()].sort(), expected.sort());
  assert.ok(tensors.has("blocks.1.attn.qkv.weight"));
  assert.equal(metadata, { family: "gpt", config: JSON.stringify(config), steps: "0", extra: '{"best":1.5}' });
  nn.dispose();
});

function families(nn: Nn) {
  const sizes = { width: 16, heads: 2, layers: 1, variant: "standard", seed: 8 } as const;
  return [
    gpt(nn, config),
    bert(nn, { ...sizes, vocabulary: 5, context: 4 }),
    vit(nn, { ...sizes, side: 8, patch: 4, classes: 3 }),
    conformer(nn, { ...sizes, mels: 4, stack: 2, context: 8, classes: 3, kernel: 3 }),
  ] as const;
}

test("each family is made again by restore, and gives the same scores", () => {
  const nn = createSync({ threads: 1 });
  const models = families(nn);
  for (const model of models) {
    for (const { tensor } of model.parameters.values()) tensor.set(tensor.toArray().map((x) => 2 * x + 0.01));
    const again = restore(nn, loadCheckpoint(saveCheckpoint(model)));
    assert.is(again.family, model.family);
    assert.equal(again.config, model.config);
    assert.equal([...again.stateDict()], [...model.stateDict()]);
  }
  throws(
    () => restore(nn, loadCheckpoint(writeSafetensors(models[0]!.stateDict()))),
    RangeError,
    "restore: family must be gpt, bert, vit, conformer, got undefined",
  );
  const masked = loadCheckpoint(saveCheckpoint(models[1]!));
  throws(() => restore(nn, masked, "vit"), RangeError, 'restore: family must be "vit", as expected, got "bert"');
  assert.is(restore(nn, masked, "bert").maskId, 4);
  nn.dispose();
});

test("a config that asks for more than the file holds is refused before a model of its sizes is made", () => {
  const nn = createSync({ threads: 1 });
  const models = families(nn);
  for (const model of models) {
    const { family, state, ...rest } = loadCheckpoint(saveCheckpoint(model));
    const { used } = nn.la.memory;
    for (const [name, value] of Object.entries(model.config)) {
      if (typeof value !== "number" || name === "seed" || name === "heads") continue;
      for (const size of [2 ** 30, 1e300]) {
        const hostile = { ...model.config, [name]: name === "kernel" ? size - 1 : size } as never;
        throws(() => restore(nn, { ...rest, family, state, config: hostile }), RangeError, "restore: ");
      }
    }
    const wide = { ...model.config, width: 512 } as never; // not alone more than all numbers, but its square
    throws(() => restore(nn, { ...rest, family, state, config: wide }), RangeError, "restore: layers must fit the");
    assert.is(nn.la.memory.used, used);
  }
  const { config: _, ...checkpoint } = loadCheckpoint(saveCheckpoint(models[0]!));
  const of = (more: object) => () => restore(nn, { ...checkpoint, config: more as never });
  throws(
    of({ ...config, width: 1, heads: 1, layers: 31 }),
    RangeError,
    "restore: layers must be at most the 30 tensors of the state, got 31",
  );
  throws(
    of({ ...config, vocabulary: 1e9 }),
    RangeError,
    "restore: vocabulary must fit the ",
    "got 1000000000 with width 16",
  );
  throws(of({ ...config, width: "16" }), TypeError, 'gpt: width must be a number, got "16"');
  const nothing = new Map([...checkpoint.state, ["head.bias", null as never]]);
  throws(
    () => restore(nn, { ...checkpoint, config: config as never, state: nothing }),
    RangeError,
    "head.bias must be an object with shape and data",
  );
  throws(() => restore(nn, { ...checkpoint, config: undefined }), TypeError, "gpt: config must be an object");
  throws(
    () => restore(nn, { ...checkpoint, config, state: {} } as never),
    TypeError,
    "restore: the state must be a Map",
  );
  // A seed that is left out explicitly is no obstacle on the way.
  const seedless = gpt(nn, { ...config, seed: undefined });
  assert.equal([...restore(nn, loadCheckpoint(saveCheckpoint(seedless))).stateDict()], [...seedless.stateDict()]);
  nn.dispose();
});

test("a state dict without metadata, as PyTorch's users store it, loads; F64 and BF16 too; integers are refused", () => {
  const nn = createSync({ threads: 1 });
  const [a, b] = [gpt(nn, config), gpt(nn, { ...config, seed: 4 })];
  const plain = loadCheckpoint(writeSafetensors(a.stateDict(), { metadata: { format: "pt" } }));
  assert.equal(
    { ...plain, state: 0 },
    { state: 0, family: undefined, config: undefined, optimizer: undefined, extra: {} },
  );
  b.loadStateDict(plain.state);
  assert.equal([...b.stateDict()], [...a.stateDict()]);
  const wide = new Map(
    [...a.stateDict()].map(([name, { shape, data }]) => [name, { shape, data: Float64Array.from(data) }]),
  );
  b.loadStateDict(loadCheckpoint(writeSafetensors(wide)).state);
  assert.equal([...b.stateDict()], [...a.stateDict()]);
  b.loadStateDict(loadCheckpoint(writeSafetensors(a.stateDict(), { dtype: "BF16" })).state);
  for (const [name, { data }] of b.stateDict()) {
    const exact = a.stateDict().get(name)!.data;
    assert.ok(
      data.every((x, i) => Math.abs(x - exact[i]!) <= 2 ** -8 * Math.abs(exact[i]!)),
      name,
    );
  }
  for (const metadata of [{ format: "pt", family: "x" }, { steps: "10k" }, { family: "x", config: "base.yaml" }]) {
    const foreign = loadCheckpoint(writeSafetensors(a.stateDict(), { metadata: metadata as Record<string, string> }));
    assert.equal({ ...foreign, state: [...foreign.state] }, { ...plain, state: [...plain.state] });
  }
  const own = new Map([["optimizer.m.x", { shape: [1], data: Float32Array.of(1) }]]);
  assert.ok(loadCheckpoint(writeSafetensors(own)).state.has("optimizer.m.x"));
  const integers = new Map([["ids", { shape: [2], data: Int32Array.of(1, 2) }]]);
  const message = "loadCheckpoint: the file must have tensors of floats, got I32 alone";
  throws(() => loadCheckpoint(writeSafetensors(integers)), TypeError, message);
  const float = own.get("optimizer.m.x")!;
  const between = new Map<string, SafetensorsInput>([["a", float], ...integers, ["z", float]]);
  assert.equal([...loadCheckpoint(writeSafetensors(between)).state.keys()], ["a", "z"]);
  nn.dispose();
});

test("an extra that JSON would change, and files that are broken, are refused by name", () => {
  const nn = createSync({ threads: 1 });
  const model = gpt(nn, config);
  const optimizer = new AdamW(nn, model);
  const self: { [name: string]: unknown } = {};
  self.inner = [self];
  for (const [extra, message] of [
    [{ loss: Number.NaN }, "extra.loss must be JSON, got NaN"],
    [{ a: [1, { b: -0 }] }, "extra.a[1].b must be JSON, got -0"],
    [{ state: new Uint32Array(4) }, "extra.state must be JSON, got a Uint32Array"],
    [{ at: new Date(0) }, "extra.at must be JSON, got a Date"],
    [{ list: [undefined] }, "extra.list[0] must be JSON, got undefined"],
    [self, "extra.inner[0] must be JSON, got an object that is inside itself"],
    [[1], "extra must be an object, got [1]"],
  ] as const) {
    throws(() => saveCheckpoint(model, optimizer, extra as never), TypeError, `saveCheckpoint: ${message}`);
  }
  const twice = { x: 1 };
  assert.equal(loadCheckpoint(saveCheckpoint(model, optimizer, { a: twice, b: twice, c: undefined })).extra, {
    a: twice,
    b: twice,
  });
  const broken = (metadata: Record<string, string>) => () => loadCheckpoint(writeSafetensors(new Map(), { metadata }));
  const empty = { family: "gpt", config: "{}", extra: "{}" };
  throws(broken({ ...empty, config: "" }), RangeError, "loadCheckpoint: config must be JSON");
  throws(broken({ ...empty, extra: "x" }), RangeError, "loadCheckpoint: extra must be JSON");
  throws(broken({ ...empty, config: "[1]" }), RangeError, "loadCheckpoint: config must be a JSON object, got [1]");
  throws(
    broken({ ...empty, steps: "-1" }),
    RangeError,
    'loadCheckpoint: steps must be an integer of 0 or more, got "-1"',
  );
  throws(broken({ ...empty, steps: String(2 ** 53) }), RangeError, "steps must be an integer", '"9007199254740992"');
  const { steps, moments } = optimizer.stateDict();
  const bad = new Map(moments);
  bad.delete("m.tok.weight");
  bad.set("v.head.bias", { shape: [12], data: new Float32Array(12) });
  bad.set("v.head.weight", { shape: [11, 16], data: new Float64Array(176) as never });
  throws(
    () => optimizer.loadStateDict({ steps, moments: bad }),
    RangeError,
    "AdamW.loadStateDict: m.tok.weight is missing",
    "v.head.weight must be float32, got a Float64Array",
    "v.head.bias must have shape [11], got [12]",
  );
  throws(
    () => optimizer.loadStateDict({ steps: 1.5, moments }),
    RangeError,
    "steps must be an integer of 0 or more, got 1.5",
  );
  nn.dispose();
});

test("a parameter whose name would be read as a moment is refused, one whose name begins alike is not", () => {
  const nn = createSync({ threads: 1 });
  const saved = (name: string) => Object.assign(new Pair(nn), { family: "own", config: {}, [name]: new Pair(nn) });
  const wrong = saved("optimizer");
  const message = 'saveCheckpoint: no parameter\'s name can begin with optimizer., got "optimizer.a"';
  for (const optimizer of [undefined, new AdamW(nn, wrong)])
    throws(() => saveCheckpoint(wrong, optimizer), RangeError, message);
  const { state } = loadCheckpoint(saveCheckpoint(saved("optimizers")));
  assert.equal([...state.keys()].sort(), ["a", "b", "optimizers.a", "optimizers.b"]);
  nn.dispose();
});

test("a loss that is NaN is an error that says at which step, and where it began", () => {
  const nn = createSync({ threads: 1 });
  const model = gpt(nn, config);
  const optimizer = new AdamW(nn, model);
  const ids = [[1, 2, 3]];
  const step = (overflow = false) => {
    const loss = nn.step(() => model.loss(ids, ids));
    if (overflow) for (const { grad } of model.parameters.values()) grad.data[0] = Number.NaN;
    return { step: 12, loss, norm: optimizer.step() };
  };
  checkFinite(model, step());
  const overflown = step(true);
  throws(
    () => checkFinite(model, overflown),
    RangeError,
    "step 12: the loss is 2.",
    "the norm of the gradients NaN; the first gradient that is not finite is that of head.bias: ",
    "(30 of 30 are not)",
  );
  model.blocks[1]!.fc.weight.tensor.data[70] = Number.NaN;
  throws(
    () => checkFinite(model, step()),
    RangeError,
    "step 12: the loss is NaN, the norm of the gradients NaN; before the step already, blocks.1.fc.weight: NaN at 70 of [64, 16]",
  );
  const fresh = gpt(nn, config);
  throws(
    () => checkFinite(fresh, { step: 3, loss: Number.NaN, norm: 0 }),
    RangeError,
    "all parameters and all gradients are finite",
  );
  nn.dispose();
});

test.run();
