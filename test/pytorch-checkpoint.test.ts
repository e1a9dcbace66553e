/** A checkpoint that PyTorch wrote: names, layout and logits (test/checkpoint/make.py, docs/pytorch-jax.md). */
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { gpt } from "../src/models/index.js";
import { createSync, readSafetensors, writeSafetensors } from "../src/nn/index.js";

const read = (name: string) => readSafetensors(readFileSync(`test/checkpoint/${name}.safetensors`)).tensors;
const config = { vocabulary: 24, context: 16, width: 32, heads: 4, layers: 2, seed: 9 };

/** Logits of the checkpoint in this package, and PyTorch's from float64. */
function logits(variant: "laser" | "standard", simd: "plain" | "relaxed") {
  const expected = read("gpt.expected");
  const { shape, data } = expected.get("ids")!;
  const [B, N] = shape as [number, number];
  const ids = Array.from({ length: B }, (_, b) => (data as Int32Array).subarray(b * N, (b + 1) * N));
  const nn = createSync({ threads: 1, simd });
  const model = gpt(nn, { ...config, variant });
  model.loadStateDict(read("gpt"));
  const got = nn.evaluate(() => model.logits(ids).toArray());
  const state = model.stateDict();
  nn.dispose();
  return { got, want: expected.get("logits")!.data as Float32Array, state };
}

const largest = (x: Float32Array): number => x.reduce((most, one) => Math.max(most, Math.abs(one)), 0);

/** The largest difference, over the largest logit. */
const error = ({ got, want }: { got: Float32Array; want: Float32Array }): number =>
  largest(got.map((x, i) => x - want[i]!)) / largest(want);

for (const simd of ["plain", "relaxed"] as const) {
  test(`a checkpoint of PyTorch gives PyTorch's logits, to float32 rounding (${simd})`, () => {
    const laser = logits("laser", simd);
    assert.is(laser.got.length, laser.want.length);
    assert.ok(largest(laser.want) > 5, "the model has learnt something");
    assert.ok(error(laser) < 2e-6, `${error(laser)}`);
  });
}

test("with the other attention the logits are others: the comparison can fail", () => {
  assert.ok(error(logits("standard", "plain")) > 1e-2);
});

test("what is saved here is the file that PyTorch saved, tensor for tensor", () => {
  const { state } = logits("laser", "plain");
  const saved = readSafetensors(writeSafetensors(state)).tensors;
  const original = read("gpt");
  assert.equal([...saved.keys()].sort(), [...original.keys()].sort());
  for (const [name, { shape, data }] of original) {
    assert.equal(saved.get(name)!.shape, shape);
    assert.equal(saved.get(name)!.data, data, name);
  }
});

test("a checkpoint of another model is refused with every difference, and changes nothing", () => {
  const nn = createSync({ threads: 1 });
  const model = gpt(nn, { ...config, width: 16, layers: 3, variant: "laser" });
  const before = model.stateDict();
  assert.throws(
    () => model.loadStateDict(read("gpt")),
    ({ message }: Error) =>
      /tok\.weight must have shape \[24, 16\], got \[24, 32\].*blocks\.2\.ln1\.weight is missing/s.test(message),
  );
  assert.equal(model.stateDict(), before);
  nn.dispose();
});

test.run();
