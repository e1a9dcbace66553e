/** The Conformer of laser-attention/models: what its head reads, and labels that their frames can't spell. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { conformer } from "../src/models/index.js";
import {
  activation,
  add,
  createSync,
  glu,
  type LayerNorm,
  type Linear,
  type Nn,
  Random,
  type Value,
} from "../src/nn/index.js";
import { firstDifference } from "./support/bits.js";
import { U } from "./support/nn.js";
import { throws } from "./support/throws.js";

const [T, MELS, STACK, CLASSES] = [7, 8, 2, 4];
const STEPS = 3; // of seven frames
const features = new Random(3).normals(2 * T * MELS);

const made = (nn: Nn, variant: "standard" | "laser") =>
  conformer(nn, {
    ...{ mels: MELS, stack: STACK, context: 6, classes: CLASSES, kernel: 3 },
    ...{ width: 16, heads: 2, layers: 2, variant },
  });

test("features are what the head reads: a vector for each step, which no frame beyond those that count changes", () => {
  const nn = createSync({ threads: 1 });
  for (const variant of ["standard", "laser"] as const) {
    const model = made(nn, variant);
    const [vectors, scores] = nn.evaluate(() => {
      const x = model.features(features, [T, 4]);
      assert.equal([...x.shape], [2, STEPS, 16]);
      return [x.toArray(), model.logits(features, [T, 4]).toArray()];
    });
    const head = nn.evaluate(() => model.head.forward(nn.input(vectors, [2, STEPS, 16])).toArray());
    assert.is(firstDifference(head, scores), -1, variant);
    const changed = features.slice().fill(Number.NaN, (T + 4) * MELS);
    const same = nn.evaluate(() => model.features(changed, [T, 4]).toArray());
    const counted = (STEPS + 2) * 16;
    assert.is(firstDifference(same.subarray(0, counted), vectors.subarray(0, counted)), -1, variant);
  }
  nn.dispose();
});

test("a block is what its parts give one after the other, with padding as silence; positions count", () => {
  const nn = createSync({ threads: 1 });
  for (const variant of ["standard", "laser"] as const) {
    const model = made(nn, variant);
    // biases and weights of norms too: as they begin, many are 0 or 1
    for (const [n, { tensor }] of [...model.parameters.values()].entries())
      tensor.set(new Random(n).normals(tensor.data.length, 0.3));
    const block = model.blocks[0]!;
    const frames = [STEPS, 1];
    const keep = nn.la.tensor(Uint8Array.of(1, 1, 1, 1, 0, 0), [2, STEPS]);
    const x = nn.input(new Random(9).normals(2 * STEPS * 16), [2, STEPS, 16]);
    const [got, want] = nn.evaluate(() => {
      const half = (to: Value, norm: LayerNorm, fc: Linear, out: Linear) =>
        add(nn, to, out.forward(activation(nn, fc.forward(norm.forward(to)), "silu")), 0.5);
      let y = half(x, block.ff1_ln, block.ff1_fc, block.ff1_out);
      const mask = keep.view([2, 1, 1, STEPS]);
      y = add(nn, y, block.attn.forward(block.attn_ln.forward(y), { variant, mask }));
      const gated = glu(nn, block.pw1.forward(block.conv_ln.forward(y))).tensor.toArray();
      for (const [b, count] of frames.entries()) gated.fill(0, (b * STEPS + count) * 16, (b + 1) * STEPS * 16);
      const convolved = block.conv_norm.forward(block.dw.forward(nn.input(gated, [2, STEPS, 16])));
      y = add(nn, y, block.pw2.forward(activation(nn, convolved, "silu")));
      y = block.ln.forward(half(y, block.ff2_ln, block.ff2_fc, block.ff2_out));
      return [block.forward(x, keep, variant).toArray(), y.toArray()];
    });
    assert.is(firstDifference(got, want), -1, variant); // a fused activation rounds as one on its own

    const positions = (table: number) => {
      model.pos.weight.tensor.data.fill(table);
      return nn.evaluate(() => model.logits(features, [T, 4]).toArray());
    };
    assert.not.equal(positions(0), positions(1));
  }
  nn.dispose();
});

test("as many labels as steps have one path, whose likelihood is the loss; one label more has none", () => {
  const nn = createSync({ threads: 1 });
  const model = made(nn, "laser");
  const one = features.subarray(0, T * MELS);
  const loss = (labels: number[]): number => nn.evaluate(() => model.loss(one, [T], [labels]).item);
  const scores = nn.evaluate(() => model.logits(one, [T]).toArray());
  const labels = [1, 2, 3];
  const terms = labels.map((label, step) => {
    const own = [...scores.subarray(step * CLASSES, (step + 1) * CLASSES)];
    return Math.log(own.reduce((sum, x) => sum + Math.exp(x), 0)) - own[label]!;
  });
  const want = terms.reduce((sum, x) => sum + x) / STEPS;
  assert.ok(Math.abs(loss(labels) - want) <= 8 * U * want, `${loss(labels)}, ${want}`);
  assert.is(loss([1, 2, 3, 1]), Number.POSITIVE_INFINITY);
  nn.dispose();
});

test("zeroInfinity leaves labels out that their frames can't spell: half the loss and the gradients of the others alone", () => {
  const nn = createSync({ threads: 1 });
  const model = made(nn, "laser");
  const of = (rows: number, labels: number[][], zeroInfinity?: boolean) => {
    model.zeroGrad();
    const frames = labels.map(() => T);
    const loss = nn.step(() => model.loss(features.subarray(0, rows * T * MELS), frames, labels, { zeroInfinity }));
    return { loss, grad: model.head.weight.grad.toArray() };
  };
  const labels = [[1], [2, 2, 2]]; // the same label three times takes five steps
  assert.is(of(2, labels).loss, Number.POSITIVE_INFINITY);
  assert.is(of(2, labels, false).loss, Number.POSITIVE_INFINITY);
  const both = of(2, labels, true);
  const alone = of(1, [[1]], true);
  assert.is(both.loss, alone.loss / 2);
  // Halves are exact; float32 sums over the steps of two entries, the second's gradients 0, may come in another order.
  const most = Math.max(...alone.grad.map(Math.abs));
  assert.ok(both.grad.every((x, n) => Math.abs(x - alone.grad[n]! / 2) <= 1e-6 * most));
  nn.dispose();
});

test("options of the loss that there are not, and a zeroInfinity that is no boolean, are refused by name", () => {
  const nn = createSync({ threads: 1 });
  const model = made(nn, "laser");
  const of = (options: object) => () => nn.step(() => model.loss(features, [T, T], [[1], [2]], options));
  throws(of({ zeroInfinity: 1 }), TypeError, "conformer: zeroInfinity must be true or false, got 1");
  throws(of({ zero_infinity: true }), TypeError, "dropout, seed, zeroInfinity", "zero_infinity");
  throws(of({ dropout: 0.5 }), TypeError, "conformer: dropout needs a seed");
  nn.dispose();
});

test.run();
