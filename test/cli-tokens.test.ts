/** train lm --tokens bytes: models of the bytes of a text, which any prompt has. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { byteTokenizer } from "../src/models/index.js";
import { loadCheckpoint, readSafetensors, writeSafetensors } from "../src/nn/index.js";
import { at, folder, ok, run } from "./support/command.js";

writeFileSync(at("text.txt"), "Grüße aus Köln, où l'été est là. ".repeat(40));
writeFileSync(at("other.txt"), "漢字かな交じり文。".repeat(40));

const SIZES = "--width 16 --heads 2 --layers 1 --batch 2 --context 32 --evaluations 1".split(" ");
const train = (...more: string[]) => ok("train", "lm", "--threads", "1", ...more);
const refused = async (words: RegExp, args: string, ...more: string[]) => {
  const { code, stderr } = await run([...args.split(" "), ...more]);
  assert.match(stderr, words);
  assert.is(code, 1);
};

await train("--data", "text.txt", ...SIZES, "--steps", "6", "--every", "3", "--tokens", "bytes", "--out", "lm");

test("a model of bytes has 256 of them, and goes on with a prompt whose characters its text never had, whole characters at a time", async () => {
  assert.match(readFileSync(at("lm/report.html"), "utf8"), /validation loss of a byte, best/);
  const { config, extra } = loadCheckpoint(readFileSync(at("lm/last.safetensors")));
  assert.equal([config!.vocabulary, extra.tokens, extra.vocabulary], [256, "bytes", undefined]);
  const args = ["generate", "--checkpoint", "lm", "--threads", "1", "--count", "40", "--prompt", "漢字 → "];
  const { prompt, text, ids } = JSON.parse(await ok(...args, "--json"));
  assert.is(prompt, "漢字 → ");
  assert.is(ids.length, 40);
  assert.is(text, byteTokenizer().decode(ids));
  // Untrained, it writes bytes that are no UTF-8 too: each is U+FFFD, as `decode` has it, and the last one may be half a character.
  assert.is(await ok(...args), `${prompt}${text}\n`);
  assert.match(await ok("signal", "--checkpoint", "lm", "--threads", "1"), /on text\.txt, laser attention/);
});

test("--resume and --init keep the tokens, on other characters too; other tokens are refused, and those of other families", async () => {
  await train("--out", "lm", "--resume");
  await train(..."--init lm --data other.txt --out on --steps 2 --batch 2 --evaluations 1".split(" "));
  assert.is(loadCheckpoint(readFileSync(at("on/last.safetensors"))).extra.tokens, "bytes");
  const words =
    /--tokens must be bytes, as in lm.(last|best).safetensors, got characters: that takes a new run, without --init\n$/;
  await refused(words, "train lm --out lm --resume --tokens characters");
  await refused(words, "train lm --init lm --data text.txt --tokens characters --out new");
  await refused(/--tokens is for lm only: bert has characters\n$/, "train bert --data text.txt --tokens bytes");
  await refused(/Allowed choices are characters, bytes/, "train lm --data text.txt --tokens words");
  writeFileSync(at("short.txt"), "é".repeat(100));
  const short = /the text must have 330 bytes for a context of 32 .*, got 200\n$/;
  await refused(short, "train lm --data short.txt --tokens bytes --out new", ...SIZES);
});

test("compare: two runs of other tokens are no pair", async () => {
  for (const [variant, tokens] of [
    ["standard", "bytes"],
    ["laser", "characters"],
  ] as const) {
    const own = ["--tokens", tokens, "--variant", variant, "--out", `odd/${variant}`];
    await train("--data", "text.txt", ...SIZES, "--steps", "2", ...own);
  }
  const words = /must have one recipe, got --tokens "bytes" and "characters"\n$/;
  await refused(words, "compare lm --resume --out odd");
});

test("what a file says of its tokens is taken where its model has them only", async () => {
  const { tensors, metadata } = readSafetensors(readFileSync(at("lm/last.safetensors")));
  const save = (family: string, tokens: string) => {
    const file = writeSafetensors(tensors, { metadata: { ...metadata, family, extra: JSON.stringify({ tokens }) } });
    writeFileSync(at("odd.safetensors"), file);
  };
  save("gpt", "words");
  const words = /tokens must be "bytes", of a model of the family lm with 256 ids, got "words" of lm with 256\n$/;
  await refused(words, "generate --checkpoint odd.safetensors --prompt a --threads 1");
  save("bert", "bytes");
  await refused(/got "bytes" of bert with 256\n$/, "fill --checkpoint odd.safetensors --text a_ --threads 1");
});

test("compare: a run of the pair that begins anew has the tokens of the other", async () => {
  await ok("compare", "lm", "--data", "text.txt", ...SIZES, "--steps", "2", "--tokens", "bytes", "--out", "pair");
  const file = at("pair/standard/last.safetensors");
  const whole = readFileSync(file);
  rmSync(file);
  await ok("compare", "lm", "--resume", "--out", "pair");
  assert.ok(readFileSync(file).equals(whole));
});

test.after(() => rmSync(folder, { recursive: true, force: true }));
test.run();
