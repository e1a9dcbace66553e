import { createSync, type LaserAttention, type Tensor } from "laser-attention";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertWithin, compare } from "./support/bounds.js";
import { type Case, oracle } from "./support/oracle.js";
import { Random } from "./support/random.js";
import { throws } from "./support/throws.js";

const PAGE = 65536;

/** One of `count` recurring calls: all operations in turn, sizes that differ, results disposed. */
function recurring(la: LaserAttention, count: number): (() => void)[] {
  const random = new Random(11);
  return Array.from({ length: count }, (_, index) => {
    const [B, H, N, M, D] = [
      1 + random.int(2),
      1 + random.int(2),
      1 + random.int(8),
      1 + random.int(8),
      1 + random.int(8),
    ];
    const q = la.tensor(random.normals(B * H * N * D), [B, H, N, D]);
    const k = la.tensor(random.normals(B * H * M * D), [B, H, M, D]);
    const variant = index % 2 === 0 ? "laser" : "standard";
    const dispose = (...results: (Tensor | undefined)[]): void => {
      for (const result of results) result?.dispose();
    };
    const calls = [
      () => dispose(la.attention(q, k, k, { variant, causal: true })),
      () => {
        const saved = la.attentionForward(q, k, k, { variant, alibi: true });
        const { dq, dk, dv } = la.attentionBackward(q, saved);
        dispose(saved.out, saved.lse, dq, dk, dv);
      },
      () => dispose(la.matmul(q, k, { transposeB: true })),
      () => dispose(la.scope(() => la.softmaxBackward(q, la.softmax(q)))),
      () => dispose(la.tensor(q.data, q.shape), la.zeros([index, 100]), la.exp(k)),
    ];
    return calls[index % calls.length]!;
  });
}

const COUNT = "Deno" in globalThis ? 20_000 : 50_000;
test(`${COUNT} mixed calls over fifty recurring shapes do not grow memory after the first round`, () => {
  const la = createSync();
  const calls = recurring(la, 50);
  for (const call of calls) call();
  const { bytes, used } = la.memory;
  const random = new Random(5);
  for (let n = 50; n < COUNT; n++) calls[random.int(50)]!();
  assert.is(la.memory.bytes, bytes);
  assert.is(la.memory.used, used);
});

test("operations give their scratch back, so results are all that stays in use", () => {
  const la = createSync();
  const x = la.zeros([2, 3, 20, 16]);
  const { used } = la.memory;
  const saved = la.attentionForward(x, x, x, { variant: "laser", alibi: true, softcap: 3 });
  const { dq, dk, dv } = la.attentionBackward(x, saved);
  const size = (t: Tensor, each = 4): number => Math.ceil((t.data.length * each) / 64) * 64;
  const results = [saved.out, dq, dk, dv];
  const lse = size(saved.lse, 8); // and what rounding took from it
  assert.is(la.memory.used, used + lse + results.reduce((sum, t) => sum + size(t), 0));
});

test("beyond maxMemory: a RangeError with the bytes asked for, outputs made before it are released, inputs stay usable", () => {
  const la = createSync({ maxMemory: 2 ** 21 + 5 });
  assert.is(la.memory.limit, 2 ** 21);
  const x = la.tensor(new Float32Array(100 * 100).fill(0.5), [1, 1, 100, 100]);
  const late = la.zeros([1, 1, 1, 100]).view([1, 5100, 1, 100], [0, 0, 0, 1]); // out fits, lse does not
  const { used } = la.memory;
  const [limit, hint] = ["limit is 2097152 bytes", "dispose and scope give tensors back at once"];
  throws(() => la.zeros([2 ** 19]), RangeError, "2097152 bytes", limit, hint);
  throws(() => la.attentionForward(late, late, late, { variant: "laser" }), RangeError, "cannot allocate 40832 bytes");
  throws(() => la.matmul(x.view([60, 100, 100], [0, 100, 1]), x.view([100, 100])), RangeError, "cannot allocate");
  assert.is(la.memory.used, used);
  const out = la.attention(x, x, x, { variant: "standard" });
  assert.ok(Math.abs(out.data[0]! - 0.5) < 1e-6);
});

test("results too large for 32-bit memory are a RangeError, not a wrapped size", () => {
  const la = createSync();
  const row = la.zeros([1, 1, 1, 4]);
  const tall = row.view([1, 1, 2 ** 28, 4], [0, 0, 0, 1]);
  const wide = la.zeros([1, 1, 1, 64]);
  throws(() => la.attention(tall, row, wide, { variant: "laser" }), RangeError, `${2 ** 36} bytes`);
  throws(() => la.matmul(tall, tall, { transposeB: true }), RangeError, `${2 ** 58} bytes`);
});

