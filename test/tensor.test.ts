import { inspect } from "node:util";
import { createSync } from "laser-attention";
import { AdamW, createSync as createTraining, crossEntropy, Linear, Random } from "laser-attention/nn";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { collected } from "./support/collected.js";
import { runProgram } from "./support/host.js";
import { throws } from "./support/throws.js";

const la = createSync();
const count = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => i);

test("tensor copies in, data is live, toArray copies out", () => {
  const source = count(6);
  const t = la.tensor(source, [2, 3]);
  source[0] = 99;
  assert.equal(t.shape, [2, 3]);
  assert.equal(t.strides, [3, 1]);
  assert.equal(t.narrow(0, 2, 0).toArray(), new Float32Array(0), "nothing, behind the last row");
  assert.is(t.dtype, "f32");
  assert.equal([...t.data], [0, 1, 2, 3, 4, 5]);
  const copy = t.toArray();
  t.data[1] = -1;
  assert.is(copy[1], 1);
  assert.is(t.toArray()[1], -1);
  assert.is(t.data, t.data, "the view is kept while memory does not grow");
});

test("Uint8Array gives u8, subclasses and arrays of other realms count as what they are", () => {
  const mask = la.tensor(new Uint8Array([1, 0, 1]), [3]);
  assert.is(mask.dtype, "u8");
  assert.ok(mask.data instanceof Uint8Array);
  class Floats extends Float32Array {}
  assert.is(la.tensor(new Floats(2), [2]).dtype, "f32");
});

test("scalars and tensors with a size of 0 hold 1 and 0 elements", () => {
  assert.equal([...la.tensor(new Float32Array([5]), []).data], [5]);
  const empty = la.zeros([2, 0, 3]);
  assert.is(empty.data.length, 0);
  const last = la.zeros([0, 2 ** 20]).narrow(1, 2 ** 20 - 1, 1); // must not begin behind the storage
  assert.equal([last.toArray().length, last.data.length], [0, 0]);
  assert.is(empty.toArray().length, 0);
  assert.is(empty.narrow(0, 1, 1).data.length, 0);
});

test("zeros is zero in reused memory too", () => {
  const first = la.tensor(count(100), [100]);
  first.dispose();
  const second = la.zeros([100]);
  assert.equal(second.toArray(), new Float32Array(100));
  second.dispose();
});

test("narrow shares storage along any axis; data of a view throws unless it is contiguous", () => {
  const t = la.tensor(count(24), [2, 3, 4]);
  const rows = t.narrow(0, 1, 1);
  assert.equal([...rows.data], [...count(24)].slice(12));
  const columns = t.narrow(2, 1, 2);
  assert.equal(columns.shape, [2, 3, 2]);
  assert.equal([...columns.toArray()], [1, 2, 5, 6, 9, 10, 13, 14, 17, 18, 21, 22]);
  throws(
    () => columns.data,
    RangeError,
    "Tensor.data: the tensor must be contiguous (use toArray() or set())",
    "[2, 3, 2]",
    "[12, 4, 1]",
  );
  columns.set(new Float32Array(12).fill(-1));
  assert.equal([...t.narrow(1, 0, 1).toArray()], [0, -1, -1, 3, 12, -1, -1, 15]);
});

test("view reshapes, permutes, repeats, and starts at an offset from the tensor it is made of", () => {
  const t = la.tensor(count(24), [2, 3, 4]);
  assert.equal(t.view([4, 6]).shape, [4, 6]);
  assert.equal([...t.view([3, 2], [1, 3]).toArray()], [0, 3, 1, 4, 2, 5]);
  assert.equal([...t.view([2, 2], [0, 1], 10).toArray()], [10, 11, 10, 11]);
  const inner = t.narrow(0, 1, 1);
  assert.equal([...inner.view([2], [1], 3).toArray()], [15, 16]);
  assert.equal([...inner.narrow(1, 1, 2).narrow(2, 3, 1).toArray()], [19, 23]);
});

