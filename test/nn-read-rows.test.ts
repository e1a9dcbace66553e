/** Blocks and models of which only some rows are read: what they give is what the whole gives of these rows. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../src/data/random.js";
import { type Bert, bert, type Gpt, gpt, type Vit, vit } from "../src/models/index.js";
import {
  AttentionCache,
  addPositions,
  cachedAttention,
  createSync,
  crossEntropy,
  type Loss,
  type Module,
  type Nn,
  prepend,
  SelfAttention,
  takeRow,
  takeRows,
  type Value,
} from "../src/nn/index.js";
import type { AnyTensor } from "../src/tensor.js";
import type { AttentionOptions } from "../src/types.js";
import { firstDifference } from "./support/bits.js";
import { throws } from "./support/throws.js";

const random = new Random(31);
const [B, N, V] = [3, 7, 11];
const sizes = { width: 16, heads: 2, layers: 2 };
const ids = Array.from({ length: B }, () => Int32Array.from({ length: N }, () => random.int(V - 1)));
const flat = ids.flatMap((row) => [...row]);
/** None, one, and some of the places of a row. */
const targets = [
  [-1, -1, -1, -1, -1, -1, -1],
  [-1, -1, -1, -1, -1, -1, 4],
  [3, -1, 0, 10, -1, 5, -1],
];
const variants = ["standard", "laser"] as const;

const norm = (x: ArrayLike<number>): number => Math.hypot(...Array.from(x));

/** The loss, and what it is for all parameters. */
function gradientsOf(nn: Nn, model: Module, loss: () => Loss): { loss: number; grads: Map<string, Float32Array> } {
  model.zeroGrad();
  const value = nn.step(loss);
  return { loss: value, grads: new Map([...model.parameters].map(([name, { grad }]) => [name, grad.toArray()])) };
}

/**
 * Sums of float32 in another order, as goldens are held against float64: 1e-5 of the norm of each gradient, and of the norm of all,
 * shared by their number, where the true gradient is 0 (biases of keys). A row too many or too few is off by its whole share.
 */
function sameGradients(label: string, nn: Nn, model: Module, few: () => Loss, whole: () => Loss): void {
  const [got, expected] = [gradientsOf(nn, model, few), gradientsOf(nn, model, whole)];
  assert.ok(Math.abs(got.loss - expected.loss) <= 1e-6 * expected.loss, `${label}: ${got.loss}, ${expected.loss}`);
  const all = norm([...expected.grads.values()].map(norm));
  assert.ok(all > 0.01, label);
  for (const [name, grad] of expected.grads) {
    const error = norm(grad.map((x, i) => x - got.grads.get(name)![i]!));
    assert.ok(error <= 1e-5 * norm(grad) + 1e-7 * all, `${label} ${name}: off by ${error} of ${norm(grad)}`);
  }
}

/** All that a model of tokens computes, and then the loss. */
const wholeLoss = (nn: Nn, model: Gpt | Bert, of: readonly number[][]) => () =>
  crossEntropy(nn, model.logits(ids), of.flat());