test("growth in the middle of a call leaves every tensor that the user holds as it was", () => {
  const la = createSync();
  const x = la.tensor(new Random(2).normals(64 * 32), [1, 1, 64, 32]);
  const copy = x.toArray();
  const expected = la.attention(x, x, x, { variant: "laser" }).toArray();
  let grown = 0;
  for (let round = 0; round < 300 && grown < 3; round++) {
    const { bytes } = la.memory;
    assert.equal(la.attention(x, x, x, { variant: "laser" }).toArray(), expected);
    if (la.memory.bytes > bytes) grown++;
  }
  assert.is(grown, 3);
  assert.equal(x.toArray(), copy);
});

test("tensors beyond the 2 GiB line work: data, views, every operation, gradients", () => {
  const la = createSync();
  const small = createSync();
  la.empty([2 ** 29 + 2 ** 24]);
  const values = new Random(4).normals(2 * 3 * 16);
  const shape = [1, 2, 3, 16];
  const [far, near] = [la, small].map((instance) => {
    const x = instance.tensor(values, shape);
    const saved = instance.attentionForward(x, x, x, { variant: "laser", causal: true, alibi: true });
    const { dq, dk, dv } = instance.attentionBackward(x, saved);
    const product = instance.matmul(x, x, { transposeB: true });
    const { da, db } = instance.matmulBackward(product, x, x, { transposeB: true });
    const soft = instance.softmax(x);
    const grad = instance.softmaxBackward(x, soft);
    const [e, l] = [instance.exp(x), instance.log(soft)];
    const strided = instance.exp(x.narrow(3, 3, 2));
    return [x, saved.out, saved.lse, dq, dk, dv, product, da, db, soft, grad, e, l, strided];
  }) as [Tensor[], Tensor[]];
  assert.ok(far[0]!.data.byteOffset > 2 ** 31);
  for (const [index, t] of far.entries()) assert.equal(t.toArray(), near[index]!.toArray());
  far[0]!.narrow(3, 0, 1).set(new Float32Array(6).fill(9));
  assert.is(far[0]!.toArray()[16], 9);
  la.dispose();
});

test("4 GiB is the end, and what was allocated before stays usable", () => {
  const la = createSync();
  const kept = la.tensor(new Float32Array([1, 2, 3]), [3]);
  la.empty([2 ** 29]);
  throws(() => la.empty([2 ** 29]), RangeError, `${2 ** 31} bytes`, `limit is ${2 ** 32} bytes`);
  la.empty([2 ** 29 - 2 ** 20]);
  assert.ok(la.memory.bytes <= 2 ** 32);
  assert.equal([...kept.data], [1, 2, 3]);
  assert.ok(Math.abs(la.exp(kept).data[0]! - Math.E) < 1e-6);
  la.dispose();
});

// Of width 16, and in Node alone: time goes by the square of N. `npm run bench -- --long` prints the memory of 16,384 at width 64.
for (const variant of "Deno" in globalThis ? [] : (["standard", "laser"] as const)) {
  test(`${variant}: 8,192 queries and keys, forward and backward, take less than 8 MiB beyond inputs and outputs`, () => {
    const la = createSync();
    const random = new Random(16);
    const [N, D] = [8192, 16]; // a matrix of scores would take 256 MiB
    const [q, k, v, dout] = [
      random.normals(N * D),
      random.normals(N * D),
      random.normals(N * D),
      random.normals(N * D),
    ];
    const tensor = (x: Float32Array): Tensor => la.tensor(x, [1, 1, N, D]);
    const saved = la.attentionForward(tensor(q), tensor(k), tensor(v), { variant });
    const { dq } = la.attentionBackward(tensor(dout), saved);
    const inputsAndOutputs = 8 * 4 * N * D + 4 * N; // q, k, v, dout, out, dq, dk, dv; lse
    assert.ok(la.memory.bytes - inputsAndOutputs < 2 ** 23, `${la.memory.bytes} bytes`);

    // Three rows, as a call of their own, against float64: it is this call that took so little.
    const rows = [0, 4095, N - 1];
    const pick = (x: Float32Array, width: number): Float32Array =>
      Float32Array.from(
        { length: rows.length * width },
        (_, n) => x[rows[Math.floor(n / width)]! * width + (n % width)]!,
      );
    const sizes = { B: 1, H: 1, Hkv: 1, N: rows.length, M: N, D, E: D };
    const c: Case = { variant, ...sizes, q: pick(q, D), k, v, dout: pick(dout, D) };
    const reference = oracle(c);
    const got = { out: pick(saved.out.data, D), lse: pick(saved.lse.data, 1), dq: pick(dq.data, D) };
    assertWithin("three rows", compare(c, got, reference, reference.extent));
    la.dispose();
  });
}

test("memory is a whole number of pages and starts small", () => {
  const la = createSync();
  assert.is(la.memory.bytes % PAGE, 0);
  assert.ok(la.memory.bytes <= 2 ** 20);
});

test.run();
