/** Weights that are laid out once for all products, `Module.pack`: the same bits, and never those of yesterday's weights. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bert } from "../src/models/index.js";
import { AdamW, create, createSync, Linear, linear, Module, type Nn, Random } from "../src/nn/index.js";
import { sameBits } from "./support/bits.js";
import { relaxedSupported } from "./support/kernels.js";

const engines: readonly Nn[] = [
  createSync({ threads: 1, simd: "plain" }),
  ...(relaxedSupported ? [createSync({ threads: 1, simd: "relaxed" })] : []),
  await create({ threads: 2 }),
];

/** Rows around those of the thin path and of a tile; columns around a panel and a block of them; depths around the span of 192 and KD. */
const SIZES: readonly (readonly [m: number, k: number, n: number])[] = [
  ...[0, 1, 2, 3, 5, 6, 7, 47, 48, 49].map((m) => [m, 20, 24] as const),
  ...[1, 7, 8, 9, 15, 16, 17, 1023, 1024, 1025, 1033].map((n) => [7, 20, n] as const),
  ...[1, 3, 4, 5, 191, 192, 193, 385, 1023, 1024, 1025, 1500].map((k) => [7, k, 19] as const),
  [300, 250, 130], // shared by threads, by rows
  [130, 250, 300], // and by columns
  [40, 64, 2100], // more of them than a block has
  [30, 1500, 200],
];

const inputs = (seed: number, m: number, k: number): Float32Array => new Random(seed).normals(m * k);

test("a packed layer gives the bits of one that is not, and takes and gives back the memory of its weight", () => {
  for (const nn of engines) {
    for (const [m, k, n] of SIZES) {
      const layer = new Linear(nn, new Random(n + k), k, n);
      const x = inputs(m, m, k);
      const taken = 64 * Math.ceil((4 * 8 * Math.ceil(n / 8) * k) / 64);
      const run = (): Float32Array => nn.evaluate(() => layer.forward(nn.input(x, [m, k]), "gelu").toArray());
      const before = run();
      const { used } = nn.la.memory;
      for (let n = 0; n < 2; n++) {
        assert.is(layer.pack(), layer);
        assert.is(nn.la.memory.used - used, taken);
      }
      assert.is(layer.pack(false).pack(false), layer);
      assert.is(nn.la.memory.used, used);
      sameBits("unpacked", run(), before);
      layer.pack();
      sameBits(`${nn.la.simd} x${nn.la.threads}, ${m} x ${k} x ${n}`, run(), before);
    }
  }
});

test("a part of a layer's features has the bits that it has among all, packed or not", () => {
  const N = 50;
  for (const nn of engines) {
    for (const [m, k] of [
      [1, 20],
      [2, 21],
      [7, 20],
      [40, 400],
    ] as const) {
      const layer = new Linear(nn, new Random(k), k, N);
      const { weight, bias } = layer;
      const x = inputs(m, m, k);
      const all = nn.evaluate(() => layer.forward(nn.input(x, [m, k]), "gelu").toArray());
      const parts = [
        [0, N],
        [0, 16],
        [8, 42],
        [16, 17],
        [13, 30],
        [49, 1],
        [50, 0],
        [0, 0],
      ] as const;
      for (const packed of [false, true]) {
        layer.pack(packed);
        for (const [first, count] of parts) {
          const part = nn.evaluate(() =>
            linear(nn, nn.input(x, [m, k]), weight, bias, { activation: "gelu", part: [first, count] }).toArray(),
          );
          const rows = Array.from({ length: m }, (_, r) => [...all.subarray(r * N + first, r * N + first + count)]);
          sameBits(`${m} x ${k}, ${first} + ${count}, packed ${packed}`, part, Float32Array.from(rows.flat()));
        }
      }
    }
  }
});

test("who changes the weights of a packed model unpacks it: a step of its optimiser, and a state that is loaded", () => {
  for (const nn of engines) {
    const make = () =>
      bert(nn, { vocabulary: 11, context: 9, width: 24, heads: 2, layers: 2, variant: "laser", seed: 3 });
    const [model, other] = [make(), make()];
    const ids = [Int32Array.from({ length: 9 }, (_, n) => n)];
    const targets = [Int32Array.from({ length: 9 }, (_, n) => 10 - n)];
    const scores = (of: typeof model): Float32Array => nn.evaluate(() => of.logits(ids).toArray());
    const [start, first] = [model.stateDict(), scores(model)];
    const { used } = nn.la.memory;
    model.pack();
    assert.ok(nn.la.memory.used > used);
    sameBits("packed", scores(model), first);

    const optimizers = [model, other].map((of) => new AdamW(nn, of, { lr: 0.1 }));
    [model, other].forEach((of, n) => {
      nn.step(() => of.loss(ids, targets));
      optimizers[n]!.step();
    });
    const second = scores(other);
    assert.not.equal(second, first);
    sameBits("after a step", scores(model), second);

    model.pack();
    sameBits("packed after a step", scores(model), second);
    model.loadStateDict(start);
    sameBits("after loading", scores(model), first);
  }
});

test("weights that were packed inside of a scope are those of the model when the scope has ended", () => {
  const nn = engines[0]!;
  const layer = new Linear(nn, new Random(1), 20, 24);
  const run = (): Float32Array => nn.evaluate(() => layer.forward(nn.input(inputs(2, 5, 20), [5, 20])).toArray());
  const before = run();
  nn.la.scope(() => {
    layer.pack();
    sameBits("inside", run(), before);
  });
  const held = nn.la.zeros([24, 20]); // where the panels were
  sameBits("outside", run(), before);
  held.dispose();
});

test("pack is refused inside of a step and of a disposed instance; where memory runs out, what was packed serves, and can be given back", () => {
  const nn = engines[0]!;
  const layer = new Linear(nn, new Random(1), 4, 4);
  const message = /^pack: must be called outside of a step, and of evaluate$/;
  for (const on of [true, false]) {
    assert.throws(
      () => nn.evaluate(() => layer.pack(on)),
      (error: Error) => error instanceof TypeError && message.test(error.message),
    );
  }

  const small = createSync({ threads: 1, maxMemory: 3 << 20 });
  class Two extends Module {
    readonly layers = [8, 400].map((width) => new Linear(small, new Random(1), width, width));
  }
  const two = new Two();
  const { used, limit } = small.la.memory;
  small.la.zeros([((limit - used) >> 2) - 60_000]); // room for the first layer, not for the second
  const x = inputs(1, 5, 8);
  const run = (): Float32Array => small.evaluate(() => two.layers[0]!.forward(small.input(x, [5, 8])).toArray());
  const before = run();
  const full = small.la.memory.used;
  assert.throws(() => two.pack(), RangeError);
  assert.is(small.la.memory.used, full + 4 * 8 * 8);
  sameBits("the packed one", run(), before);
  two.pack(false);
  assert.is(small.la.memory.used, full);
  small.dispose();
  assert.throws(() => two.pack(), TypeError);
});

test.run();
