/** Tensors without elements may have axes of any size: what goes over them takes no longer, and no memory. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  add,
  addPositions,
  createSync,
  depthwise,
  dropout,
  embedding,
  glu,
  Linear,
  layerNorm,
  linear,
  loss,
  maskedMean,
  prepend,
  Random,
  rmsNorm,
  SelfAttention,
  selfAttention,
  silu,
  takeRow,
  takeRows,
  type Value,
} from "../src/nn/index.js";
import { throws } from "./support/throws.js";

const nn = createSync({ threads: 1 });
const { la } = nn;
const MANY = 2 ** 31 - 1;
const variants = ["standard", "laser"] as const;

/** Two billion turns of a loop take more than that, on any machine. */
function soon(label: string, body: () => void): void {
  const start = performance.now();
  body();
  const took = performance.now() - start;
  assert.ok(took < 1000, `${label} took ${took} ms`);
}

test("attention without queries ends at once, for any number of batch entries and heads, with slopes of their own too", () => {
  const { used } = la.memory;
  for (const variant of variants) {
    for (const [shape, layout] of [
      [[MANY, 1, 0, 4], "BHND"],
      [[1, MANY, 0, 4], "BHND"],
      [[65536, 65536, 0, 4], "BHND"],
      [[1, 0, MANY, 4], "BNHD"],
    ] as const) {
      for (const alibi of [false, true]) {
        soon(`${variant} of ${shape}`, () => {
          const q = la.zeros(shape);
          const saved = la.attentionForward(q, q, q, { variant, layout, alibi });
          assert.equal([saved.out.shape, saved.lse.shape.length], [shape, 3]);
          const { dq, dk, dv } = la.attentionBackward(saved.out, saved);
          assert.equal([dq.shape, dk.shape, dv.shape], [shape, shape, shape]);
          assert.equal(la.attention(q, q, q, { variant, layout, alibi }).shape, shape);
          for (const tensor of [q, saved.out, saved.lse, dq, dk, dv]) tensor.dispose();
        });
      }
    }
  }
  assert.ok(la.memory.used - used < 10_000, "results of attention have an address each");
});

test("keys that no query asks for have gradients of 0, in views too, and nothing was recomputed", () => {
  for (const variant of variants) {
    const [q, k] = [la.zeros([1, MANY, 0, 4]), la.zeros([1, 1, 3, 4])];
    const bias = la.zeros([1, 1, 1, 3]);
    const saved = la.attentionForward(q, k, k, { variant, bias, alibi: true });
    const both = la.tensor(new Float32Array(24).fill(7), [1, 1, 3, 8]);
    const into = { dk: both.narrow(3, 0, 4), dv: both.narrow(3, 4, 4) };
    soon(variant, () => {
      const { dbias } = la.attentionBackward(saved.out, saved, { into });
      assert.equal(dbias!.toArray(), new Float32Array(3));
    });
    assert.equal(both.toArray(), new Float32Array(24));
    assert.equal(la.recomputed, { elements: 0, firstRow: -1, lastRow: -1 });
  }
});

const nothing = (...shape: number[]) => nn.parameter(new Float32Array(0), [...shape, 0]);

/** Of x [MANY, 1, 0], and the shape of the result. */
const empty: Record<string, [call: (x: Value) => Value, shape: number[]]> = {
  takeRow: [(x) => takeRow(nn, x, 0), [MANY, 0]],
  takeRows: [(x) => takeRows(nn, x, [0, MANY - 1]), [2, 0]],
  prepend: [(x) => prepend(nn, nothing(), x), [MANY, 2, 0]],
  addPositions: [(x) => addPositions(nn, x, nothing(1)), [MANY, 1, 0]],
  embedding: [() => embedding(nn, [], [0, MANY], nothing(5)), [0, MANY, 0]],
  glu: [(x) => glu(nn, x), [MANY, 1, 0]],
  silu: [(x) => silu(nn, x), [MANY, 1, 0]],
  add: [(x) => add(nn, x, x), [MANY, 1, 0]],
  dropout: [(x) => dropout(nn, x, 0.5, [1, 2]), [MANY, 1, 0]],
  layerNorm: [(x) => layerNorm(nn, x, nothing(), nothing()), [MANY, 1, 0]],
  rmsNorm: [(x) => rmsNorm(nn, x, nothing()), [MANY, 1, 0]],
  maskedMean: [(x) => maskedMean(nn, x), [MANY, 0]],
  linear: [(x) => linear(nn, x, nothing(0)), [MANY, 1, 0]],
  depthwise: [(x) => depthwise(nn, x, nn.parameter(new Float32Array(0), [0, 1, 3]), nothing()), [MANY, 1, 0]],
};

for (const [name, [call, shape]] of Object.entries(empty)) {
  test(`${name} of two billion rows without elements ends at once`, () => {
    const x = nn.input(new Float32Array(0), [MANY, 1, 0]);
    soon(name, () => assert.equal(call(x).shape, shape));
  });
}

test("gradients of values without elements, and of parameters that they go through, are 0 at once", () => {
  const own = Object.assign(new Linear(nn, new Random(1), 4, 8), {
    taps: nn.parameter(new Float32Array(12).fill(1), [4, 1, 3]),
    row: nothing(),
    zeros: nn.parameter(new Float32Array(4), [4]),
  });
  const none = nn.input(new Float32Array(0), [MANY, 0, 4]);
  soon("depthwise, linear, glu", () => {
    nn.step(() => loss(nn, glu(nn, own.forward(depthwise(nn, none, own.taps, own.zeros))), () => 1));
  });
  soon("prepend, takeRow", () => {
    const x = nn.input(new Float32Array(0), [MANY, 1, 0]);
    nn.step(() => loss(nn, takeRow(nn, prepend(nn, own.row, x), 1), () => 1));
    nn.step(() => loss(nn, maskedMean(nn, prepend(nn, own.row, x)), () => 1));
  });
  for (const { grad } of own.parameters.values()) assert.ok(grad.toArray().every((x) => x === 0));
});

test("attention layers of entries without tokens end at once; a row of what has none is refused", () => {
  const layer = new SelfAttention(nn, new Random(1), 4, 2);
  const x = nn.input(new Float32Array(0), [MANY, 0, 4]);
  soon("SelfAttention", () => assert.equal(layer.forward(x, { variant: "laser" }).shape, [MANY, 0, 4]));
  soon("rows", () => assert.equal(layer.forward(x, { variant: "laser" }, { rows: [] }).shape, [0, 4]));
  const qkv = nn.input(new Float32Array(0), [MANY, 0, 12]);
  soon("selfAttention", () => assert.equal(selfAttention(nn, qkv, 2, { variant: "standard" }).shape, [MANY, 0, 4]));
  throws(() => takeRow(nn, x, 0), RangeError, "takeRow: index must be an integer from 0 to -1, got 0");
  const thin = nn.input(new Float32Array(0), [MANY, 1, 0]);
  throws(() => layer.forward(thin, { variant: "laser" }, { rows: [5] }), RangeError, "linear: x must have 4");
});

test.run();
