/** Linear layers of few rows, whose weights are read where they lie. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { create, createSync, linear, type Nn, type Parameter } from "../src/nn/index.js";
import { relaxedSupported } from "./support/kernels.js";
import { sameBits } from "./support/nn.js";
import { Random } from "./support/random.js";

/** Depths around 4, the span of 192 and two of them; columns around 16 and 32, and enough of them for two threads. */
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
      const run = (rows: Float32Array, ...more: readonly [Parameter?, "gelu"?]) =>
        nn.evaluate(() => linear(nn, nn.input(rows, [rows.length / k, k]), weight, ...more).toArray());
      const layers: readonly (readonly [Parameter?, "gelu"?])[] = [[], [bias, "gelu"]];
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
