/** Where memory of training ends, grows, and is not shared. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Arena } from "../src/arena.js";
import { host } from "../src/host.js";
import { type Bert, bert, gpt } from "../src/models/index.js";
import { type AttentionCache, createSync, type Nn } from "../src/nn/index.js";
import { PAGE } from "../src/shape.js";
import { createMemory } from "../src/wasm.js";
import { firstDifference } from "./support/bits.js";
import { replacing, warnings } from "./support/host.js";
import { loadNn, targets } from "./support/kernels.js";
import { Random } from "./support/random.js";

const wasm = host.WebAssembly!;

test("memory that is not shared may grow with every block of a first step or evaluation: views of before are not used", async () => {
  // It detaches them, as in edge workers.
  let memory!: InstanceType<typeof wasm.Memory>;
  class Memory extends wasm.Memory {
    constructor(descriptor: ConstructorParameters<typeof wasm.Memory>[0]) {
      if (descriptor.shared) throw new TypeError("not here");
      super(descriptor);
      memory = this;
    }
  }
  const B = 3;
  const ids = Array.from({ length: B }, (_, n) => [n % 11, 3, 1, 4, 1, 5, 9]);
  const targets = ids.map((row) => row.map((id, at) => (at < 5 ? id : -1)));
  const places = ids.flatMap((_, n) => [7 * n, 7 * n + 2, 7 * n + 5]);
  const scores = (nn: Nn, model: Bert): Float32Array => nn.evaluate(() => model.logits(ids, places).toArray());
  const gradients = (nn: Nn, model: Bert): Float32Array => {
    const loss = nn.step(() => model.loss(ids, targets));
    return Float32Array.of(loss, ...[...model.parameters.values()].flatMap(({ grad }) => [...grad.data]));
  };
  for (const results of [scores, gradients]) {
    const from = (nn: Nn, growing = false): Float32Array => {
      const model = bert(nn, { vocabulary: 11, context: 7, width: 16, heads: 2, layers: 2, variant: "laser", seed: 5 });
      for (const { grad } of model.parameters.values()) grad.data.fill(0);
      const { blocks } = nn.la.engine.space.arena;
      const take = blocks.take.bind(blocks);
      if (growing) {
        blocks.take = (size) => {
          memory.grow(1);
          return take(size);
        };
      }
      const found = results(nn, model);
      nn.dispose();
      return found;
    };
    const expected = from(createSync({ threads: 1 }));
    await warnings(() =>
      replacing(wasm, { Memory }, () => {
        const nn = createSync({ threads: 2 });
        const { buffer } = nn.la.zeros([1]).data;
        const { byteLength } = buffer;
        assert.not.ok(buffer instanceof SharedArrayBuffer);
        assert.is(firstDifference(from(nn, true), expected), -1);
        assert.ok(memory.buffer.byteLength > byteLength + 40 * PAGE, "a page for every block");
      }),
    );
  }
});

/** Runs `call`, whose n-th block of memory is refused. */
function refusing<R>(n: number, call: () => R): R {
  const { allocate } = Arena.prototype;
  let count = 0;
  Arena.prototype.allocate = function (bytes) {
    if (++count === n) throw new RangeError("refused");
    return allocate.call(this, bytes);
  };
  try {
    return call();
  } finally {
    Arena.prototype.allocate = allocate;
  }
}

test("a layer that throws behind its attention leaves the cache as it was", () => {
  const nn = createSync({ threads: 1 });
  const model = gpt(nn, { vocabulary: 11, context: 8, width: 16, heads: 2, layers: 1, variant: "laser" });
  const [cache] = model.caches() as [AttentionCache];
  const [block] = model.blocks;
  const data = new Random(3).normals(48);
  for (const of of [block!, block!.attn]) {
    const call = () =>
      nn.evaluate(() => {
        return of.forward(nn.input(data, [1, 3, 16]), { variant: "laser", causal: true }, { cache }).toArray();
      });
    const expected = call();
    assert.is(cache.length, 3);
    cache.clear();
    nn.release();
    let got: Float32Array | undefined;
    for (let n = 1; got === undefined; n++) {
      try {
        got = refusing(n, call);
      } catch {
        assert.is(cache.length, 0, `block ${n}`);
      }
    }
    assert.is(firstDifference(got, expected), -1);
    cache.clear();
    nn.release();
  }
  nn.dispose();
});

test("an evaluation may dispose the instance, once it has its array", () => {
  const nn = createSync({ threads: 1 });
  const x = nn.parameter(Float32Array.of(1, 2), [2]);
  const found = nn.evaluate(() => {
    const array = x.toArray();
    nn.dispose();
    return array;
  });
  assert.equal([...found], [1, 2]);
});

for (const target of targets) {
  test(`${target}: sums down columns are whole where rows end with the last block of 4 GiB`, async () => {
    const memory = createMemory();
    memory.grow(2 ** 16 - memory.buffer.byteLength / 2 ** 16);
    const { exports } = await loadNn(target, memory);
    const [rows, width, taps] = [21, 36, 3];
    const n = rows * width;
    const data = new Random(3).normals(n);
    const base = (exports.heapBase() + 63) & ~63;
    const at = (floats: number): number => base + 4 * floats;
    const f32 = (ptr: number, count: number): Float32Array => new Float32Array(memory.buffer, ptr, count);
    /** All sums of rows at `dy`, one after the other. */
    const sums = (dy: number): Float32Array => {
      f32(dy, n).set(data);
      const [x, mean, rstd, scratch, out] = [at(0), at(n), at(n + rows), at(n + 2 * rows + 2), at(4 * n)];
      f32(x, n).set(data.map((one) => 1 - one));
      f32(mean, 2 * rows).fill(0.5);
      const to = (k: number): number => out + 4 * k * width;
      exports.columnSum(to(0), dy, rows, width, 0, width, 0);
      exports.layerNormParams(to(1), to(2), dy, x, mean, rstd, rows, width, 0, width, 0);
      exports.rmsNormParams(to(3), dy, x, rstd, rows, width, 0, width, 0);
      exports.depthwiseParams(to(4), to(4 + taps), dy, x, scratch, 1, rows, width, taps, 0, width, 0);
      return f32(out, (5 + taps) * width).slice();
    };
    const expected = sums(at(8 * n));
    assert.ok(expected.every((one) => one !== 0));
    assert.is(firstDifference(sums(2 ** 32 - 64 - 4 * n), expected), -1);
  });
}

test.run();
