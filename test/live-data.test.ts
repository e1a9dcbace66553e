/** Arrays that are `data` of tensors, in calls that allocate: without shared memory, any growth detaches them. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { host, type Memory } from "../src/host.js";
import { bert, classify, conformer, fill, generate, gpt, transcribe, vit } from "../src/models/index.js";
import { attention, createSync, type Nn, Random, SelfAttention, selfAttention } from "../src/nn/index.js";
import { replacing } from "./support/host.js";

const wasm = host.WebAssembly!;
let memory!: Memory;
class Unshared extends wasm.Memory {
  constructor(descriptor: ConstructorParameters<typeof wasm.Memory>[0]) {
    if (descriptor.shared) throw new TypeError("not here");
    super(descriptor);
    memory = this;
  }
}
const nn: Nn = await replacing(wasm, { Memory: Unshared }, () => createSync({ threads: 1 }));
const { space } = nn.engine;
const allocate = space.allocate.bind(space);
let growing = false;
space.allocate = (...args) => {
  if (growing) memory.grow(1);
  return allocate(...args);
};

const random = new Random(43);
const shape = { width: 8, heads: 2, layers: 2, variant: "laser" } as const;
const language = gpt(nn, { ...shape, vocabulary: 5, context: 4 });
const caches = language.caches();
const hidden = bert(nn, { ...shape, vocabulary: 5, context: 4 });
const viewer = vit(nn, { ...shape, side: 8, patch: 4, classes: 3 });
const listener = conformer(nn, { ...shape, mels: 4, stack: 2, context: 10, classes: 4, kernel: 3 });
const layer = new SelfAttention(nn, random, 8, 2);
const value = (...sizes: number[]) => nn.input(random.normals(sizes.reduce((a, b) => a * b)), sizes);
const [qkv, x] = [value(1, 3, 24), value(1, 3, 8)];
const [features, patches] = [random.normals(2 * 12 * 4), random.normals(2 * 4 * 48)];
const laser = { variant: "laser" } as const;
const evaluated = (body: () => { toArray(): Float32Array }) => nn.evaluate(() => body().toArray());

type Live = (data: Float32Array) => unknown;
const f32 = (...values: number[]) => Float32Array.from(values);
const cases: Record<string, [data: Float32Array, call: Live]> = {
  "places of gpt.logits": [f32(2, 0), (data) => evaluated(() => language.logits([[1, 2, 3]], data))],
  "lengths of bert.logits": [f32(2), (lengths) => evaluated(() => hidden.logits([[1, 2, 3]], undefined, { lengths }))],
  "ids of gpt.logits": [f32(1, 2, 3), (data) => evaluated(() => language.logits([data]))],
  "ids and targets of gpt.loss": [f32(1, 2, 3), (data) => nn.step(() => language.loss([data], [data]))],
  "lengths of bert.loss": [f32(2), (lengths) => nn.step(() => hidden.loss([[1, 2, 3]], [[-1, 2, -1]], { lengths }))],
  "frames of conformer.logits": [f32(12, 9), (data) => evaluated(() => listener.logits(features, data))],
  "ids of gpt.next": [
    f32(1, 2),
    (data) => {
      for (const cache of caches) cache.clear();
      return evaluated(() => language.next([data], caches));
    },
  ],
  "a prompt": [f32(1, 2), (prompt) => [...generate(nn, language, prompt, { count: 4 })]],
  "labels of vit.loss": [f32(2, 0), (data) => nn.step(() => viewer.loss(patches, data))],
  "patches of vit.loss": [patches, (data) => nn.step(() => viewer.loss(data, [2, 0]))],
  "features of conformer.logits": [features, (data) => evaluated(() => listener.logits(data, [12, 9]))],
  "features of conformer.loss": [features, (data) => nn.step(() => listener.loss(data, [12, 9], [[1, 2], [3]]))],
  "frames of conformer.loss": [f32(12, 9), (data) => nn.step(() => listener.loss(features, data, [[1, 2], [3]]))],
  "targets of conformer.loss": [f32(1, 2), (data) => nn.step(() => listener.loss(features, [12, 9], [data, data]))],
  "features of transcribe": [
    random.normals(20 * 12 * 4),
    (data) => transcribe(nn, listener, data, new Array(20).fill(12)).map(({ labels }) => labels),
  ],
  "rows of fill": [f32(1, 4, 4, 2), (data) => fill(nn, hidden, [data.subarray(0, 2), data.subarray(2)])],
  "alibi of selfAttention": [
    f32(0.5, 0.25),
    (alibi) => evaluated(() => selfAttention(nn, qkv, 2, { ...laser, alibi })),
  ],
  "alibi of attention": [f32(0.5, 0.25), (alibi) => evaluated(() => attention(nn, x, x, x, 2, { ...laser, alibi }))],
  "alibi of SelfAttention": [f32(0.5, 0.25), (alibi) => evaluated(() => layer.forward(x, { ...laser, alibi }))],
  "alibi of a block": [f32(0.5, 0.25), (alibi) => evaluated(() => language.blocks[0]!.forward(x, { ...laser, alibi }))],
  "rows of a block": [f32(2, 0), (rows) => evaluated(() => language.blocks[0]!.forward(x, laser, { rows }))],
};

for (const [what, [data, call]] of Object.entries(cases)) {
  test(`${what} may be data of a tensor of the instance, whatever grows memory in the call`, () => {
    const want = call(data.slice());
    const live = nn.la.tensor(data, [data.length]);
    growing = true;
    try {
      assert.equal(call(live.data), want);
    } finally {
      growing = false;
    }
    assert.equal(live.toArray(), data);
  });
}

test("pixels of classify may be data too: all images have their classes", () => {
  const pixels = Uint8Array.from({ length: 20 * 192 }, (_, n) => (n * 7) % 256);
  const want = classify(nn, viewer, pixels);
  const live = nn.la.tensor(pixels, [pixels.length]);
  const { buffer, byteOffset, length } = live.data;
  for (const of of [() => live.data, () => Buffer.from(live.data.buffer, byteOffset, length)]) {
    growing = true;
    try {
      assert.equal(classify(nn, viewer, of()), want); // a Buffer's slice would be a view
    } finally {
      growing = false;
    }
  }
  assert.is.not(live.data.buffer, buffer);
  assert.is(want.length, 20);
});

test("data that shared memory grew away from is no result of evaluate either, an array of other shared memory is", () => {
  const shared = createSync({ threads: 1 });
  const body = () => {
    const { data } = shared.input(f32(1, 2, 3), [3]).tensor;
    shared.la.empty([2 ** 19]);
    return data;
  };
  assert.throws(() => shared.evaluate(body), /evaluate: body must return what stays/);
  // An array of the caller's, at the same place of other memory, is no such data.
  const byteOffset = shared.evaluate(() => shared.input(f32(1), [1]).tensor.data.byteOffset);
  const own = new Float32Array(new SharedArrayBuffer(byteOffset + 4), byteOffset);
  assert.is(
    shared.evaluate(() => own),
    own,
  );
  shared.dispose();
});

test.after(() => nn.dispose());
test.run();
