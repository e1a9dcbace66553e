import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readSafetensors, type SafetensorsInput, writeSafetensors } from "../src/nn/safetensors.js";
import { firstDifference } from "./support/bits.js";
import { trainingFiles } from "./support/data.js";
import { goldenFiles } from "./support/golden.js";
import { Random } from "./support/random.js";
import { headerOf } from "./support/safetensors.js";
import { throws } from "./support/throws.js";

/** Every type, empty tensors, scalars, names that must be escaped, sorted and told apart. */
const everything = new Map<string, SafetensorsInput>([
  ["b", { shape: [2, 2], data: Float32Array.of(1, -0, Number.NaN, Number.NEGATIVE_INFINITY) }],
  ["a", { shape: [], data: Float32Array.of(1e-45) }],
  ["half", { dtype: "F16", shape: [3], data: Float32Array.of(1, 65504, 2 ** -24) }],
  ["bfloat", { dtype: "BF16", shape: [1, 1], data: Float32Array.of(3.140625) }],
  ["double", { shape: [1], data: Float64Array.of(Math.PI) }],
  ["i64", { shape: [2], data: BigInt64Array.of(-(2n ** 63n), 2n ** 53n + 1n) }],
  ["u64", { shape: [1], data: BigUint64Array.of(2n ** 64n - 1n) }],
  ["i32", { shape: [2], data: Int32Array.of(-1, 2 ** 31 - 1) }],
  ["u32", { shape: [1], data: Uint32Array.of(2 ** 32 - 1) }],
  ["i16", { shape: [1], data: Int16Array.of(-2) }],
  ["u16", { shape: [1], data: Uint16Array.of(65535) }],
  ["i8", { shape: [1], data: Int8Array.of(-128) }],
  ["bytes", { shape: [3], data: Uint8Array.of(1, 2, 255) }],
  ["flags", { dtype: "BOOL", shape: [1], data: Uint8Array.of(1) }],
  ["none", { shape: [0, 7], data: new Float32Array(0) }],
  ["10", { shape: [1], data: Uint8Array.of(10) }],
  ["9", { shape: [1], data: Uint8Array.of(9) }],
  ["\uffee", { shape: [1], data: Uint8Array.of(1) }],
  ["😀", { shape: [1], data: Uint8Array.of(2) }],
  ['"\\\n\u0001é', { shape: [1], data: Uint8Array.of(3) }],
  ["__proto__", { shape: [1], data: Uint8Array.of(4) }],
  ["", { shape: [1], data: Uint8Array.of(5) }],
]);

test("what is written is read back: every type, bit for bit, with its shape and text", () => {
  const metadata = JSON.parse('{"step":"4000","__proto__":"kept","é\\"":"\\u0000😀"}');
  const written = writeSafetensors(everything, { metadata });
  const read = readSafetensors(written);
  assert.is(JSON.stringify(read.metadata), JSON.stringify(metadata));
  assert.is(read.tensors.size, everything.size);
  for (const [name, { dtype, shape, data }] of everything) {
    const got = read.tensors.get(name)!;
    if (dtype !== undefined) assert.is(got.dtype, dtype);
    assert.equal(got.shape, shape);
    assert.is(got.data.constructor, data.constructor, name);
    assert.equal(Buffer.from(got.data.buffer), Buffer.from(data.buffer), name);
  }
  assert.equal(writeSafetensors(read.tensors, { metadata: read.metadata }), written);
});

