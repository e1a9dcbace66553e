/** Arguments that only JavaScript lets pass, or types do: what they hold is used or refused by name, not left out. */
import { createSync } from "laser-attention";
import { conformer, gpt, restore, vit } from "laser-attention/models";
import {
  AdamW,
  AttentionCache,
  addPositions,
  attention,
  cachedAttention,
  createSync as createTraining,
  Linear,
  Random,
  readSafetensors,
  SelfAttention,
  selfAttention,
  type Value,
  writeSafetensors,
} from "laser-attention/nn";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readWav } from "../src/data/wav.js";
import { throws } from "./support/throws.js";

const la = createSync();
const nn = createTraining({ threads: 1 });
const sizes = { width: 8, heads: 2, layers: 1, variant: "laser" } as const;
const any = <T>(value: unknown): T => value as T;

function transferred<A extends Float32Array | Uint8Array>(array: A): A {
  structuredClone(array.buffer, { transfer: [array.buffer as ArrayBuffer] });
  assert.is(array.length, 0);
  return array;
}

test("slopes that were sent to a worker are refused by name", () => {
  const q = la.zeros([1, 2, 3, 4]);
  const options = { variant: "laser", alibi: transferred(Float32Array.of(1, 2)) } as const;
  const { used } = la.memory;
  throws(
    () => la.attention(q, q, q, options),
    RangeError,
    "alibi must have one slope for each of 2 query heads, got 0",
  );
  assert.is(la.memory.used, used);
});

test("options are no promise, Map, Date, array or number: what these hold would be left out", () => {
  const a = la.zeros([2, 2]);
  const model = new Linear(nn, new Random(1), 2, 2);
  for (const [given, got] of [
    [Promise.resolve({ lr: 0.1 }), "a Promise"],
    [new Map([["lr", 0.1]]), "a Map"],
    [new Date(0), "a Date"],
    [Float32Array.of(1), "a Float32Array"],
    [Object(3), "a Number"],
    [[], "[]"],
  ]) {
    throws(() => la.matmul(a, a, any(given)), TypeError, `matmul: options must be an object, got ${got}`);
    throws(() => createSync(any(given)), TypeError, `options must be an object, got ${got}`);
    throws(() => new AdamW(nn, model, any(given)), TypeError, `AdamW: options must be an object, got ${got}`);
  }
  const module = Object.create(null, { transposeB: { value: true, enumerable: true } });
  Object.defineProperty(module, Symbol.toStringTag, { value: "Module" }); // as import * gives it
  const b = la.tensor(Float32Array.of(1, 2, 3, 4), [2, 2]);
  assert.equal(la.matmul(b, b, module).toArray(), la.matmul(b, b, { transposeB: true }).toArray());
});

test("options of attention on values are those that are inherited too, no text or number, and named as the argument is", () => {
  const cache = new AttentionCache(nn, 1, 4, 8);
  const x = nn.input(new Random(1).normals(32), [1, 4, 8]);
  const qkv = nn.input(new Random(2).normals(96), [1, 4, 24]);
  const calls: Record<string, (options: never) => Value> = {
    attention: (options) => attention(nn, x, x, x, 2, options),
    selfAttention: (options) => selfAttention(nn, qkv, 2, options),
    cachedAttention: (options) => {
      cache.clear();
      return cachedAttention(nn, qkv, 2, cache, options);
    },
  };
  for (const [name, call] of Object.entries(calls)) {
    class Inherited {
      readonly variant = "laser";
      get causal() {
        return true;
      }
    }
    const run = (options: object) => nn.evaluate(() => call(any(options)).toArray());
    const { used } = nn.la.memory;
    assert.equal(run(new Inherited()), run({ variant: "laser", causal: true }), name);
    throws(() => run(any("laser")), TypeError, `${name}: options must be an object, got "laser"`);
    throws(() => run(any(null)), TypeError, `${name}: options must be an object, got null`);
    throws(() => run(any(undefined)), TypeError, `${name}: options must be an object with a variant, got undefined`);
    nn.release();
    assert.ok(nn.la.memory.used <= used, name);
  }
  cache.dispose();
  const layer = new SelfAttention(nn, new Random(3), 8, 2);
  const [block] = gpt(nn, { vocabulary: 5, context: 4, ...sizes }).blocks;
  throws(() => layer.forward(x, any("laser")), TypeError, 'selfAttention: attention must be an object, got "laser"');
  throws(
    () => block!.forward(x, any({ rows: [0] })),
    TypeError,
    "block: attention must be among variant,",
    'got "rows"',
  );
});