for (const variant of variants) {
  test(`${variant}: a masked loss and its gradients are those of all scores with other targets left out`, () => {
    const nn = createSync({ threads: 1 });
    const model = bert(nn, { ...sizes, vocabulary: V, context: N, variant });
    const causal = gpt(nn, { ...sizes, vocabulary: V, context: N, variant });
    const one = [targets[0]!, targets[0]!, targets[1]!];
    const all = ids.map((row) => [...row]);
    for (const [label, of] of Object.entries({ some: targets, one, all })) {
      sameGradients(`bert, ${label}`, nn, model, () => model.loss(ids, of), wholeLoss(nn, model, of));
      sameGradients(`gpt, ${label}`, nn, causal, () => causal.loss(ids, of), wholeLoss(nn, causal, of));
    }
    nn.dispose();
  });

  test(`${variant}: a Vision Transformer that computes its last block for class tokens alone has the gradients of the whole`, () => {
    const nn = createSync({ threads: 1 });
    const model: Vit = vit(nn, { ...sizes, side: 8, patch: 4, classes: 3, variant });
    const [patches, labels] = [random.uniforms(B * 4 * 48, -1, 1), [0, 2, 1]];
    const whole = (): Loss => {
      const tokens = model.patch.forward(nn.input(patches, [B, 4, 48]));
      let x = addPositions(nn, prepend(nn, model.cls, tokens), model.pos);
      for (const block of model.blocks) x = block.forward(x, { variant });
      return crossEntropy(nn, model.head.forward(model.lnf.forward(takeRow(nn, x, 0))), labels);
    };
    sameGradients("vit", nn, model, () => model.loss(patches, labels), whole);
    nn.dispose();
  });

  test(`${variant}: a block gives any rows, in any order, twice or none, with every option, to the bits of all of them`, () => {
    const nn = createSync({ threads: 1 });
    const model = bert(nn, { ...sizes, vocabulary: V, context: N, variant });
    const block = model.blocks[0]!;
    // A key for each query at least, and others for each.
    const seen = Uint8Array.from({ length: B * N * N }, (_, n) => Number(n % (N + 1) === 0 || random.uniform() < 0.5));
    const options: Omit<AttentionOptions, "variant">[] = [
      {},
      { causal: true },
      { causal: true, align: "top-left" },
      { window: [2, 1] },
      { mask: nn.la.tensor(seen, [B, 1, N, N]) },
      { bias: nn.la.tensor(random.normals(N * N), [1, 1, N, N]) },
      { alibi: true },
      { scale: 0.3, softcap: 5 },
    ];
    const tokens = (): Value => model.pos.add(model.tok.forward(flat, [B, N]));
    for (const option of options) {
      const label = Object.keys(option).join();
      for (const rows of [[0], [20, 3, 3, 8], [6, 5, 4, 3, 2, 1, 0], [9, 9, 9, 9, 9, 9, 9, 9], []]) {
        const run = (few: boolean): Value => {
          const x = tokens();
          const all = { ...option, variant };
          return few ? block.forward(x, all, { rows }) : takeRows(nn, block.forward(x, all), rows);
        };
        const [got, expected] = [true, false].map((few) => nn.evaluate(() => run(few).toArray()));
        assert.is(got!.length, rows.length * sizes.width);
        assert.is(firstDifference(got!, expected!), -1, `${label} ${rows}`);
        if (rows.length === 0) continue;
        const loss = (few: boolean) => () =>
          crossEntropy(
            nn,
            run(few),
            rows.map((row) => row % sizes.width),
          );
        sameGradients(`${label} ${rows}`, nn, model, loss(true), loss(false));
      }
    }
    nn.dispose();
  });
}

test("logits of some places are those of all, at any number of threads the same bits", () => {
  const [one, three] = [createSync({ threads: 1 }), createSync({ threads: 3 })];
  const pool = three.engine.pool!;
  Object.assign(pool, { members: () => pool.size });
  const run = (nn: Nn): Float32Array[] => {
    const model = bert(nn, { ...sizes, vocabulary: V, context: N, variant: "laser" });
    const places = [19, 2, 2, 9];
    const all = nn.evaluate(() => model.logits(ids).toArray());
    const some = nn.evaluate(() => model.logits(ids, places).toArray());
    const expected = Float32Array.from(places.flatMap((place) => [...all.subarray(place * V, (place + 1) * V)]));
    assert.is(firstDifference(some, expected), -1);
    assert.is(nn.evaluate(() => model.logits(ids, []).toArray()).length, 0);
    return [some, ...gradientsOf(nn, model, () => model.loss(ids, targets)).grads.values()];
  };
  const [a, b] = [run(one), run(three)];
  for (const [i, part] of a.entries()) assert.is(firstDifference(b[i]!, part), -1, `part ${i}`);
  one.dispose();
  three.dispose();
});

