import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Bert, bert, fill } from "../src/models/index.js";
import { AdamW, createSync, Random } from "../src/nn/index.js";
import { throws } from "./support/throws.js";

const config = { vocabulary: 9, context: 8, width: 16, heads: 2, layers: 1, variant: "laser" as const, seed: 2 };
const MASK = 8;

/** Rows of c, c + 3, c, c + 3, ... modulo 8, two places hidden. */
function batch(random: Random, B: number): { ids: number[][]; targets: number[][]; whole: number[][] } {
  const whole = Array.from({ length: B }, () => {
    const first = random.int(8);
    return Array.from({ length: 8 }, (_, n) => (first + 3 * (n % 2)) % 8);
  });
  const hidden = whole.map(() => [random.int(4), 4 + random.int(4)]);
  const ids = whole.map((row, b) => row.map((id, n) => (hidden[b]!.includes(n) ? MASK : id)));
  const targets = whole.map((row, b) => row.map((id, n) => (hidden[b]!.includes(n) ? id : -1)));
  return { ids, targets, whole };
}

test("a model that was trained on a rule fills it in; what is not hidden stays", () => {
  const nn = createSync({ threads: 1 });
  const model = bert(nn, config);
  const optimizer = new AdamW(nn, model, { lr: 1e-2 });
  const random = new Random(1);
  for (let n = 0; n < 150; n++) {
    const { ids, targets } = batch(random, 16);
    nn.step(() => model.loss(ids, targets));
    optimizer.step();
  }
  const { ids, whole } = batch(random, 20);
  const filled = fill(nn, model, ids);
  assert.equal(
    filled.map((row) => [...row.ids]),
    whole,
  );
  for (const { places } of filled) {
    for (const { candidates } of places) assert.ok(candidates[0]!.probability > 0.5);
  }
  nn.dispose();
});

test("rows may be array-likes without iteration, here and in a batch of a model", () => {
  const nn = createSync({ threads: 1 });
  const model = bert(nn, config);
  const like = <T>(...items: T[]): ArrayLike<T> => ({ ...items, length: items.length });
  const rows = [
    [1, MASK, 3],
    [4, 2, MASK],
  ] as const;
  const likes = like(...rows.map((row) => like(...row))) as unknown as ArrayLike<number>[];
  assert.equal(fill(nn, model, likes), fill(nn, model, rows));
  const [ids, targets] = [rows, rows.map((row) => row.map((id) => (id === MASK ? 5 : -1)))];
  const likeTargets = like(...targets.map((row) => like(...row))) as unknown as ArrayLike<number>[];
  assert.is(
    nn.step(() => model.loss(likes, likeTargets)),
    nn.step(() => model.loss(ids, targets)),
  );
  nn.dispose();
});

test("probabilities are the softmax of the model's scores without the mask, best first, and sum to 1", () => {
  const nn = createSync({ threads: 1 });
  const model = bert(nn, config);
  for (const { tensor } of model.parameters.values()) tensor.set(tensor.toArray().map((x) => 8 * x));
  model.head.bias.tensor.data[MASK] = 100; // the mask is no answer, however sure the model is
  const rows = [[1, MASK, 3], [MASK], [4, 5], [MASK, MASK, 2, 7, 7, 1, 1, MASK]];
  const filled = fill(nn, model, rows, { candidates: 8 });
  for (const [n, row] of rows.entries()) {
    const scores = nn.evaluate(() => model.logits([row]).toArray());
    const { ids, places } = filled[n]!;
    assert.equal(
      places.map(({ position }) => position),
      [...row.keys()].filter((at) => row[at] === MASK),
    );
    for (const { position, candidates } of places) {
      const own = [...scores.subarray(9 * position, 9 * position + 8)];
      const sum = own.reduce((total, x) => total + Math.exp(x), 0);
      for (const { id, probability } of candidates) {
        assert.ok(Math.abs(probability - Math.exp(own[id]!) / sum) <= 1e-13);
      }
      assert.equal(
        candidates.map(({ id }) => id),
        [...own.keys()].sort((a, b) => own[b]! - own[a]!),
      );
      assert.ok(Math.abs(candidates.reduce((total, { probability }) => total + probability, 0) - 1) <= 1e-15 * 8);
      assert.is(ids[position], candidates[0]!.id);
    }
    for (const [at, id] of row.entries()) if (id !== MASK) assert.is(ids[at], id);
  }
  assert.is(fill(nn, model, rows)[1]!.places[0]!.candidates.length, 5);
  assert.is(fill(nn, model, rows, { candidates: 2 })[1]!.places[0]!.candidates.length, 2);
  assert.equal(fill(nn, model, []), []);
  nn.dispose();
});

test("what is no row, no id, too long or no option is refused by name", () => {
  const nn = createSync({ threads: 1 });
  const model = bert(nn, config);
  const call = (rows: unknown, options?: object) => () => fill(nn, model, rows as number[][], options as never);
  throws(call("rows"), TypeError, 'fill: rows must be an array, got "rows"');
  throws(call([[1], 2]), TypeError, "fill: rows[1] must be an array, got 2");
  throws(call([[1], []]), RangeError, "fill: rows[1] must have 1 to 8 tokens (the context), got 0");
  throws(call([new Array(9).fill(1)]), RangeError, "fill: rows[0] must have 1 to 8 tokens (the context), got 9");
  throws(call([[9]]), RangeError, "fill: rows[0] must be integers from 0 to 8, got 9 at 0");
  throws(call([[1]], { candidates: 0 }), RangeError, "candidates must be an integer of 1 or more, got 0");
  throws(call([[1]], { k: 1 }), TypeError, 'fill: options must be among candidates, got "k"');
  throws(() => fill(nn, {} as Bert, []), TypeError, "fill: model must be a bert, got an Object");
  nn.dispose();
});

test.run();
