/** Checkpoints that fit neither the command nor their own model: refused before anything is said, and no terminal obeys what they hold. */
import { rmSync, writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bert, conformer, gpt, vit } from "../src/models/index.js";
import { createSync, type Saved, saveCheckpoint } from "../src/nn/index.js";
import { at, folder, ok, run } from "./support/command.js";
import { cifarBytes, tone, wavBytes } from "./support/made-data.js";

const nn = createSync({ threads: 1 });
const sizes = { width: 8, heads: 2, layers: 1, variant: "laser" } as const;
writeFileSync(at("images.bin"), cifarBytes(2, 1));
writeFileSync(at("one.wav"), wavBytes(tone(1, 1)));

const COMMANDS = {
  classify: ["--images", "images.bin"],
  transcribe: ["one.wav"],
  generate: ["--prompt", "a", "--count", "2"],
  signal: ["--data", "images.bin"],
  fill: ["--text", "a_"],
};

/** The arguments of a command with a checkpoint of this model. */
function use(command: keyof typeof COMMANDS, model: Saved, extra: object): string[] {
  writeFileSync(at("model.safetensors"), saveCheckpoint(model, undefined, { ...extra }));
  return [command, ...COMMANDS[command], "--checkpoint", "model.safetensors", "--threads", "1"];
}

async function refused(args: string[], words: string): Promise<void> {
  const { code, stdout, stderr } = await run(args);
  assert.is(stderr, `laser-attention: ${words}\n`);
  assert.is(stdout, "");
  assert.is(code, 1);
}

const images = (side: number, classes: number) => vit(nn, { ...sizes, side, patch: 8, classes });

test("classify: a model of another side is refused, and so are names that are not as many as its classes, or no strings", async () => {
  const side = "the checkpoint's model must take images of side 32, as of CIFAR-10, got 16";
  await refused(use("classify", images(16, 10), {}), side);
  await refused([...use("classify", images(16, 10), {}), "--json"], side);
  for (const [classes, got] of [
    [["a", "b", "c"], '3: ["a", "b", "c"]'],
    [["a", 5], '2: ["a", 5]'],
    ["ab", '"ab"'],
    [null, "null"],
  ])
    await refused(
      use("classify", images(32, 2), { classes }),
      `the checkpoint's classes must be the 2 strings of its model, got ${got}`,
    );
});

test("classify: names are those of the checkpoint, or numbers where it has none; labels are of CIFAR-10 only", async () => {
  const own = use("classify", images(32, 2), { classes: ["left", "right"] });
  assert.match(await ok(...own), /^0: (left|right) 0\.\d{3}, (left|right) 0\.\d{3}\n1: /);
  const found = JSON.parse(await ok(...own, "--json"));
  assert.equal(Object.keys(found[0]), ["image", "candidates"]);
  assert.equal(found[0].candidates.map((one: { class: string }) => one.class).sort(), ["left", "right"]);
  const none = use("classify", images(32, 20), {});
  assert.match(await ok(...none), /^0: \d+ 0\.\d{3}, \d+ 0\.\d{3}, \d+ 0\.\d{3}\n1: /);
  assert.is(typeof JSON.parse(await ok(...none, "--json"))[0].candidates[0].class, "number");
});

test("transcribe: symbols must be strings, one for each class but the blank, the separator one too, and mels those of the features", async () => {
  const config = { ...sizes, mels: 40, stack: 4, context: 30, classes: 3, kernel: 3 };
  const model = conformer(nn, config);
  const symbols = "the checkpoint's symbols must be the 2 strings of its model, got";
  for (const [extra, words] of [
    [{ separator: "" }, "the checkpoint has no symbols: train wrote none"],
    [{ symbols: ["a"], separator: "" }, `${symbols} 1: ["a"]`],
    [{ symbols: ["a", null], separator: "" }, `${symbols} 2: ["a", null]`],
    [{ symbols: "ab", separator: "" }, `${symbols} "ab"`],
    [{ symbols: ["a", "b"] }, "the checkpoint's separator must be a string, got undefined"],
    [{ symbols: ["a", "b"], separator: [1] }, "the checkpoint's separator must be a string, got [1]"],
  ] as const)
    await refused(use("transcribe", model, extra), words);
  const mels = "the checkpoint's model must take features of 40 mels, got 20";
  const other = conformer(nn, { ...config, mels: 20, context: 60 });
  await refused(use("transcribe", other, { symbols: ["a", "b"], separator: "" }), mels);
});

test("generate, signal and fill: a vocabulary of another size than the model's is refused before a character is written", async () => {
  const tokens = (vocabulary: number) => ({ ...sizes, vocabulary, context: 8 });
  const words = (size: number, got: number) =>
    `the checkpoint's vocabulary must have the ${size} characters of its model, got ${got}`;
  for (const [vocabulary, got] of [
    ["abc", 3],
    ["abcdef", 6],
    ["aabbc", 3],
  ] as const) {
    for (const command of ["generate", "signal"] as const)
      await refused(use(command, gpt(nn, tokens(5)), { vocabulary }), words(5, got));
    await refused(use("fill", bert(nn, tokens(6)), { vocabulary }), words(5, got));
  }
});

test("names in a checkpoint and paths are shown with their control characters escaped, and are in JSON as they are", async () => {
  const classes = ["\x1b[2J\x9b", "b\u202e"];
  const args = use("classify", images(32, 2), { classes });
  const told = await ok(...args);
  assert.ok(told.includes("\\u001b[2J\\u009b 0.") && told.includes("b\\u202e 0."), told);
  const [found] = JSON.parse(await ok(...args, "--json"));
  assert.equal(found.candidates.map((one: { class: string }) => one.class).sort(), classes);
  const extra = { vocabulary: "abc", data: "none\x1b]0;x\x07" };
  const signal = use("signal", gpt(nn, { ...sizes, vocabulary: 3, context: 8 }), extra);
  const { stderr } = await run([signal[0]!, ...signal.slice(1 + COMMANDS.signal.length)]);
  assert.match(stderr, "cannot read none\\u001b]0;x\\u0007 (ENOENT)");
  assert.match((await run(["fly\x1b"])).stderr, "unknown command 'fly\\u001b'");
});

test.after(() => {
  nn.dispose();
  rmSync(folder, { recursive: true, force: true });
});
test.run();