test("set from an array over the same memory does not read what it has overwritten", () => {
  const t = la.tensor(count(8), [8]);
  t.narrow(0, 1, 7).set(t.data.subarray(0, 7));
  assert.equal([...t.data], [0, 0, 1, 2, 3, 4, 5, 6]);
  const odd = t.view([4], [2], 1);
  odd.set(t.data.subarray(0, 4));
  assert.equal([...t.data], [0, 0, 1, 0, 3, 1, 5, 2]);
});

test("growth detaches old arrays, and data, set, views and copies go on working", () => {
  const own = createSync();
  const t = own.tensor(count(10), [10]);
  const view = t.narrow(0, 2, 3);
  const before = t.data;
  own.empty([own.memory.bytes]);
  assert.is(before.length, 0);
  assert.equal([...t.data], [...count(10)]);
  assert.equal([...view.data], [2, 3, 4]);
  view.set(new Float32Array(3));
  assert.is(t.data[4], 0);
});

test("a tensor made of data that lies in the same memory survives the growth that it causes", () => {
  for (const [dtype, size] of [
    ["f32", 4],
    ["u8", 1],
  ] as const) {
    const own = createSync();
    const big = own.zeros([own.memory.bytes / 2 / size], dtype);
    big.data.fill(2);
    const { bytes } = own.memory;
    const copy = own.tensor(big.data, big.shape);
    assert.is(copy.dtype, dtype);
    assert.ok(own.memory.bytes > bytes, "the case needs a growth");
    assert.ok(copy.data.every((x) => x === 2));
  }
});

test("a disposed tensor and the views of it throw on every use, and disposing twice is fine", () => {
  const t = la.tensor(count(4), [4]);
  const view = t.narrow(0, 1, 2);
  t.dispose();
  t.dispose();
  for (const dead of [t, view]) {
    throws(() => dead.data, TypeError, "disposed");
    throws(() => dead.set(count(4)), TypeError, "disposed");
    throws(() => dead.toArray(), TypeError, "disposed");
    throws(() => dead.narrow(0, 0, 1), TypeError, "disposed");
    throws(() => dead.view([1]), TypeError, "disposed");
    throws(() => la.exp(dead), TypeError, "exp: x", "disposed");
  }
  assert.equal(t.shape, [4]);
});

test("disposing a view ends the view only", () => {
  const t = la.tensor(count(4), [4]);
  const view = t.narrow(0, 1, 2);
  const other = t.narrow(0, 1, 2);
  view.dispose();
  throws(() => view.data, TypeError, "disposed");
  assert.equal([...other.data], [1, 2]);
  assert.equal([...t.data], [0, 1, 2, 3]);
});

/** In a process of its own, which has no other instance. Deno has no flag for gc at run time. */
const testOfNode = "Deno" in globalThis ? test.skip : test;

testOfNode(
  "an instance that ends between a collection and its callbacks does not keep tensors of others from being reclaimed",
  async () => {
    const { stdout, stderr } = await runProgram(`
      import { setFlagsFromString } from "node:v8";
      import { runInNewContext } from "node:vm";
      import { createSync } from "laser-attention/index.js";
      setFlagsFromString("--expose-gc");
      const gc = runInNewContext("gc");
      const pause = () => new Promise((resolve) => setTimeout(resolve, 10));
      const held = {};
      (() => { held.la = createSync(); })();
      (() => { held.la.zeros([10]); })();
      gc();
      held.la = undefined;
      gc();
      await pause();
      const la = createSync();
      const { used } = la.memory;
      (() => { la.zeros([5000]); })();
      for (let round = 0; round < 100 && la.memory.used > used; round++) {
        gc();
        await pause();
      }
      console.log(la.memory.used - used);
    `);
    assert.is(stdout, "0\n", stderr);
  },
);

testOfNode("instances that are dropped in a loop that does not yield are reclaimed, with their memory", async () => {
  const { stdout, stderr } = await runProgram(`
    import { createSync } from "laser-attention/index.js";
    for (let n = 0; n < 300; n++) createSync().zeros([2 ** 20]).data.fill(1);
    console.log(process.memoryUsage.rss() / 2 ** 20);
  `);
  assert.ok(Number(stdout) < 600, `${stdout} MiB, where 300 instances have 1200${stderr}`);
});

