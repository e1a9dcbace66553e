/** What layers may be made with, parameters that need no gradient, and layers in the place of others. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bert, conformer, gpt, restore, vit } from "../src/models/index.js";
import {
  AdamW,
  checkFinite,
  createSync,
  Depthwise,
  LayerNorm,
  Linear,
  layerNorm,
  linear,
  loadCheckpoint,
  loss,
  type Module,
  Random,
  RmsNorm,
  rmsNorm,
  saveCheckpoint,
  type Value,
} from "../src/nn/index.js";
import { throws } from "./support/throws.js";

const random = () => new Random(7);
const sum = (nn: ReturnType<typeof createSync>, x: Value) =>
  loss(nn, x, (dx) => {
    dx?.data.fill(1);
    return x.toArray().reduce((all, one) => all + one, 0);
  });

test("a linear layer without bias has one parameter, and is the product alone", () => {
  const nn = createSync({ threads: 1 });
  const [bare, whole] = [new Linear(nn, random(), 4, 3, { bias: false }), new Linear(nn, random(), 4, 3)];
  assert.equal([...bare.parameters.keys()], ["weight"]);
  assert.is(bare.bias, undefined);
  assert.is(bare.parameterCount, 12);
  assert.equal(bare.weight.tensor.toArray(), whole.weight.tensor.toArray());
  const x = nn.input(random().normals(8), [2, 4]);
  for (const packed of [false, true]) {
    bare.pack(packed);
    const [got, want] = nn.evaluate(() => [bare.forward(x).toArray(), linear(nn, x, bare.weight).toArray()]);
    assert.equal(got, want);
  }
  whole.bias.tensor.data.fill(0);
  const step = (layer: Module & { forward(x: Value): Value }) => nn.step(() => sum(nn, layer.forward(x)));
  assert.is(step(bare), step(whole));
  assert.equal(bare.weight.grad.toArray(), whole.weight.grad.toArray());
  const wrong = (options: unknown) => () => new Linear(nn, random(), 4, 3, options as object);
  throws(wrong({ bias: 0 }), TypeError, "Linear: bias must be true or false, got 0");
  throws(wrong({ biases: false }), TypeError, 'Linear: options must be among bias, got "biases"');
  throws(wrong(false), TypeError, "Linear: options must be an object, got false");
  nn.dispose();
});

test("norms take an eps, which is that of their operation: left out, PyTorch's 1e-5 of a layer norm, 1e-6 of an RMS norm", () => {
  const nn = createSync({ threads: 1 });
  const x = nn.input(random().normals(8, 1e-3), [2, 4]); // of a size where eps shows
  const forward = (layer: LayerNorm | RmsNorm) => nn.evaluate(() => layer.forward(x).toArray());
  for (const eps of [0, 1e-12, 1e-5, 1e-2]) {
    const [one, two] = [new LayerNorm(nn, 4, { eps }), new RmsNorm(nn, 4, { eps })];
    const [a, b] = nn.evaluate(() => [
      layerNorm(nn, x, one.weight, one.bias, eps).toArray(),
      rmsNorm(nn, x, two.weight, eps).toArray(),
    ]);
    assert.equal([forward(one), forward(two)], [a, b]);
  }
  const [one, two] = [new LayerNorm(nn, 4), new RmsNorm(nn, 4)];
  const [a, b] = nn.evaluate(() => [
    layerNorm(nn, x, one.weight, one.bias).toArray(),
    rmsNorm(nn, x, two.weight).toArray(),
  ]);
  const usual = [forward(new LayerNorm(nn, 4, { eps: 1e-5 })), forward(new RmsNorm(nn, 4, { eps: 1e-6 }))];
  assert.equal([a, b], usual);
  assert.equal([forward(one), forward(two)], usual);
  assert.not.equal(forward(new LayerNorm(nn, 4)), forward(new LayerNorm(nn, 4, { eps: 1e-12 })));
  throws(
    () => new LayerNorm(nn, 4, { eps: -1 }),
    RangeError,
    "LayerNorm: eps must be a finite number of 0 or more, got -1",
  );
  throws(() => new RmsNorm(nn, 4, 1e-12 as never), TypeError, "RmsNorm: options must be an object, got 1e-12");
  nn.dispose();
});

test("a config's activation and eps are those of its blocks and norms, and come back from a file's config", () => {
  const nn = createSync({ threads: 1 });
  const sizes = { vocabulary: 7, context: 5, width: 8, heads: 2, layers: 1, variant: "standard" } as const;
  const ids = [[1, 2, 3, 4, 5]];
  const scores = (config: object) => {
    const model = gpt(nn, { ...sizes, ...config });
    const again = restore(nn, loadCheckpoint(saveCheckpoint(model))) as typeof model;
    const [one, two] = nn.evaluate(() => [model.logits(ids).toArray(), again.logits(ids).toArray()]);
    assert.equal(one, two);
    return one;
  };
  const usual = scores({});
  assert.equal(scores({ activation: "gelu", eps: 1e-5 }), usual);
  for (const config of [{ activation: "gelu-erf" }, { activation: "silu" }, { activation: "relu" }, { eps: 1e-12 }]) {
    assert.not.equal(scores(config), usual);
  }
  throws(
    () => scores({ activation: "elu" }),
    TypeError,
    'gpt: activation must be "gelu" or "gelu-erf" or "silu" or "relu" or "tanh", got "elu"',
  );
  const { lnf } = gpt(nn, { ...sizes, eps: 1e-12 });
  const small = nn.input(random().normals(8, 1e-3), [1, 8]);
  const normed = nn.evaluate(() => lnf.forward(small).toArray());
  assert.equal(
    normed,
    nn.evaluate(() => layerNorm(nn, small, lnf.weight, lnf.bias, 1e-12).toArray()),
  );
  const speech = { mels: 4, stack: 1, context: 5, classes: 3, kernel: 3, width: 8, heads: 2, layers: 1 } as const;
  throws(() => conformer(nn, { ...speech, variant: "laser", eps: 1e-3 } as never), TypeError, 'got "eps"');
  throws(() => scores({ eps: "1e-5" }), TypeError, "gpt: eps must be a");
  nn.dispose();
});

test("a parameter that needs no gradient gets none, takes no memory for one, and stays as it is", () => {
  const nn = createSync({ threads: 1 });
  const sizes = { vocabulary: 12, context: 6, width: 16, heads: 2, layers: 2, variant: "laser" } as const;
  const [ids, targets] = [[[1, 2, 3, 4, 5, 6]], [[2, 3, 4, 5, 6, 7]]];
  const whole = gpt(nn, sizes);
  const model = gpt(nn, sizes);
  for (const [name, parameter] of model.parameters) parameter.requiresGrad = /^(blocks\.1\.(ln1|fc)|head)\./.test(name);
  const learns = ([name]: [string, unknown]) => model.parameters.get(name)!.requiresGrad;
  const before = model.stateDict();
  assert.is(
    nn.step(() => model.loss(ids, targets)),
    nn.step(() => whole.loss(ids, targets)),
  );
  for (const [name, parameter] of model.parameters) {
    if (!parameter.requiresGrad) assert.is(parameter.held, undefined, name);
    else assert.equal(parameter.grad.toArray(), whole.parameters.get(name)!.grad.toArray(), name);
  }
  const optimizer = new AdamW(nn, model, { lr: 1e-2 });
  const expected = [...model.parameters].filter(learns).map(([name]) => `m.${name}`);
  assert.equal(
    [...optimizer.stateDict().moments.keys()].filter((name) => name.startsWith("m.")),
    expected,
  );
  optimizer.step();
  model.zeroGrad();
  for (const [name, { data }] of model.stateDict()) {
    const same = data.every((x, i) => x === before.get(name)!.data[i]);
    assert.is(same, !model.parameters.get(name)!.requiresGrad, name);
    if (same) assert.is(model.parameters.get(name)!.held, undefined, name);
  }
  nn.dispose();
});

test("requiresGrad may change between steps: what was summed up is forgotten, and nothing else", () => {
  const nn = createSync({ threads: 1 });
  const layer = new Linear(nn, random(), 4, 3);
  const x = nn.input(random().normals(8), [2, 4]);
  const step = () => nn.step(() => sum(nn, layer.forward(x)));
  step();
  const once = layer.bias.grad.toArray();
  layer.weight.requiresGrad = false;
  assert.ok(layer.weight.grad.data.every((one) => one === 0));
  step();
  assert.ok(layer.weight.grad.data.every((one) => one === 0));
  assert.equal(
    layer.bias.grad.toArray(),
    once.map((one) => 2 * one),
  );
  layer.weight.requiresGrad = true;
  step();
  assert.ok(layer.weight.grad.data.some((one) => one !== 0));
  assert.equal(
    layer.bias.grad.toArray(),
    once.map((one) => 3 * one),
  );
  layer.weight.requiresGrad = false;
  assert.is(layer.weight.held, undefined);
  layer.bias.grad.data.fill(Number.NaN);
  const norm = { step: 1, loss: 1, norm: Number.NaN };
  throws(() => checkFinite(layer, norm), RangeError, "(1 of 1 are not); the largest parameter is");
  layer.requiresGrad = false;
  step(); // a loss that no parameter takes part in
  throws(() => new AdamW(nn, layer), RangeError, "AdamW: model must have a parameter that requiresGrad");
  const set = (to: unknown) => () => {
    layer.weight.requiresGrad = to as boolean;
  };
  throws(set(1), TypeError, "Parameter: requiresGrad must be true or false, got 1");
  throws(set(undefined), TypeError, "Parameter: requiresGrad must be true or false");
  throws(() => nn.evaluate(set(true)), TypeError, "Parameter: requiresGrad must be set outside of a step");
  assert.is(layer.weight.requiresGrad, false);
  nn.dispose();
});

test("two parameters of one kernel get their own gradients where the other needs none", () => {
  const nn = createSync({ threads: 1 });
  const x = nn.input(random().normals(2 * 5 * 4), [2, 5, 4]);
  for (const make of [() => new LayerNorm(nn, 4), () => new Depthwise(nn, random(), 4, 3)]) {
    const whole = make();
    nn.step(() => sum(nn, whole.forward(x)));
    for (const name of ["weight", "bias"] as const) {
      const part = make();
      part[name === "weight" ? "bias" : "weight"].requiresGrad = false;
      for (const times of [1, 2]) {
        nn.step(() => sum(nn, part.forward(x)));
        assert.equal(
          part[name].grad.toArray(),
          whole[name].grad.toArray().map((one) => times * one),
          name,
        );
      }
      assert.is(part[name === "weight" ? "bias" : "weight"].held, undefined);
    }
  }
  nn.dispose();
});

test("a layer in the place of qkv is called also where only some rows are read", () => {
  const nn = createSync({ threads: 1 });
  class Doubled extends Linear {
    override forward(x: Value): Value {
      const y = super.forward(x);
      y.tensor.data.forEach((one, i, data) => {
        data[i] = 2 * one;
      });
      return y;
    }
  }
  const sizes = { width: 8, heads: 2, layers: 2, variant: "laser" } as const;
  const replaced = (attn: object) => {
    (attn as { qkv: Linear }).qkv = new Doubled(nn, random(), 8, 24);
  };
  const masked = bert(nn, { ...sizes, vocabulary: 7, context: 5 });
  for (const { attn } of masked.blocks) replaced(attn);
  const [all, some] = nn.evaluate(() => [
    masked.logits([[1, 2, 3, 4, 5]]).toArray(),
    masked.logits([[1, 2, 3, 4, 5]], [1, 3]).toArray(),
  ]) as [Float32Array, Float32Array];
  assert.equal(some, Float32Array.of(...all.subarray(7, 14), ...all.subarray(21, 28)));
  const viewer = vit(nn, { ...sizes, side: 4, patch: 2, classes: 3 });
  const pixels = random().normals(48);
  const before = nn.evaluate(() => viewer.logits(pixels).toArray());
  replaced(viewer.blocks[1]!.attn);
  assert.not.equal(
    nn.evaluate(() => viewer.logits(pixels).toArray()),
    before,
  );
  nn.dispose();
});

test("release gives back what steps and evaluations keep; the next ones have the same results", () => {
  const nn = createSync({ threads: 1 });
  const layer = new Linear(nn, random(), 64, 64);
  layer.zeroGrad();
  const { used } = nn.la.memory;
  const x = random().normals(64 * 64);
  const step = () => nn.step(() => sum(nn, layer.forward(nn.input(x, [64, 64]))));
  const scores = () => nn.evaluate(() => layer.forward(nn.input(x, [64, 64])).toArray());
  const [first, y] = [step(), scores()];
  assert.ok(nn.stepBytes > 0 && nn.la.memory.used > used);
  nn.release();
  assert.is(nn.stepBytes, 0);
  assert.is(nn.la.memory.used, used);
  assert.is(step(), first);
  assert.equal(scores(), y);
  throws(() => nn.evaluate(() => nn.release()), TypeError, "release: must be called outside of a step");
  nn.dispose();
  throws(() => nn.release(), TypeError, "disposed");
});

test.run();
