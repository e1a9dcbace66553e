/** Linear layers of few rows, whose weights are read where they lie, and of so many that threads share their products. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  create,
  createSync,
  crossEntropy,
  type LinearOptions,
  linear,
  type Nn,
  type Parameter,
} from "../src/nn/index.js";
import { sameBits } from "./support/bits.js";
import { relaxedSupported } from "./support/kernels.js";
import { Random } from "./support/random.js";

/** Depths around 4, the span of 192 and two of them; columns around 16 and 32, and enough of them for two threads of few rows. */
const SIZES: readonly (readonly [k: number, n: number])[] = [
  ...[1, 3, 4, 5, 188, 191, 192, 193, 196, 256, 260, 384, 388].map((k) => [k, 37] as const),
  ...[1, 8, 15, 16, 17, 31, 32, 33, 47, 48, 49].map((n) => [36, n] as const),
  [516, 1000],
  [6000, 24],
];

const engines: readonly Nn[] = [
  createSync({ threads: 1, simd: "plain" }),
  ...(relaxedSupported ? [createSync({ threads: 1, simd: "relaxed" })] : []),
  await create({ threads: 2 }),
];

test("one row or two have the bits that they have beside a third, with one thread and with two", () => {
  for (const nn of engines) {
    for (const [k, n] of SIZES) {
      const random = new Random(1000 * k + n);
      const [x, w, b] = [random.normals(3 * k), random.normals(n * k), random.normals(n)];
      // Products that cancel or underflow: an element may be 0 or -0.
      x.fill(1e-30, 2 * k);
      w.fill(-1e-30, 0, k);
      const [weight, bias] = [nn.parameter(w, [n, k]), nn.parameter(b, [n])];
      const run = (rows: Float32Array, ...more: readonly [Parameter?, LinearOptions?]) =>
        nn.evaluate(() => linear(nn, nn.input(rows, [rows.length / k, k]), weight, ...more).toArray());
      const layers: readonly (readonly [Parameter?, LinearOptions?])[] = [[], [bias, { activation: "gelu" }]];
      for (const more of layers) {
        const whole = run(x, ...more);
        for (const [first, end] of [
          [0, 1],
          [2, 3],
          [1, 3],
        ] as const) {
          const where = `${nn.la.simd} x${nn.la.threads}, rows ${first} to ${end}, k ${k} n ${n}`;
          sameBits(where, run(x.subarray(first * k, end * k), ...more), whole.subarray(first * n, end * n));
        }
      }
    }
  }
});

test("products that threads share by rows or by columns have the bits of one thread, and so have gradients that are added", async () => {
  // Each has more than 5e6 operations, which two threads share, of y [m, n], dw [n, k] and dx [m, k] the longer side.
  for (const [m, k, n] of [
    [300, 100, 120],
    [100, 300, 120],
    [100, 120, 300],
  ] as const) {
    const results: Float32Array[][] = [];
    for (const nn of [createSync({ threads: 1 }), await create({ threads: 2 })]) {
      const random = new Random(m + n);
      const [x, weight] = [nn.parameter(random.normals(m * k), [m, k]), nn.parameter(random.normals(n * k), [n, k])];
      const bias = nn.parameter(random.normals(n), [n]);
      const targets = Int32Array.from({ length: m }, (_, i) => i % n);
      let y: Float32Array = new Float32Array();
      for (let step = 0; step < 2; step++) {
        nn.step(() => {
          const out = linear(nn, x, weight, bias);
          y = out.toArray();
          return crossEntropy(nn, out, targets);
        });
      }
      results.push([y, x.grad.toArray(), weight.grad.toArray(), bias.grad.toArray()]);
      nn.dispose();
    }
    for (const [i, name] of ["y", "dx", "dw", "db"].entries())
      sameBits(`${name} of ${m} x ${k} to ${n}`, results[1]![i]!, results[0]![i]!);
  }
});

test("no rows write nothing", () => {
  for (const nn of engines) {
    const weight = nn.parameter(new Float32Array(48 * 36).fill(1), [48, 36]);
    nn.evaluate(() => {
      const [before, x, after] = [
        nn.input(new Float32Array(16), [16]),
        nn.input(new Float32Array(0), [0, 36]),
        nn.input(new Float32Array(256), [256]),
      ];
      assert.equal(linear(nn, x, weight).toArray(), new Float32Array(0));
      for (const near of [before, after]) assert.ok(near.toArray().every((value) => value === 0));
    });
  }
});

test.run();
