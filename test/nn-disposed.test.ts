/** Tensors that a step disposed before its backward pass has read them: errors, where gradients would be silently wrong. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  activation,
  add,
  createSync,
  crossEntropy,
  depthwise,
  glu,
  type Loss,
  layerNorm,
  linear,
  maskedMean,
  maskRows,
  multiply,
  type Nn,
  type Parameter,
  Random,
  rmsNorm,
  selfAttention,
  type Value,
} from "../src/nn/index.js";
import { Shared, targets, tokens } from "./support/shared.js";
import { throws } from "./support/throws.js";

/** The result of an operation on x, and what to dispose behind it. */
type Forward = (nn: Nn, s: Shared, x: Value, wide: Parameter) => [y: Value, read: { dispose(): void }];

const reading: Record<string, Forward> = {
  "linear: x": (nn, s, x) => [linear(nn, x, s.square), x.tensor],
  "linear: weight": (nn, s, x) => [linear(nn, x, s.square, s.beta, { activation: "gelu" }), s.square.tensor],
  "layerNorm: x": (nn, s, x) => [layerNorm(nn, x, s.gamma, s.beta), x.tensor],
  "layerNorm: weight": (nn, s, x) => [layerNorm(nn, x, s.gamma, s.beta), s.gamma.tensor],
  "rmsNorm: x": (nn, s, x) => [rmsNorm(nn, x, s.gamma), x.tensor],
  "glu: x": (nn, _, x) => [glu(nn, x), x.tensor],
  "depthwise: x": (nn, s, x) => [depthwise(nn, x, s.taps, s.beta), x.tensor],
  "multiply: x": (nn, s, x) => [multiply(nn, x, linear(nn, x, s.square)), x.tensor],
  "multiply: y": (nn, s, x) => [multiply(nn, linear(nn, x, s.square), x), x.tensor],
  "maskRows: keep": (nn, _, x) => {
    const keep = nn.la.zeros([2, 3], "u8");
    return [maskRows(nn, x, keep), keep];
  },
  "maskedMean: keep": (nn, _, x) => {
    const keep = nn.la.zeros([2, 3], "u8");
    return [maskedMean(nn, x, keep), keep];
  },
  "attentionBackward: saved.q": (nn, _, x, wide) => {
    const qkv = linear(nn, x, wide);
    return [selfAttention(nn, qkv, 2, { variant: "laser" }), qkv.tensor];
  },
};

/** A target for every row. */
const lossOf = (nn: Nn, y: Value): Loss =>
  crossEntropy(
    nn,
    y,
    targets
      .slice(
        0,
        y.shape.slice(0, -1).reduce((a, b) => a * b, 1),
      )
      .map((target) => target % y.shape.at(-1)!),
  );

/** One step, in which what the operation gives besides is disposed, or not. */
function step(nn: Nn, forward: Forward, dispose: boolean): Float32Array {
  const s = new Shared(nn);
  const wide = nn.parameter(new Random(2).normals(48), [12, 4]);
  nn.step(() => {
    const [y, read] = forward(nn, s, tokens(nn, s), wide);
    if (dispose) read.dispose();
    nn.input(new Float32Array(24).fill(7), [24]); // takes the place
    return lossOf(nn, y);
  });
  return s.table.grad.toArray();
}

for (const [name, forward] of Object.entries(reading)) {
  test(`${name} must be there until its gradients are taken, and the next step works`, () => {
    const nn = createSync({ threads: 1 });
    throws(() => step(nn, forward, true), TypeError, name, "is disposed");
    assert.ok(step(nn, forward, false).every(Number.isFinite));
    nn.dispose();
  });
}

test("a gradient that a user disposed is not written to", () => {
  const nn = createSync({ threads: 1 });
  for (const name of ["square", "gamma", "beta"] as const) {
    const s = new Shared(nn);
    const loss = () => lossOf(nn, layerNorm(nn, linear(nn, tokens(nn, s), s.square), s.gamma, s.beta));
    s[name].grad.dispose();
    throws(() => nn.step(loss), TypeError, "step: the grad of a parameter is disposed");
  }
  nn.dispose();
});

test("what no backward pass reads may be disposed early: the gradients are the same", () => {
  const nn = createSync({ threads: 1 });
  const unread: Record<string, Forward> = {
    add: (nn, _, x) => [add(nn, x, x, 0.5), x.tensor],
    activation: (nn, _, x) => [activation(nn, x, "silu"), x.tensor],
  };
  for (const [name, forward] of Object.entries(unread)) {
    assert.equal(step(nn, forward, true), step(nn, forward, false), name);
  }
  nn.dispose();
});

test("data of a tensor that ends with an evaluation is no result of it; of one that stays, and copies, are", () => {
  const nn = createSync({ threads: 1 });
  const x = nn.parameter(Float32Array.of(1, 2, 3), [3]);
  const words = "evaluate: body must return what stays, got data of a tensor that ends: use toArray()";
  for (const round of ["noted", "planned"]) {
    throws(() => nn.evaluate(() => activation(nn, x, "silu").tensor.data), TypeError, words);
    assert.is(nn.evaluate(() => activation(nn, x, "silu").tensor.toArray()).length, 3, round);
    assert.equal([...nn.evaluate(() => x.tensor.data)], [1, 2, 3]);
    assert.equal([...nn.evaluate(() => Float32Array.of(...activation(nn, x, "silu").tensor.data))].length, 3);
  }
  nn.dispose();
});

test.run();