test("wide types come first, then the order of code points, as in the reference; the header is padded to 8 bytes", () => {
  const written = writeSafetensors(everything);
  const names = [...readSafetensors(written).tensors.keys()];
  assert.equal(names.slice(0, 9), ["u64", "i64", "double", "a", "b", "none", "u32", "i32", "bfloat"]);
  assert.equal(names.slice(9), [
    "half",
    "u16",
    "i16",
    "i8",
    "",
    '"\\\n\u0001é',
    "10",
    "9",
    "__proto__",
    "bytes",
    "\uffee",
    "😀",
    "flags",
  ]);
  for (let length = 0; length < 9; length++) {
    const bytes = writeSafetensors(new Map([["n".repeat(length), { shape: [1], data: Float32Array.of(7) }]]));
    const header = headerOf(bytes);
    assert.is(header.length % 8, 0);
    assert.is(header, `${header.trimEnd().padEnd(header.length)}`);
    assert.ok(header.length - header.trimEnd().length < 8);
    assert.is(bytes.length, 8 + header.length + 4);
  }
  assert.is(headerOf(writeSafetensors(new Map())), "{}      ");
});

test("the option dtype stores float32 data, and nothing else, in another type", () => {
  const x = Float32Array.of(1, 1 + 2 ** -9, 1 + 3 * 2 ** -12, 1e5, 0.1, Number.NaN);
  const tensors = new Map<string, SafetensorsInput>([
    ["x", { dtype: "F32", shape: [6], data: x }],
    ["ids", { shape: [1], data: Int32Array.of(5) }],
  ]);
  const stored = (dtype: "F32" | "F16" | "BF16") => readSafetensors(writeSafetensors(tensors, { dtype })).tensors;
  const is = (got: ReturnType<typeof stored>, expected: number[]) =>
    assert.is(firstDifference(got.get("x")!.data as Float32Array, expected), -1, `${got.get("x")!.data}`);
  is(stored("F32"), Array.from(x));
  const tenth = 0.0999755859375; // 1638 / 2^14
  is(stored("F16"), [1, 1 + 2 ** -9, 1 + 2 ** -10, Infinity, tenth, NaN]);
  is(stored("BF16"), [1, 1, 1, 99840, 0.10009765625, Number.NaN]);
  assert.is(stored("BF16").get("x")!.dtype, "BF16");
  assert.is(stored("F16").get("ids")!.dtype, "I32");
});

test("views into larger arrays are written as they are, and what is read does not share the file's bytes", () => {
  const base = Float32Array.of(9, 1, 2, 9);
  const written = writeSafetensors(new Map([["x", { shape: [2], data: base.subarray(1, 3) }]]));
  const odd = new Uint8Array(written.length + 1);
  odd.set(written, 1);
  for (const bytes of [written, written.buffer as ArrayBuffer, odd.subarray(1), Buffer.from(written)]) {
    const { data } = readSafetensors(bytes).tensors.get("x")!;
    assert.equal(data, Float32Array.of(1, 2));
    assert.is(data.buffer.byteLength, 8);
  }
});

const golden = [...goldenFiles()];
const training = trainingFiles(
  "safetensors",
  ...["bert", "conformer", "lm", "vit"].flatMap((m) => [`${m}.laser`, `${m}.standard`]),
);
const absent = golden.filter(([, path]) => path === undefined);
if (absent.length > 0)
  console.log(`safetensors: not on this machine, left out: ${absent.map(([name]) => name).join(", ")}`);

test("every golden file is written back byte for byte as the reference wrote it", () => {
  const paths = [...golden.flatMap(([, path]) => path ?? []), ...(training ?? [])];
  assert.ok(paths.length >= 19);
  const folders = new Set(paths.map((path) => dirname(path)));
  for (const folder of folders)
    for (const name of readdirSync(folder)) if (name.endsWith(".safetensors")) paths.push(join(folder, name));
  for (const path of new Set(paths)) {
    const bytes = readFileSync(path);
    const { tensors, metadata } = readSafetensors(bytes);
    assert.ok(Buffer.from(writeSafetensors(tensors, { metadata })).equals(bytes), path);
  }
});

