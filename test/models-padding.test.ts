/** Batches of rows of different lengths: `lengths` of the models of tokens. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bert, gpt, type TokenModel } from "../src/models/index.js";
import { createSync, type Nn, Random } from "../src/nn/index.js";
import { firstDifference } from "./support/bits.js";
import { throws } from "./support/throws.js";

const [N, V] = [9, 11];
const random = new Random(5);
const lengths = [9, 1, 4];
const rows = lengths.map((length) => Array.from({ length }, () => random.int(V - 1)));
const targets = rows.map((row) => row.map((id, n) => (n % 2 === 0 ? id : -1)));

/** Rows of N, with something behind what they hold. */
const fill = (of: readonly number[][], padding: (n: number) => number): number[][] =>
  of.map((row) => Array.from({ length: N }, (_, n) => row[n] ?? padding(n)));

function* models(nn: Nn): Generator<TokenModel> {
  for (const variant of ["standard", "laser"] as const) {
    const config = { vocabulary: V, context: N, width: 16, heads: 2, layers: 2, variant };
    yield bert(nn, config);
    yield gpt(nn, config);
  }
}

test("scores of padded rows are those of each row alone, of some places too", () => {
  const nn = createSync({ threads: 1 });
  for (const model of models(nn)) {
    const label = `${model.family} ${model.config.variant}`;
    const padded = fill(rows, () => 3);
    const all = nn.evaluate(() => model.logits(padded, undefined, { lengths }).toArray());
    for (const [b, row] of rows.entries()) {
      const alone = nn.evaluate(() => model.logits([row]).toArray());
      const got = all.subarray(b * N * V, (b * N + row.length) * V);
      // Sums of some tens of float32 terms of size 1, in an order that the padding may change; without lengths they differ by 1e-4 and more.
      const error = Math.max(...alone.map((x, n) => Math.abs(x - got[n]!)));
      assert.ok(error <= 1e-5, `${label}, row ${b}: ${error}`);
    }
    const places = [0, N, N - 1, 2 * N + 3];
    const some = nn.evaluate(() => model.logits(padded, places, { lengths }).toArray());
    const expected = places.flatMap((place) => [...all.subarray(place * V, (place + 1) * V)]);
    assert.ok(
      expected.every((x, n) => Math.abs(x - some[n]!) <= 1e-5),
      label,
    );
    if (model.family === "gpt") continue; // its tokens see no padding anyway
    const without = nn.evaluate(() => model.logits(padded).toArray());
    assert.ok(
      all.subarray(N * V, (N + 1) * V).some((x, n) => Math.abs(x - without[N * V + n]!) > 1e-4),
      label,
    );
  }
  nn.dispose();
});

test("what the padding holds changes no bit of the loss and of its gradients, which are those of the rows alone", () => {
  const nn = createSync({ threads: 1 });
  for (const model of models(nn)) {
    const label = `${model.family} ${model.config.variant}`;
    const gradients = (loss: () => number): Map<string, Float32Array> => {
      model.zeroGrad();
      const value = loss();
      const all = new Map([...model.parameters].map(([name, { grad }]) => [name, grad.toArray()]));
      return all.set("loss", Float32Array.of(value));
    };
    const batch = (padding: (n: number) => number, given: ArrayLike<number> = lengths) =>
      gradients(() =>
        nn.step(() =>
          model.loss(
            fill(rows, padding),
            fill(targets, () => -1),
            { lengths: given },
          ),
        ),
      );
    const [got, other] = [batch(() => 3), batch((n) => n % V, Uint8Array.from(lengths))];
    for (const [name, x] of got) assert.is(firstDifference(x, other.get(name)!), -1, `${label} ${name}`);

    // The mean over all targets is that over each row's, by its share.
    const counts = targets.map((row) => row.filter((id) => id !== -1).length);
    const total = counts.reduce((sum, count) => sum + count, 0);
    const alone = gradients(() =>
      rows.reduce((sum, row, b) => {
        const share = counts[b]! / total;
        return sum + share * nn.step(() => model.loss([row], [targets[b]!]), share);
      }, 0),
    );
    const norm = (x: Float32Array): number => Math.hypot(...x);
    const whole = Math.hypot(...[...alone.values()].map(norm));
    for (const [name, x] of alone) {
      const error = norm(x.map((y, n) => y - got.get(name)![n]!));
      assert.ok(error <= 1e-5 * norm(x) + 1e-7 * whole, `${label} ${name}: off by ${error} of ${norm(x)}`);
    }
  }
  nn.dispose();
});

test("lengths that do not fit, targets in the padding and options that there are not are refused; memory stays", () => {
  const nn = createSync({ threads: 1 });
  const [masked] = models(nn);
  const model = masked!;
  const ids = fill(rows, () => 0);
  const hidden = fill(targets, () => -1);
  const before = nn.la.memory.used - nn.stepBytes;
  const logits = (options: object) => nn.evaluate(() => model.logits(ids, undefined, options).toArray());
  throws(() => logits({ lengths: [9, 1] }), RangeError, "bert: there must be 3 lengths, got 2");
  throws(() => logits({ lengths: [9, 1, 10] }), RangeError, "bert: lengths must be integers from 0 to 9, got 10 at 2");
  throws(
    () => logits({ lengths: [9, 1, 2.5] }),
    RangeError,
    "bert: lengths must be integers from 0 to 9, got 2.5 at 2",
  );
  throws(() => logits({ lengths: 9 }), TypeError, "bert: lengths must be");
  throws(
    () => logits({ length: [9, 1, 4] }),
    TypeError,
    'bert: options must be among dropout, seed, lengths, got "length"',
  );
  const loss = (of: number[][], options: object) => nn.step(() => model.loss(ids, of, options));
  const late = [hidden[0]!, [0, -1, 7, -1, -1, -1, -1, -1, -1], hidden[2]!];
  throws(() => loss(late, { lengths }), RangeError, "bert: targets[1][2] must be -1 in the padding, got 7");
  throws(
    () => loss(hidden, { lengths, padding: 1 }),
    TypeError,
    'bert: options must be among dropout, seed, lengths, got "padding"',
  );
  assert.is(nn.la.memory.used - nn.stepBytes, before);
  const empty = nn.evaluate(() => model.logits(ids, undefined, { lengths: [0, 9, 9] }).toArray());
  assert.ok(empty.every(Number.isFinite));
  nn.dispose();
});

test.run();