test("places, rows and targets that are none are refused by name, and a batch without targets", () => {
  const nn = createSync({ threads: 1 });
  const model = bert(nn, { ...sizes, vocabulary: V, context: N, variant: "laser" });
  const loss = (value: number) => () =>
    nn.step(() => model.loss(ids, [...targets.slice(0, 2), [value, ...targets[2]!.slice(1)]]));
  throws(loss(11), RangeError, "bert: targets[2] must be integers from -1 to 10, got 11 at 0");
  throws(loss(-2), RangeError, "targets[2]", "got -2 at 0");
  throws(loss(0.5), RangeError, "targets[2]", "got 0.5 at 0");
  const logits = (places: unknown) => () => nn.evaluate(() => model.logits(ids, places as number[]));
  throws(logits([0, 21]), RangeError, "bert: places must be integers from 0 to 20, got 21 at 1");
  throws(logits(3), TypeError, "bert: places must be an array, got 3");
  const block = model.blocks[0]!;
  const tokens = (): Value => model.tok.forward([1, 2, 3], [1, 3]);
  const run = (more: unknown) => () => nn.evaluate(() => block.forward(tokens(), { variant: "laser" }, more as object));
  throws(run({ rows: [3] }), RangeError, "selfAttention: rows must be integers from 0 to 2, got 3 at 0");
  throws(run([0]), TypeError, "block: options must be an object, got [0]");
  throws(run({ row: [0] }), TypeError, 'block: options must be among cache, rows, drop, got "row"');
  const attend = (options: object, rows: unknown, cache?: unknown) => () =>
    nn.evaluate(() => block.attn.forward(tokens(), options as { variant: "laser" }, { cache, rows } as object));
  throws(attend({}, [0]), TypeError, 'selfAttention: variant must be "standard" or "laser", got undefined');
  throws(attend({ variant: "laser" }, null), TypeError, "selfAttention: rows must be an array, got null");
  throws(attend({ variant: "laser", causal: true }, null), TypeError, "selfAttention: rows must be an array, got null");
  throws(attend({ variant: "laser" }, ["1"]), TypeError, 'rows must be integers from 0 to 2, got "1" at 0');
  throws(attend({ variant: "laser" }, undefined, [1]), TypeError, "cache must be an AttentionCache, got [1]");
  const cache = new AttentionCache(nn, 1, 8, sizes.width);
  throws(attend({ variant: "laser" }, [3], cache), RangeError, "selfAttention: rows must be integers from 0 to 2");
  assert.is(cache.length, 0, "tokens of a call that threw");
  cache.dispose();
  const none = ids.map(() => targets[0]!);
  throws(() => nn.step(() => model.loss(ids, none)), RangeError, "bert: targets must have one that is not -1");
  nn.dispose();
});

test("rows that the caller changes after the forward pass change no gradient", () => {
  const nn = createSync({ threads: 1 });
  const model = bert(nn, { ...sizes, vocabulary: V, context: N, variant: "laser" });
  const gradients = (change: (rows: number[]) => void): Float32Array[] => {
    const loss = (): Loss => {
      const rows = [1, 9, 10];
      const x = model.tok.forward(flat, [B, N]);
      const y = model.blocks[0]!.forward(x, { variant: "laser" }, { rows });
      change(rows);
      return crossEntropy(nn, y, [1, 2, 3]);
    };
    return [...gradientsOf(nn, model, loss).grads.values()];
  };
  const expected = gradients(() => {});
  for (const change of [
    (rows: number[]) => rows.pop(),
    (rows: number[]) => rows.push(0),
    (rows: number[]) => rows.reverse(),
  ]) {
    for (const [i, part] of gradients(change).entries())
      assert.is(firstDifference(part, expected[i]!), -1, `part ${i}`);
  }
  nn.dispose();
});

test("steps with any number of hidden tokens allocate nothing once the largest was there", () => {
  const nn = createSync({ threads: 1 });
  const model = bert(nn, { ...sizes, vocabulary: V, context: N, variant: "laser" });
  const step = (hidden: number): { bytes: number; used: number } => {
    // By columns: as many in each row, if not one more, and never a whole row, for which all would be computed.
    const of = ids.map((row, b) => row.map((id, n) => (n * B + b < hidden ? id : -1)));
    nn.step(() => model.loss(ids, of));
    return nn.la.memory;
  };
  for (const hidden of [1, 5, 18, 12]) step(hidden);
  const settled = step(18);
  for (const hidden of [3, 17, 1, 18, 7, 8]) assert.equal(step(hidden), settled, `${hidden}`);
  nn.dispose();
});