test("a tensor dropped without dispose is reclaimed, but not while a view of it is alive", async () => {
  const own = createSync();
  const { used } = own.memory;
  let view = (() => own.tensor(count(1000), [1000]).narrow(0, 10, 5))();
  (() => own.zeros([5000]))();
  assert.ok(await collected(() => own.memory.used < used + 20_000), "the tensor without a view");
  assert.ok(own.memory.used > used);
  assert.equal([...view.data], [10, 11, 12, 13, 14]);
  view = own.empty([0]);
  assert.ok(await collected(() => own.memory.used <= used + 64), "the base after its view");
  view.dispose();
});

test("a tensor that was disposed gives nothing back once more when it is collected: its memory may be another's", async () => {
  const own = createSync();
  (() => own.zeros([1000]).dispose())();
  const next = own.zeros([1000]);
  const { used } = own.memory;
  (() => own.zeros([5000]))(); // dropped later: when it is reclaimed, so would be the other
  assert.ok(await collected(() => own.memory.used < used + 20_000));
  assert.is(own.memory.used, used);
  next.dispose();
});

test("a live array keeps the memory of its tensor, however the tensor was dropped", async () => {
  const own = createSync();
  const { used } = own.memory;
  const data = (() => own.tensor(count(1000), [1000]).data)();
  (() => own.zeros([5000]))();
  assert.ok(await collected(() => own.memory.used < used + 20_000), "the tensor without an array");
  own.tensor(new Float32Array(1000).fill(7), [1000]);
  assert.equal(data, count(1000));
});

test("dispose of an instance lets go of its memory while the instance, its tensors and an instance for training are held", async () => {
  for (const threads of [1, 2]) {
    const nn = createTraining({ threads });
    assert.is(nn.la.threads, threads);
    const layer = new Linear(nn, new Random(1), 4, 2);
    const optimizer = new AdamW(nn, layer);
    const x = nn.la.zeros([2 ** 18]);
    const memory = (() => new WeakRef(x.data.buffer))();
    nn.step(() => crossEntropy(nn, layer.forward(nn.input(count(4), [1, 4])), [1]));
    nn.dispose();
    assert.ok(await collected(() => memory.deref() === undefined), `${threads} threads`);
    throws(() => x.data, TypeError, "disposed");
    throws(() => optimizer.step(), TypeError, "disposed");
    throws(() => nn.la.exp(x), TypeError, "disposed");
    nn.dispose();
  }
});

test("consoles print element type, sizes and the first elements; JSON and copies hold sizes and no internals", () => {
  const own = createSync();
  const x = own.tensor(Float32Array.of(0.1, -2, Number.NaN, 3, 4, 5e9), [2, 3]);
  assert.is(inspect(x), "Tensor f32 [2, 3] [0.1, -2, NaN, 3, 4, 5000000000]");
  assert.is(String(x.view([3, 2], [1, 3])), "Tensor f32 [3, 2] [0.1, 3, -2, 4, NaN, 5000000000]");
  assert.is(inspect(own.zeros([0, 3])), "Tensor f32 [0, 3] []");
  const nn = createTraining({ threads: 1 });
  assert.is(inspect(nn), "Nn { la: LaserAttention { simd: 'plain' } }");
  assert.is(JSON.stringify(nn), '{"la":{"simd":"plain"}}');
  assert.is(inspect(nn.input(Float32Array.of(1, 2), [1, 2])), "Value f32 [1, 2] [1, 2]");
  assert.is(inspect({ weight: nn.parameter(Float32Array.of(3), [1]) }), "{ weight: Parameter f32 [1] [3] }");
  nn.dispose();
  assert.is(inspect([own.zeros([3, 100], "u8")]), "[ Tensor u8 [3, 100] [0, 0, 0, 0, 0, 0, 0, 0, ...] ]");
  const sizes = { shape: [2, 3], strides: [3, 1], dtype: "f32" };
  assert.equal(JSON.parse(JSON.stringify(x)), sizes);
  assert.equal(structuredClone({ ...x }), sizes);
  assert.is(inspect(own).replaceAll('"', "'"), "LaserAttention { simd: 'plain' }");
  assert.is(JSON.stringify(own), '{"simd":"plain"}');
  x.dispose();
  assert.is(inspect(x), "Tensor f32 [2, 3] disposed");
});

test.run();
