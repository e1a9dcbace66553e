/** What the blocks of a model give back in an evaluation, and in a step of which they are no part. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Gpt, gpt } from "../src/models/index.js";
import { add, createSync, crossEntropy, Linear, type Nn, Random, type Value } from "../src/nn/index.js";

const random = () => new Random(7);

test("a model that is read takes the memory of one block, whatever its depth", () => {
  const bytes = [2, 8].map((layers) => {
    const nn = createSync({ threads: 1 });
    const model = gpt(nn, { vocabulary: 9, context: 128, width: 64, heads: 2, layers, variant: "laser" });
    const row = Array.from({ length: 128 }, (_, n) => n % 9);
    const { used } = nn.la.memory;
    const read = () => nn.evaluate(() => model.logits([row, row]).toArray());
    assert.equal(read(), read());
    const taken = nn.la.memory.used - used;
    nn.dispose();
    return taken;
  });
  assert.is(bytes[1], bytes[0]);
});

test("a frozen body takes the memory of one block in a step, whatever its depth, and its head learns the same", () => {
  const row = Array.from({ length: 128 }, (_, n) => n % 9);
  const bytes = [2, 8].map((layers) => {
    const nn = createSync({ threads: 1 });
    const model = gpt(nn, { vocabulary: 9, context: 128, width: 64, heads: 2, layers, variant: "laser" });
    const step = () => nn.step(() => model.loss([row, row], [row, row]));
    const loss = step();
    const gradient = model.head.weight.grad.toArray();
    const all = nn.stepBytes;
    nn.release();
    model.requiresGrad = false;
    model.head.requiresGrad = true;
    assert.ok(model.requiresGrad && !model.blocks[0]!.requiresGrad);
    model.zeroGrad();
    for (const time of ["noted", "planned"]) {
      assert.is(step(), loss, time);
      assert.equal(model.head.weight.grad.toArray(), gradient, time);
      model.zeroGrad();
    }
    const frozen = nn.stepBytes;
    model.blocks[layers - 1]!.requiresGrad = true; // the last block is kept, those below it are not
    for (let n = 0; n < 2; n++) assert.is(step(), loss);
    const last = nn.stepBytes;
    nn.dispose();
    return { all, frozen, last };
  });
  assert.is(bytes[1]!.frozen, bytes[0]!.frozen);
  assert.is(bytes[1]!.last, bytes[0]!.last);
  assert.ok(bytes[1]!.frozen < bytes[1]!.last && bytes[1]!.last < bytes[1]!.all, JSON.stringify(bytes));
});

test("a frozen body with parts of the user's own gives nothing back that these keep, bring or train, however large the batch", () => {
  const row = Array.from({ length: 128 }, (_, n) => n % 9);
  const config = { vocabulary: 9, context: 128, width: 64, heads: 2, layers: 3, variant: "laser" } as const;
  type Forward = (x: Value, ...rest: unknown[]) => Value;
  const wrap = (part: object, made: (forward: Forward) => Forward) => {
    const own = part as { forward: Forward };
    own.forward = made(own.forward.bind(own));
  };
  const changes: Record<string, (nn: Nn, model: Gpt, head: Linear) => (y: Value) => Value> = {
    "a trained layer that no property shows": (nn, { blocks }, head) => {
      for (const { attn } of blocks) wrap(attn.proj, (forward) => (x) => add(nn, forward(x), head.forward(x)));
      return (y) => y;
    },
    "hidden states that a trained layer reads": (nn, { blocks }, head) => {
      const seen: Value[] = [];
      for (const block of blocks)
        wrap(block, (forward) => (x, ...rest) => {
          seen.push(x);
          return forward(x, ...rest);
        });
      return (y) => head.forward(seen.splice(0).reduce((sum, x) => add(nn, sum, x), y));
    },
    "embeddings from outside of the step": (nn, model, head) => {
      const fixed = [1, 2].map((B) => nn.input(random().normals(B * 128 * 64), [B, 128, 64]));
      model.pos.add = (x) => fixed[x.shape[0]! - 1]!;
      return (y) => head.forward(y);
    },
  };
  for (const [name, change] of Object.entries(changes)) {
    const nn = createSync({ threads: 1 });
    const model = gpt(nn, config);
    model.requiresGrad = false;
    const head = new Linear(nn, random(), 64, 64);
    const last = change(nn, model, head);
    for (const rows of [[row], [row, row]]) {
      const step = () => nn.step(() => crossEntropy(nn, last(model.features(rows)), rows.flat()));
      const loss = step();
      assert.ok(
        head.weight.grad.data.some((x) => x !== 0),
        name,
      );
      assert.is(step(), loss, name);
      assert.is(
        nn.evaluate(() => crossEntropy(nn, last(model.features(rows)), rows.flat()).item),
        loss,
        name,
      );
    }
    nn.dispose();
  }
});

test.run();
