/** train --init: runs that begin with the parameters of a trained model. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { begin, readInit, spelled } from "../src/cli/init.js";
import { gpt } from "../src/models/index.js";
import { type Checkpoint, createSync, loadCheckpoint, saveCheckpoint } from "../src/nn/index.js";
import { makeTask, recipeOf, Trainer } from "../src/train/index.js";
import { firstDifference } from "./support/bits.js";
import { at, folder, ok, run } from "./support/command.js";
import { writeData } from "./support/made-data.js";

writeData(at);
const less = "the theme then heeds the hem. ".repeat(40).replaceAll(".", "");
writeFileSync(at("less.txt"), less); // fewer characters, so that ids of its own would be others
writeFileSync(at("other.tsv"), "speech/1_x_0.wav\ttoe\nspeech/1_x_5.wav\tone\n");
writeFileSync(at("new.tsv"), "speech/1_x_0.wav\tsix\nspeech/1_x_5.wav\tone\n");

const IMAGES = "--threads 1 --width 16 --heads 2 --layers 1 --batch 2 --evaluations 1 --every 2".split(" ");
const train = (family: string, data: string, ...more: string[]) =>
  ok("train", family, "--data", data, "--batch", "2", "--threads", "1", "--evaluations", "1", ...more);
const state = (path: string) => loadCheckpoint(readFileSync(at(path)));

const bare: Checkpoint = { family: undefined, config: undefined, state: new Map(), optimizer: undefined, extra: {} };

/** The parameters in which two checkpoints differ. */
const differing = (one: string, two: string): string[] => {
  const other = state(two).state;
  return [...state(one).state].flatMap(([name, { data }]) =>
    firstDifference(data as Float32Array, other.get(name)!.data as Float32Array) < 0 ? [] : [name],
  );
};

test("a run that begins with a checkpoint has its parameters, sizes, variant and symbols, in all four families, on data with fewer symbols too", async () => {
  const sizes = (family: string) => [...IMAGES, ...(family === "vit" ? [] : ["--context", "32"])];
  for (const [family, data, other] of [
    ["lm", "text.txt", "less.txt"],
    ["bert", "text.txt", "less.txt"],
    ["vit", "images", "images"],
    ["conformer", "list.tsv", "other.tsv"],
  ] as const) {
    const variant = family === "lm" ? "standard" : "laser";
    const options = [...sizes(family), "--variant", variant];
    await ok("train", family, "--data", data, "--steps", "3", ...options, "--out", family);
    // At a rate of 0 parameters stay what they were at the beginning.
    await train(family, other, "--init", family, "--out", `${family}-on`, "--steps", "1", "--lr", "0");
    assert.equal(differing(`${family}/best.safetensors`, `${family}-on/last.safetensors`), [], family);
    const { config, extra } = state(`${family}-on/last.safetensors`);
    assert.equal([config!.width, config!.variant], [16, variant]);
    for (const name of ["vocabulary", "symbols"])
      assert.equal(extra[name], state(`${family}/last.safetensors`).extra[name]);
    await train(family, other, "--out", `${family}-on`, "--resume", "--steps", "1"); // it still knows what it began with
    assert.match(readFileSync(at(`${family}-on/report.html`), "utf8"), `Began with: ${family}/best.safetensors`);
  }
});

test("a run may begin with the parameters of the other variant", () => {
  const variant = "laser";
  const init = readInit(at("lm"), "lm", { variant });
  assert.is(init.sizes.variant, "standard");
  const nn = createSync({ threads: 1 });
  const { model } = makeTask(nn, "lm", recipeOf("lm", { ...init.sizes, variant }), ...spelled(less, init.checkpoint));
  begin(model, init);
  assert.equal(model.stateDict(), init.checkpoint.state);
  nn.dispose();
});