test("a config may inherit what it says: the model has all of it", () => {
  const tokens = { vocabulary: 5, context: 4, ...sizes };
  const model = gpt(nn, Object.create(tokens));
  assert.equal(model.config, tokens);
  assert.equal(model.logits([[1, 2]]).shape, [1, 2, 5]);
  const pixels = { side: 8, patch: 4, classes: 3, ...sizes };
  assert.equal(vit(nn, Object.create(pixels)).config, pixels);
});

test("rows of ids and targets are named as such", () => {
  const model = gpt(nn, { vocabulary: 5, context: 4, ...sizes });
  throws(() => model.logits(any(3)), TypeError, "gpt: ids must be an array, got 3");
  throws(() => model.logits(any([1, 2, 3])), TypeError, "gpt: ids[0] must be an array, got 1");
  throws(() => model.loss([[1]], any([2])), TypeError, "gpt: targets[0] must be an array, got 2");
  throws(() => model.loss([[1], [2]], [[1], [2, 3]]), RangeError, "gpt: targets must have rows of 1 like the first");
});

test("the block of a conformer refuses what is no value and no mask of its rows before anything is computed", () => {
  const [block] = conformer(nn, { mels: 4, stack: 2, context: 5, classes: 3, kernel: 3, ...sizes }).blocks;
  const x = nn.input(new Float32Array(80), [2, 5, 8]);
  const keep = nn.la.zeros([2, 5], "u8");
  const run = (value: unknown, mask: unknown) => () => block!.forward(any(value), any(mask), "laser");
  const { used } = nn.la.memory;
  throws(run(undefined, keep), TypeError, "block: x must be a value, got undefined");
  throws(run(keep, keep), TypeError, "block: x must be a value, got a Tensor");
  throws(run(x, undefined), TypeError, "block: keep must be a tensor, got undefined");
  throws(run(x, nn.la.zeros([1], "u8").view([2, 4], [0, 0])), RangeError, "block: keep must be contiguous");
  throws(run(x, keep.narrow(0, 0, 1)), RangeError, "block: keep must have shape [2, 5], got [1, 5]");
  assert.ok(nn.la.memory.used <= used + 64, "but for the mask");
});

test("sizes, places and switches beyond what there is are refused by the name that they were given by", () => {
  const table = nn.parameter(new Float32Array(24), [3, 8]);
  const x = nn.input(new Float32Array(16), [1, 2, 8]);
  throws(() => addPositions(nn, x, table, 4), RangeError, "addPositions: first must be an integer from 0 to 3, got 4");
  const bytes = "AttentionCache: shape must take at most 4294967296 bytes, got [4294967296, 4, 8]";
  throws(() => new AttentionCache(nn, 2 ** 32, 4, 8), RangeError, bytes);
  const layer = new Linear(nn, new Random(1), 8, 8);
  const { used } = nn.la.memory;
  for (const on of ["false", 0, null])
    throws(() => layer.pack(any(on)), TypeError, "pack: on must be true or false, got");
  assert.is(nn.la.memory.used, used);
});

test("null is no number, dtype or checkpoint", () => {
  throws(() => new Random(any(null)), TypeError, "Random: seed must be a number, or state", "got null");
  const tensors = new Map([["a", { dtype: any<"F32">(null), shape: [1], data: Float32Array.of(1) }]]);
  throws(() => writeSafetensors(tensors), TypeError, '"a": dtype must be F32 or BF16 or F16', "got null");
  for (const none of [undefined, null])
    throws(
      () => restore(nn, any(none)),
      RangeError,
      "restore: family must be gpt, bert, vit, conformer, got undefined",
    );
});

test("files whose bytes were sent to a worker are refused as empty ones are", () => {
  throws(() => readWav(transferred(new Uint8Array(44))), RangeError, "must begin with RIFF and WAVE, got no bytes");
  throws(() => readSafetensors(transferred(new Uint8Array(44))), RangeError, "got 0 bytes");
  const { buffer } = transferred(new Uint8Array(44));
  throws(() => readWav(buffer as ArrayBuffer), RangeError, "must begin with RIFF and WAVE, got no bytes");
  throws(() => readSafetensors(buffer as ArrayBuffer), RangeError, "got 0 bytes");
});

test.after(() => {
  la.dispose();
  nn.dispose();
});
test.run();
