import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  bert,
  classify,
  conformer,
  fill,
  generate,
  gpt,
  patchesOf,
  planesOf,
  transcribe,
  type Vit,
  vit,
} from "../src/models/index.js";
import { AdamW, createSync, Random } from "../src/nn/index.js";
import { throws } from "./support/throws.js";

const config = { side: 8, patch: 4, classes: 3, width: 16, heads: 2, layers: 1, variant: "laser" as const, seed: 2 };
const SIZE = 3 * 8 * 8;

/** Noise, brighter in the channel that is the label. */
function images(random: Random, count: number): { pixels: Uint8Array; labels: number[] } {
  const labels = Array.from({ length: count }, () => random.int(3));
  const pixels = Uint8Array.from({ length: count * SIZE }, (_, at) => {
    const bright = labels[Math.floor(at / SIZE)] === Math.floor((at % SIZE) / 64);
    return random.int(156) + (bright ? 100 : 0);
  });
  return { pixels, labels };
}

test("a model that was trained on a rule names the class of new images", () => {
  const nn = createSync({ threads: 1 });
  const model = vit(nn, config);
  const optimizer = new AdamW(nn, model, { lr: 3e-3 });
  const random = new Random(1);
  for (let n = 0; n < 40; n++) {
    const { pixels, labels } = images(random, 16);
    nn.step(() => model.loss(patchesOf(pixels, 8, 4), labels));
    optimizer.step();
  }
  const { pixels, labels } = images(random, 40);
  const found = classify(nn, model, pixels).map(([first]) => first!);
  assert.equal(
    found.map(({ id }) => id),
    labels,
  );
  for (const { probability } of found) assert.ok(probability > 0.5);
  nn.dispose();
});

test("probabilities are the softmax of the scores, best first, sum to 1, and do not depend on the images beside", () => {
  const nn = createSync({ threads: 1 });
  const model = vit(nn, config);
  for (const { tensor } of model.parameters.values()) tensor.set(tensor.toArray().map((x) => 8 * x));
  const { pixels } = images(new Random(3), 35);
  const all = classify(nn, model, pixels);
  assert.is(all.length, 35);
  for (const [n, candidates] of all.entries()) {
    const image = pixels.subarray(n * SIZE, (n + 1) * SIZE);
    assert.equal(classify(nn, model, image), [candidates]);
    const scores = [...nn.evaluate(() => model.logits(patchesOf(image, 8, 4)).toArray())];
    const sum = scores.reduce((total, x) => total + Math.exp(x), 0);
    for (const { id, probability } of candidates) {
      assert.ok(Math.abs(probability - Math.exp(scores[id]!) / sum) <= 1e-14);
    }
    const ids = [...scores.keys()].sort((a, b) => scores[b]! - scores[a]!);
    assert.equal(
      candidates.map(({ id }) => id),
      ids,
    );
    assert.ok(Math.abs(candidates.reduce((total, { probability }) => total + probability, 0) - 1) <= 1e-15);
  }
  assert.equal(
    classify(nn, model, pixels, { candidates: 1 }),
    all.map((candidates) => candidates.slice(0, 1)),
  );
  assert.equal(classify(nn, model, new Uint8Array(0)), []);
  nn.dispose();
});

test("planesOf sorts pixels with and without opacity by colour", () => {
  const rgba = Uint8ClampedArray.of(1, 2, 3, 255, 4, 5, 6, 0);
  const planes = [1, 4, 2, 5, 3, 6];
  assert.equal([...planesOf(rgba)], planes);
  assert.equal([...planesOf(Uint8Array.of(1, 2, 3, 4, 5, 6), 3)], planes);
  assert.is(planesOf(new Uint8Array(0)).length, 0);
});

test("what runs a model says by its own name that it must be called outside of a step, before it looks at its input", () => {
  const nn = createSync({ threads: 1 });
  const sizes = { width: 16, heads: 2, layers: 1, variant: "laser" } as const;
  const [tokens, model] = [{ ...sizes, vocabulary: 9, context: 8 }, vit(nn, config)];
  const hearing = conformer(nn, { ...sizes, mels: 8, stack: 2, context: 8, classes: 5, kernel: 3 });
  const [writing, masked] = [gpt(nn, tokens), bert(nn, tokens)];
  const started = generate(nn, writing, [1], { count: 3 });
  const later = generate(nn, writing, [1], { count: 3 });
  later.next();
  const calls: [name: string, call: () => unknown][] = [
    ["classify", () => classify(nn, model, new Uint8Array(0))],
    ["transcribe", () => transcribe(nn, hearing, new Float32Array(0), [])],
    ["fill", () => fill(nn, masked, [])],
    ["generate", () => generate(nn, writing, [1], { count: 3 })],
    ["generate", () => started.next()],
    ["generate", () => later.next()],
  ];
  for (const [n, [name, call]] of calls.entries()) {
    const words = `${name}: must be called outside of a step, and of evaluate`;
    throws(() => nn.evaluate(call), TypeError, words);
    if (n < 4) throws(() => nn.step(call as never), TypeError, words); // the two texts have ended with their error
  }
  nn.dispose();
});

test("pixels that are no whole images or no bytes are refused by name", () => {
  const nn = createSync({ threads: 1 });
  const model = vit(nn, config);
  throws(
    () => classify(nn, model, new Uint8Array(100)),
    RangeError,
    "classify: pixels must be images of 192 bytes, got 100",
  );
  throws(() => classify(nn, model, [1] as never), TypeError, "classify: pixels must be a Uint8Array, got [1]");
  throws(
    () => classify(nn, model, new Uint8Array(192), { candidates: 1.5 }),
    RangeError,
    "candidates must be an integer",
  );
  throws(() => patchesOf([1] as never, 8, 4), TypeError, "patchesOf: pixels must be a Uint8Array, got [1]");
  throws(
    () => patchesOf(new Uint8Array(192), -8, 4),
    RangeError,
    "patchesOf: side must be an integer of 1 or more, got -8",
  );
  throws(
    () => patchesOf(new Uint8Array(192), 8, 3),
    RangeError,
    "patchesOf: side must be a multiple of patch (3), got 8",
  );
  throws(() => patchesOf(new Uint8Array(192), 8, undefined as never), TypeError, "patchesOf: patch must be");
  throws(
    () => planesOf(new Float32Array(4) as never),
    TypeError,
    "planesOf: pixels must be a Uint8Array or",
    "Float32Array",
  );
  throws(() => planesOf(new Uint8Array(6)), RangeError, "planesOf: pixels must be 4 bytes each, got 6 bytes");
  throws(() => planesOf(new Uint8Array(6), 2), RangeError, "planesOf: channels must be an integer from 3 to 4, got 2");
  const patches = patchesOf(new Uint8Array(2 * 192), 8, 4);
  for (const label of [-1, 3, 0.5]) {
    throws(
      () => nn.step(() => model.loss(patches, [0, label])),
      RangeError,
      "vit: labels must be integers from 0 to 2",
    );
  }
  throws(() => nn.step(() => model.loss(patches, [0])), RangeError, "vit: there must be 2 labels, got 1");
  throws(() => model.logits(undefined as never), TypeError, "vit: patches must be a Float32Array, got undefined");
  throws(() => classify(nn, null as unknown as Vit, new Uint8Array(0)), TypeError, "model must be a vit, got null");
  nn.dispose();
});

test.run();