test("labels of other data are counted in the symbols of the checkpoint", () => {
  const recording = (...labels: number[]) => ({ samples: new Float32Array(0), labels });
  const data = { train: [recording(1, 2, 1)], test: [recording(2)], symbols: ["b", "c"], separator: "", join: false };
  const config = { classes: 4 };
  const [got] = spelled(data, { ...bare, family: "conformer", config, extra: { symbols: ["a", "c", "b"] } });
  assert.equal(got, { ...data, symbols: ["a", "c", "b"], train: [recording(3, 2, 3)], test: [recording(2)] });
});

test("such a run that is resumed has the losses of one that never stopped, with the characters of its checkpoint", async () => {
  const init = readInit(at("lm"), "lm", {});
  const recipe = recipeOf("lm", { ...init.sizes, batch: 2, steps: 6, every: 6, evaluations: 1 });
  const nn = createSync({ threads: 1 });
  const made = (checkpoint: Checkpoint) => {
    const [data, vocabulary] = spelled(less, checkpoint);
    return new Trainer(nn, "lm", makeTask(nn, "lm", recipe, data, vocabulary), recipe);
  };
  const steps = (trainer: Trainer, count: number) => Array.from({ length: count }, () => trainer.step().loss);
  const [whole, first] = [made(init.checkpoint), made(init.checkpoint)];
  for (const { task } of [whole, first]) begin(task.model, init);
  const losses = steps(whole, 6);
  const begun = steps(first, 3);
  const saved = loadCheckpoint(first.save());
  const again = made(saved);
  again.resume(saved);
  assert.equal([...begun, ...steps(again, 3)], losses);
  nn.dispose();
});

test("what can't begin with a checkpoint is refused: other sizes, families, characters and symbols, models that the command does not make", async () => {
  const nn = createSync({ threads: 1 });
  const config = { vocabulary: 5, context: 32, width: 16, heads: 2, layers: 1, variant: "laser" } as const;
  const own = gpt(nn, { ...config, activation: "silu" });
  writeFileSync(at("own.safetensors"), saveCheckpoint(own, undefined, { vocabulary: "abcde" }));
  writeFileSync(at("bare.safetensors"), saveCheckpoint(gpt(nn, config)));
  nn.dispose();
  writeFileSync(at("abc.txt"), "abcde".repeat(100));
  const { stderr } = await run(["train", "lm", "--data", "less.txt", "--init", "lm"]);
  assert.match(stderr, "--out FOLDER is missing");
  for (const [said, ...args] of [
    ["--width must be 16, as in lm/best.safetensors, got 32", "lm", "less.txt", "--init", "lm", "--width", "32"],
    ["lm/best.safetensors must hold a model of the family bert, got lm", "bert", "less.txt", "--init", "lm"],
    ["abc.txt: encode: text must have characters of the vocabulary only, got", "lm", "abc.txt", "--init", "lm-on"],
    [
      'the checkpoint\'s symbols must have those of the data, got none that is "i"',
      "conformer",
      "new.tsv",
      "--init",
      "conformer",
    ],
    [
      'own.safetensors: activation must be "gelu" for this run, got "silu"',
      "lm",
      "abc.txt",
      "--init",
      "own.safetensors",
    ],
    ["the checkpoint has neither a vocabulary", "lm", "abc.txt", "--init", "bare.safetensors"],
    ["cannot read nothing (ENOENT)", "lm", "abc.txt", "--init", "nothing"],
    ["--init starts a run and --resume goes on with one", "lm", "less.txt", "--init", "lm", "--resume"],
  ] as const) {
    const [family, data, ...more] = args;
    const { code, stderr } = await run([
      "train",
      family!,
      "--data",
      data!,
      "--out",
      "never",
      "--threads",
      "1",
      ...more,
    ]);
    assert.is(code, 1, said);
    assert.ok(stderr.includes(said), `${stderr}, not: ${said}`);
  }
});

test.after(() => rmSync(folder, { recursive: true, force: true }));
test.run();