test("rows behind a cache are those of all behind it, where no query has a number of its own too", () => {
  const nn = createSync({ threads: 1 });
  const attn = new SelfAttention(nn, random, 8, 2);
  const [before, x] = [2, 3].map((n) => nn.input(random.normals(8 * n), [1, n, 8]));
  const run = (rows?: number[]) => {
    const cache = new AttentionCache(nn, 1, 5, 8);
    const got = nn.evaluate(() => {
      attn.forward(before!, { variant: "laser" }, { cache });
      return attn.forward(x!, { variant: "laser" }, { cache, rows }).toArray();
    });
    return { got: [...got], length: cache.length };
  };
  const all = run();
  assert.equal(run([2, 0]), { got: [...all.got.slice(16), ...all.got.slice(0, 8)], length: 5 });
  nn.dispose();
});

test("a cache takes no tokens where there is no memory for the result, or for attention itself", () => {
  const nn = createSync({ maxMemory: 2 ** 21, threads: 1 });
  const cache = new AttentionCache(nn, 1, 64, 64);
  const qkv = nn.input(new Float32Array(32 * 192).fill(0.5), [1, 32, 192]);
  const next = () => nn.evaluate(() => cachedAttention(nn, qkv, 2, cache, { variant: "laser" }).toArray());
  const spare = nn.la.empty([32, 64]); // as much as the result
  const rest: AnyTensor[] = [];
  for (let n = 2 ** 19; n >= 64; ) {
    try {
      rest.push(nn.la.empty([n]));
    } catch {
      n /= 2;
    }
  }
  throws(next, RangeError, "memory", "8192 bytes");
  assert.is(cache.length, 0);
  spare.dispose();
  throws(next, RangeError, "memory");
  assert.is(cache.length, 0);
  for (const tensor of rest) tensor.dispose();
  assert.ok(next().every((y) => y === 0.5));
  assert.is(cache.length, 32);
  nn.dispose();
});

test("features are what blocks and the last norm make of tokens, of some places, and of the class token of images", () => {
  const nn = createSync({ threads: 1 });
  for (const variant of variants) {
    const config = { ...sizes, vocabulary: V, context: N, variant };
    for (const model of [gpt(nn, config), bert(nn, config)]) {
      const whole = nn.evaluate(() => {
        let x = model.pos.add(model.tok.forward(flat, [B, N]));
        for (const block of model.blocks) x = block.forward(x, { variant, causal: model.family === "gpt" });
        return model.lnf.forward(x).toArray();
      });
      const label = `${model.family} ${variant}`;
      assert.is(
        firstDifference(
          nn.evaluate(() => model.features(ids).toArray()),
          whole,
        ),
        -1,
        label,
      );
      const places = [N + 2, 0];
      const some = nn.evaluate(() => model.features(ids, places).toArray());
      const expected = places.flatMap((place) => [...whole.subarray(place * 16, (place + 1) * 16)]);
      // Norms make elements of size 1, of some tens of terms whose order may be another.
      assert.ok(
        expected.every((x, n) => Math.abs(x - some[n]!) <= 1e-5),
        label,
      );
      throws(
        () => model.features(ids, undefined, { length: [1] } as never),
        TypeError,
        "options must be among dropout, seed, lengths",
      );
    }
    const model = vit(nn, { ...sizes, side: 4, patch: 2, classes: 3, variant });
    const patches = random.normals(2 * 4 * 12);
    const [vectors, scores] = nn.evaluate(() => {
      const x = model.features(patches);
      assert.equal([...x.shape], [2, 16]);
      return [x.toArray(), model.logits(patches).toArray()];
    });
    const head = nn.evaluate(() => model.head.forward(nn.input(vectors, [2, 16])).toArray());
    assert.is(firstDifference(head, scores), -1);
    assert.ok(norm(vectors) > 1);
  }
  nn.dispose();
});

test.run();
