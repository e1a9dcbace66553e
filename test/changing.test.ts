/** Inputs that change while they are read: what was checked is what is used. */
import { Worker } from "node:worker_threads";
import { createSync } from "laser-attention";
import { gpt } from "laser-attention/models";
import { createSync as createTraining, crossEntropy, ctcLoss, embedding, takeRows } from "laser-attention/nn";
import { test } from "uvu";
import * as assert from "uvu/assert";

/** An array whose first element is `then` once it has been read. */
function changing(first: number, then: number): number[] {
  let reads = 0;
  const get = (target: number[], key: string | symbol): unknown =>
    key === "0" ? (reads++ === 0 ? first : then) : Reflect.get(target, key);
  return new Proxy([first], { get });
}

test("shapes and strides are those that were checked, however they read a second time", () => {
  const la = createSync();
  const whole = la.tensor(Float32Array.of(1, 2, 3, 4), [4]);
  assert.equal(la.zeros(changing(2, 64)).toArray().length, 2);
  assert.equal(la.empty(changing(2, 64)).shape, [2]);
  assert.equal(la.tensor(Float32Array.of(5), changing(1, 64)).toArray(), Float32Array.of(5));
  assert.equal(whole.view(changing(2, 4096), [1]).toArray(), Float32Array.of(1, 2));
  assert.equal(whole.view([2], changing(1, 4096)).toArray(), Float32Array.of(1, 2));
  la.dispose();
});

test("ids, targets, rows, places and frames are those that were checked", () => {
  const nn = createTraining({ threads: 1 });
  const model = gpt(nn, { vocabulary: 9, context: 4, width: 8, heads: 2, layers: 1, variant: "laser" });
  const options = { variant: "laser", causal: true } as const;
  const table = nn.parameter(Float32Array.of(1, 2, 3), [3, 1]);
  const far = 2 ** 27;
  nn.evaluate(() => {
    assert.equal(embedding(nn, changing(2, far), [1], table).toArray(), Float32Array.of(3));
    const x = nn.input(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]);
    assert.equal(takeRows(nn, x, changing(1, far)).toArray(), Float32Array.of(4, 5, 6));
    const wide = nn.input(
      Float32Array.from({ length: 24 }, (_, i) => i / 24),
      [1, 3, 8],
    );
    const { attn } = model.blocks[0]!;
    for (const part of [model.blocks[0]!, { forward: attn.forward.bind(attn) }]) {
      for (const attention of [options, { variant: "laser" } as const]) {
        const expected = part.forward(wide, attention, { rows: [1] }).toArray();
        assert.equal(part.forward(wide, attention, { rows: changing(1, far) }).toArray(), expected);
      }
    }
    const scores = model.logits([[1, 2, 3]], [1]).toArray();
    assert.equal(model.logits([[1, 2, 3]], changing(1, far)).toArray(), scores);
    const row = nn.input(Float32Array.of(1, 1, 1), [1, 3]);
    assert.ok(Math.abs(crossEntropy(nn, row, changing(2, far)).item - Math.log(3)) < 1e-6);
    const frames = nn.input(new Float32Array(6), [1, 2, 3]);
    const loss = ctcLoss(nn, frames, [[1]], [2]).item;
    assert.is(ctcLoss(nn, frames, [changing(1, far)], changing(2, far)).item, loss);
  });
  nn.dispose();
});

test("ids that another thread writes at the same time are refused or taken, and never read out of bounds", async () => {
  const nn = createTraining({ threads: 1 });
  const ids = new Int32Array(new SharedArrayBuffer(4 * 1024));
  const program = `const { workerData } = require("node:worker_threads"); const ids = new Int32Array(workerData);
    while (Atomics.load(ids, 0) === 0) { ids[1023] = 0; ids[1023] = 500000000; }`;
  const thread = new Worker(program, { eval: true, workerData: ids.buffer });
  while (ids[1023] === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  const table = nn.parameter(Float32Array.of(1, 2), [2, 1]);
  const [start, counts] = [performance.now(), { taken: 0, refused: 0 }];
  // Some hundred ms, and on a busy machine until the other thread has had its turn.
  const over = (ms: number) => performance.now() > start + ms;
  while (!over(300) || (Math.min(counts.taken, counts.refused) === 0 && !over(10_000))) {
    try {
      const { length } = nn.evaluate(() => embedding(nn, ids, [1024], table).toArray());
      assert.is(length, 1024);
      counts.taken++;
    } catch (error) {
      assert.ok(
        error instanceof RangeError && /^embedding: ids must be integers from 0 to 1/.test(error.message),
        `${error}`,
      );
      counts.refused++;
    }
  }
  Atomics.store(ids, 0, 1); // terminate() does not end a loop in Deno, where it took half of all later tests' time
  await thread.terminate();
  assert.ok(counts.taken > 0 && counts.refused > 0, JSON.stringify(counts));
  nn.dispose();
});

test.run();
