import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../src/data/random.js";
import { byteTokenizer, characterTokenizer, windowBatch } from "../src/data/text.js";
import { readSafetensors } from "../src/nn/safetensors.js";
import { splitText } from "../src/train/text.js";
import { dataFiles, trainingFiles } from "./support/data.js";
import { throws } from "./support/throws.js";

test("characters get ids in the order of their code points, and text comes back from its ids", () => {
  const text = "Zoë 😀\uffee\n\u{10fffd}aa";
  const tokenizer = characterTokenizer(text);
  assert.is(tokenizer.vocabulary, "\n Zaoë\uffee😀\u{10fffd}");
  assert.is(tokenizer.size, 9);
  assert.equal(Array.from(tokenizer.encode(text)), [2, 4, 5, 1, 7, 6, 0, 8, 3, 3]);
  assert.is(tokenizer.decode(tokenizer.encode(text)), text);
  assert.is(characterTokenizer(tokenizer.vocabulary).vocabulary, tokenizer.vocabulary);
  assert.is(tokenizer.decode([]), "");
  assert.is(tokenizer.encode("").length, 0);
});

test("a character outside the vocabulary is refused with its position in the text", () => {
  const tokenizer = characterTokenizer("ab😀");
  throws(() => tokenizer.encode("abcab"), RangeError, 'got "c" at position 2');
  throws(() => tokenizer.encode("😀😁"), RangeError, 'got "😁" at position 2');
  throws(() => tokenizer.encode("a\u0308"), RangeError, "(U+0308) at position 1");
  throws(() => tokenizer.encode("\u200b"), RangeError, "(U+200B) at position 0");
  throws(() => tokenizer.encode("a\ud83d"), RangeError, "at position 1");
  throws(() => tokenizer.encode("abcabdec"), RangeError, 'got "c" at position 2, and 2 more: "de"');
});

test("the byte tokenizer encodes any text as UTF-8, and decodes what is no UTF-8 with U+FFFD", () => {
  const tokenizer = byteTokenizer();
  assert.equal(Array.from(tokenizer.encode("aé😀")), [97, 195, 169, 240, 159, 152, 128]);
  for (const text of ["", "Zoë 😀\n\0", "\ufeffmark"]) assert.is(tokenizer.decode(tokenizer.encode(text)), text);
  assert.is(tokenizer.decode([97, 195, 98, 255]), "a\ufffdb\ufffd");
});

test("text that comes id by id is that of all ids at once: of a character's bytes nothing until the last", () => {
  const text = "\ufeffaé😀\ufeffb";
  for (const tokenizer of [byteTokenizer(), characterTokenizer(text)]) {
    const write = tokenizer.stream();
    const pieces = Array.from(tokenizer.encode(text), (id) => write(id));
    assert.is(pieces.join("") + write(), text);
    assert.ok(pieces.every((piece) => !piece.includes("\ufffd")));
    throws(() => write(256), RangeError, "stream: id must be an integer from 0 to", "got 256");
    throws(() => write("a" as never), TypeError, 'stream: id must be a number, got "a"');
  }
  const write = byteTokenizer().stream();
  assert.is(write(240) + write(159), "");
  assert.is(write(), "\ufffd"); // what was left of one
  assert.is(write(98), "b");
  const other = byteTokenizer().stream();
  assert.is(other(195) + write(97) + other(169), "aé"); // each has its own
});

test("a split keeps every token, in order", () => {
  const text = String.fromCharCode(...Array.from({ length: 101 }, (_, n) => n));
  const { train, validation } = splitText(text, 10, byteTokenizer());
  assert.is(train.length, 90);
  assert.equal([...train, ...validation], [...byteTokenizer().encode(text)]);
});

test("windows lie anywhere in the text, targets one token later, the same for the same seed", () => {
  const ids = Int32Array.from({ length: 12 }, (_, n) => n);
  const { inputs, targets } = windowBatch(ids, 200, 8, new Random(1));
  const firsts = new Set<number>();
  for (let row = 0; row < 200; row++) {
    const first = inputs[row * 8]!;
    firsts.add(first);
    for (let n = 0; n < 8; n++) {
      assert.is(inputs[row * 8 + n], first + n);
      assert.is(targets[row * 8 + n], first + n + 1);
    }
  }
  assert.equal([...firsts].sort(), [0, 1, 2, 3]);
  assert.equal(windowBatch(ids, 200, 8, new Random(1)).inputs, inputs);
  assert.not.equal(windowBatch(ids, 200, 8, new Random(2)).inputs, inputs);
  assert.equal([...windowBatch(ids, 1, 11, new Random(1)).targets], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
});

const shakespeare = dataFiles("text", "tinyshakespeare/input.txt");
const run = trainingFiles("text", "lm.laser");
(shakespeare && run ? test : test.skip)(
  "the golden language model's batches are windows of tinyshakespeare by this tokenizer",
  () => {
    const text = readFileSync(shakespeare![0]!, "utf8");
    const tokenizer = characterTokenizer(text);
    const { tensors, metadata } = readSafetensors(readFileSync(run![0]!));
    const { vocab, ctx } = JSON.parse(metadata.config!);
    assert.is(tokenizer.size, vocab);
    const [ids, targets] = ["data.ids", "data.targets"].map((name) => tensors.get(name)!.data as Uint8Array) as [
      Uint8Array,
      Uint8Array,
    ];
    const all = tokenizer.encode(text);
    assert.is(tokenizer.decode(all), text);
    for (let at = 0; at < ids.length; at += ctx) {
      const first = text.indexOf(tokenizer.decode(ids.subarray(at, at + ctx)));
      assert.ok(first >= 0, `window ${at / ctx} is not in the text`);
      assert.equal([...targets.subarray(at, at + ctx)], [...all.subarray(first + 1, first + 1 + ctx)]);
    }
  },
);

test("wrong text and ids are refused by name", () => {
  const made = (text: unknown) => () => characterTokenizer(text as string);
  throws(made(7), TypeError, "characterTokenizer: text must be a string, got 7");
  throws(made(""), RangeError, 'characterTokenizer: text must have a character, got ""');
  throws(made("a\udc00\ud800"), RangeError, "text must have whole characters, got half a surrogate pair");
  const [bytes, two] = [byteTokenizer(), characterTokenizer("ab")];
  throws(() => bytes.encode(null as never), TypeError, "encode: text must be a string, got null");
  throws(() => two.decode([0, 2]), RangeError, "decode: ids[1] must be an integer from 0 to 1, got 2");
  throws(() => bytes.decode([-1]), RangeError, "decode: ids[0] must be an integer from 0 to 255, got -1");
  throws(() => bytes.decode(undefined as never), TypeError, "decode: ids must be an array, got undefined");
});

test.run();