test("a damaged file is read or refused with a TypeError or RangeError, never anything else", () => {
  const bytes = writeSafetensors(everything, { metadata: { k: "v" } });
  const end = 8 + headerOf(bytes).length;
  const random = new Random(1);
  let refused = 0;
  for (let n = 0; n < 3000; n++) {
    const damaged = n % 3 === 0 ? bytes.slice(0, random.int(bytes.length)) : bytes.slice();
    for (let k = 0; k < 1 + (n % 2); k++)
      damaged[random.int(Math.min(end, damaged.length))] = random.pick([random.int(256), 0x30 + random.int(10)]);
    try {
      readSafetensors(damaged);
    } catch (error) {
      assert.ok(error instanceof TypeError || error instanceof RangeError, `${error}`);
      assert.match((error as Error).message, /^readSafetensors: /);
      refused++;
    }
  }
  assert.ok(refused > 2000, `${refused} refused`);
});

test("a BOOL of a file that is neither 0 nor 1 is refused with the tensor's name", () => {
  const file = writeSafetensors(new Map([["w", { dtype: "BOOL", shape: [2], data: Uint8Array.of(1, 0) }]]));
  file[file.length - 1] = 2;
  throws(() => readSafetensors(file), RangeError, 'readSafetensors: "w": every element of BOOL must be 0 or 1');
});

test("what can't be written is refused with the tensor's name", () => {
  const loose = writeSafetensors as unknown as (tensors: unknown, options?: unknown) => Uint8Array;
  const good = { shape: [2], data: Float32Array.of(1, 2) };
  const one = (tensor: unknown) => () => loose(new Map([["w", tensor]]));
  const of = (more: object) => one({ ...good, ...more });
  throws(() => loose({ w: good }), TypeError, "writeSafetensors: tensors must be a Map of tensors by name");
  throws(one(7), TypeError, 'writeSafetensors: "w" must be an object with shape and data, got 7');
  throws(of({ data: [1, 2] }), TypeError, 'writeSafetensors: "w": data must be a Float32Array or ', "got [1, 2]");
  throws(of({ data: new DataView(new ArrayBuffer(8)) }), TypeError, '"w": data must be a Float32Array');
  throws(of({ shape: undefined }), TypeError, '"w": shape must be an array of sizes, got undefined');
  throws(of({ shape: [-2] }), RangeError, '"w": every size of shape must be an integer of 0 or more, got [-2]');
  throws(of({ shape: [3] }), RangeError, '"w": data must have 3 elements for shape [3], got 2');
  throws(of({ dtype: "I32" }), TypeError, '"w": dtype must be F32 or BF16 or F16 for a Float32Array, got "I32"');
  const bytes = { data: Uint8Array.of(1, 2) };
  throws(of({ dtype: "F16", ...bytes }), TypeError, '"w": dtype must be U8 or BOOL for a Uint8Array');
  throws(of({ dtype: "BOOL", ...bytes }), RangeError, '"w": every element of BOOL must be 0 or 1');
  const named = (name: unknown) => () => loose(new Map([[name, good]]));
  throws(named(7), TypeError, "the name of a tensor must be a string, got 7");
  throws(named("__metadata__"), RangeError, "no tensor can have the name __metadata__");
  throws(named("\udc00"), RangeError, "the name of a tensor must be well-formed text");
  const told = (metadata: unknown) => () => loose(new Map(), { metadata });
  throws(told({ k: 7 }), TypeError, '"k" of metadata must be a string, got 7');
  throws(told(new Map()), TypeError, "metadata must be an object of strings, got a Map");
  throws(told({ "\ud83d": "\ude00" }), RangeError, "of metadata must be well-formed text"); // halves of one character
  throws(told({ k: "\ud800" }), RangeError, '"k" of metadata must be well-formed text');
  const given = (options: object) => () => loose(new Map(), options);
  throws(given({ dtype: "F64" }), TypeError, 'dtype must be "F32", "F16" or "BF16", got "F64"');
  throws(given({ metdata: {} }), TypeError, "options must be among metadata, dtype");
  const text = () => readSafetensors("x" as never);
  throws(text, TypeError, 'readSafetensors: bytes must be a Uint8Array or an ArrayBuffer, got "x"');
});

test.run();
