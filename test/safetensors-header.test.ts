/** Headers that are refused: every lie, with the name of the tensor and before anything is made of it. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readSafetensors } from "../src/nn/safetensors.js";
import { file, tensor } from "./support/safetensors.js";
import { throws } from "./support/throws.js";

type Refused = [what: Uint8Array, type: typeof TypeError | typeof RangeError, ...parts: string[]];

test("a header that is cut off, too large or no JSON object is refused", () => {
  const huge = new Uint8Array(16);
  new DataView(huge.buffer).setUint32(0, 100_000_001, true);
  const vast = new Uint8Array(16).fill(0xff);
  const cases: Refused[] = [
    [
      new Uint8Array(0),
      RangeError,
      "readSafetensors: the file must begin with a header length of 8 bytes, got 0 bytes",
    ],
    [new Uint8Array(7), RangeError, "got 7 bytes"],
    [new Uint8Array(8), RangeError, 'the header must begin with "{", got none'],
    [file("{}").subarray(0, 9), RangeError, "the header must end inside the file of 9 bytes, got 2 bytes"],
    [
      huge,
      RangeError,
      "the header must be at most 100000000 bytes long, got 100000001; a file of safetensors begins with",
    ],
    [vast, RangeError, "at most 100000000 bytes long, got 1844674407370955"],
    [file("[]"), RangeError, 'must begin with "{", got byte 91'],
    [file(" {}"), RangeError, 'must begin with "{", got byte 32'],
    [file("{"), RangeError, "the header must be JSON: "],
    [file('{"a":1}}'), RangeError, "the header must be JSON: "],
    [file("{}\0"), RangeError, "the header must be JSON: "],
    [Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0xff, 0x7d), RangeError, "the header must be UTF-8"],
  ];
  for (const [bytes, type, ...parts] of cases) throws(() => readSafetensors(bytes), type, ...parts);
});

test("wrong entries are refused with the tensor's name", () => {
  const one = (entry: unknown, bytes = 4): Uint8Array => file({ w: entry }, bytes);
  const f32 = (shape: unknown, begin: number, end: number, bytes = 4) => one(tensor("F32", shape, begin, end), bytes);
  const big = 2 ** 53;
  const cases: Refused[] = [
    [one(7), TypeError, 'readSafetensors: "w" must be an object with dtype, shape and data_offsets, got 7'],
    [one(null), TypeError, '"w" must be an object', "got null"],
    [one([]), TypeError, '"w" must be an object'],
    [one({}), TypeError, '"w": dtype must be one of U64, ', "got undefined"],
    [one(tensor("F8_E4M3", [4], 0, 4)), TypeError, '"w": dtype must be one of', 'got "F8_E4M3"'],
    [one(tensor("toString", [4], 0, 4)), TypeError, '"w": dtype must be one of'],
    [f32("1", 0, 4), TypeError, '"w": shape must be an array of sizes, got "1"'],
    [f32([-1], 0, 4), RangeError, '"w": every size of shape must be an integer of 0 or more, got [-1]'],
    [f32([0.5], 0, 2), RangeError, '"w": every size of shape', "[0.5]"],
    [f32([big], 0, 4), RangeError, '"w": every size of shape'],
    [f32(["1"], 0, 4), RangeError, '"w": every size of shape'],
    [f32([[1]], 0, 4), RangeError, '"w": every size of shape'],
    [f32([2 ** 40, 2 ** 40], 0, 4), RangeError, '"w": data_offsets must span the ', "bytes of F32"],
    [f32(new Array(400).fill(2 ** 40), 0, 4), RangeError, '"w": data_offsets must span the Infinity bytes'],
    [
      one({ dtype: "F32", shape: [1], data_offsets: 4 }),
      TypeError,
      '"w": data_offsets must be an array of two offsets',
    ],
    [
      one({ dtype: "F32", shape: [1], data_offsets: [0, 4, 8] }),
      TypeError,
      '"w": data_offsets must be an array of two',
    ],
    [f32([1], -4, 0), RangeError, '"w": both data_offsets must be integers of 0 or more, got [-4, 0]'],
    [f32([1], 0.5, 4.5), RangeError, '"w": both data_offsets must be integers'],
    [f32([1], 4, 0), RangeError, '"w": data_offsets must span the 4 bytes of F32 [1], got [4, 0]'],
    [f32([1], 0, 5, 5), RangeError, '"w": data_offsets must span the 4 bytes of F32 [1], got [0, 5]'],
    [f32([2], 0, 4), RangeError, '"w": data_offsets must span the 8 bytes of F32 [2], got [0, 4]'],
    [f32([2], 0, 8), RangeError, '"w": data_offsets must lie within the 4 bytes behind the header'],
    [f32([2 ** 48], 0, 2 ** 50), RangeError, '"w": data_offsets must lie within the 4 bytes'],
    [f32([1], big - 8, big - 4), RangeError, '"w": data_offsets must lie within the 4 bytes'],
    [f32([1], 4, 8, 8), RangeError, '"w": data_offsets must begin', "at 0, got [4, 8]: that leaves a gap"],
    [f32([1], 0, 4, 5), RangeError, "the file must end with its last tensor, got 1 bytes more"],
    [file({}, 1), RangeError, "the file must end with its last tensor, got 1 bytes more"],
    [file({ "\ud800": tensor("U8", [0], 0, 0) }), RangeError, "the name of a tensor must be well-formed text"],
  ];
  for (const [bytes, type, ...parts] of cases) throws(() => readSafetensors(bytes), type, ...parts);
});

test("tensors that overlap or leave gaps are refused with the second one's name", () => {
  const pair = (begin: number, end: number, dtype = "U8") =>
    file({ b: tensor(dtype, [(end - begin) / (dtype === "U8" ? 1 : 4)], begin, end), a: tensor("U8", [5], 0, 5) }, end);
  throws(
    () => readSafetensors(pair(4, 8)),
    RangeError,
    '"b": data_offsets must begin',
    "at 5, got [4, 8]: they overlap",
  );
  throws(() => readSafetensors(pair(6, 8)), RangeError, '"b"', "at 5, got [6, 8]: that leaves a gap");
  const twice = file({ a: tensor("U8", [4], 0, 4), b: tensor("U8", [4], 0, 4) }, 4);
  throws(() => readSafetensors(twice), RangeError, '"b"', "at 4, got [0, 4]: they overlap");
  assert.equal([...readSafetensors(pair(5, 8)).tensors.keys()], ["a", "b"]);
});

test("equal keys are refused, however they are spelled; equal text elsewhere is not", () => {
  const entry = JSON.stringify(tensor("U8", [0], 0, 0));
  const refused = (header: string, key: string) =>
    throws(
      () => readSafetensors(file(header)),
      RangeError,
      `every key of the header must stand once, got ${key} twice`,
    );
  refused(`{"w":${entry},"w":${entry}}`, '"w"');
  refused(`{"w":${entry},"\\u0077" : ${entry}}`, '"w"');
  refused(`{"w":{"dtype":"U8","shape":[0],"dtype":"U8","data_offsets":[0,0]}}`, '"dtype"');
  refused(`{"__metadata__":{"k":"1","k":"2"}}`, '"k"');
  refused(`{"__metadata__":{},"__metadata__":{}}`, '"__metadata__"');
  const fine = `{"__metadata__":{"w":"w","k":"\\"w\\":{"},"w":${entry},"k":${entry},"w\\\\":${entry}}`;
  assert.equal([...readSafetensors(file(fine)).tensors.keys()], ["w", "k", "w\\"]);
});

test("metadata that is no text is refused with its key", () => {
  for (const value of [7, "x", []]) {
    throws(
      () => readSafetensors(file({ __metadata__: value })),
      TypeError,
      "__metadata__ must be an object of strings",
    );
  }
  for (const value of [7, null, {}, ["x"]]) {
    const bytes = file({ __metadata__: { k: value } });
    throws(() => readSafetensors(bytes), TypeError, 'readSafetensors: "k" of __metadata__ must be a string, got');
  }
});

test("what the Python library accepts is read: tensors at odd offsets, empty ones where another begins, metadata that is null", () => {
  const bytes = file({ __metadata__: null, a: tensor("U8", [5], 0, 5), b: tensor("F32", [1], 5, 9) }, 9);
  new DataView(bytes.buffer).setFloat32(bytes.length - 4, 1.5, true);
  const { tensors, metadata } = readSafetensors(bytes);
  assert.equal(tensors.get("b")!.data, Float32Array.of(1.5));
  assert.equal(metadata, {});
  const empty = file({ a: tensor("U8", [5], 0, 5), c: tensor("U8", [0], 5, 5), b: tensor("U8", [0], 0, 0) }, 5);
  assert.equal([...readSafetensors(empty).tensors.keys()], ["b", "a", "c"]);
});

test("names of megabytes and entries nested without end give short messages", () => {
  const name = "n".repeat(5e6);
  const deep = `${"[".repeat(1e5)}${"]".repeat(1e5)}`;
  const wide = JSON.stringify([[[["x"]]]]);
  const cases: [Uint8Array, string][] = [
    [file({ [name]: 7 }), `"${"n".repeat(200)}..." must be an object`],
    [file(`{"w":${deep}}`), '"w" must be an object'],
    [file(`{"w":{"dtype":${wide}}}`), '"w": dtype must be one of'],
    [file(`{"w":{"dtype":"F32","shape":[0],"data_offsets":"${name}"}}`), '"w": data_offsets must be an array'],
  ];
  for (const [bytes, part] of cases) {
    throws(() => readSafetensors(bytes), TypeError, part);
    try {
      readSafetensors(bytes);
    } catch (error) {
      assert.ok((error as Error).message.length < 1000);
    }
  }
});

test.run();
