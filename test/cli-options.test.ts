/** The options of the commands that use a model, each of which must reach it. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Command } from "commander";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { character, createNn, recipeOptions } from "../src/cli/options.js";
import { hex } from "../src/generated/kernels.relaxed.js";
import type { Simd } from "../src/index.js";
import { bert, conformer, gpt, vit } from "../src/models/index.js";
import { createSync, loadCheckpoint, type Saved, saveCheckpoint } from "../src/nn/index.js";
import { supports } from "../src/wasm.js";
import { firstDifference } from "./support/bits.js";
import { at, folder, ok, run } from "./support/command.js";
import { cifarBytes, wavBytes } from "./support/made-data.js";

const nn = createSync({ threads: 1 });
const sizes = { width: 16, heads: 2, layers: 1, variant: "laser" } as const;
const vocabulary = "abcdefgh";

/** A checkpoint of a model with larger matrices than it begins with, whose scores differ. */
function save(file: string, model: Saved, extra: object): void {
  for (const { tensor } of model.parameters.values())
    if (tensor.shape.length > 1) tensor.set(tensor.toArray().map((x) => 12 * x));
  writeFileSync(at(file), saveCheckpoint(model, undefined, { ...extra }));
}

writeFileSync(at("some.txt"), "abcdefgh".repeat(40));

const json = async (...args: string[]) => JSON.parse(await ok(...args, "--threads", "1", "--json"));

test("generate takes the best checkpoint of a folder, and temperature, seed, top-k and top-p decide which tokens are drawn", async () => {
  mkdirSync(at("lm"));
  save("lm/best.safetensors", gpt(nn, { ...sizes, vocabulary: 8, context: 16 }), { vocabulary });
  writeFileSync(at("lm/last.safetensors"), "the best comes first");
  const ids = async (...more: string[]): Promise<string> =>
    (await json("generate", "--checkpoint", "lm", "--prompt", "abc", "--count", "30", ...more)).text;
  const greedy = await ids("--temperature", "0");
  const drawn = await ids("--temperature", "5", "--seed", "2");
  assert.is.not(drawn, greedy);
  assert.is.not(await ids("--temperature", "5"), drawn);
  assert.is(await ids("--temperature", "5", "--top-k", "1"), greedy);
  assert.is(await ids("--temperature", "5", "--top-p", "0"), greedy);
});

test("fill takes another character for a hole, and it and classify list as many candidates as are asked for", async () => {
  save("bert.safetensors", bert(nn, { ...sizes, vocabulary: 9, context: 16 }), { vocabulary });
  const { places } = await json(
    "fill",
    "--checkpoint",
    "bert.safetensors",
    "--text",
    "ab*d",
    "--hole",
    "*",
    "--candidates",
    "2",
  );
  assert.equal(
    places.map((one: { position: number; candidates: [] }) => [one.position, one.candidates.length]),
    [[2, 2]],
  );
  save("vit.safetensors", vit(nn, { ...sizes, side: 32, patch: 8, classes: 10 }), {});
  writeFileSync(at("images.bin"), cifarBytes(3, 1));
  const found = await json(
    "classify",
    "--checkpoint",
    "vit.safetensors",
    "--images",
    "images.bin",
    "--count",
    "2",
    "--candidates",
    "4",
  );
  assert.equal(
    found.map(({ candidates }: { candidates: [] }) => candidates.length),
    [4, 4],
  );
});

test("transcribe: a wider beam finds what is likelier, in a recording as long as the context too; the separator lies between symbols", async () => {
  const model = conformer(nn, { ...sizes, mels: 40, stack: 1, context: 32, classes: 3, kernel: 3 });
  for (const { tensor } of model.parameters.values()) tensor.data.fill(0);
  model.head.bias.tensor.set(Float32Array.of(0.4, 0, -9)); // a blank in each of 32 frames is the best path, not the best text
  save("conformer.safetensors", model, { symbols: ["x", "y"], separator: "-" });
  writeFileSync(at("one.wav"), wavBytes(new Float32Array(200 + 31 * 80))); // 32 frames
  const found = async (...more: string[]): Promise<{ text: string; logLikelihood: number }> =>
    (await json("transcribe", "one.wav", "--checkpoint", "conformer.safetensors", ...more))[0];
  const [path, beam] = [await found("--beam", "1"), await found()];
  assert.ok(path.logLikelihood < beam.logLikelihood, `${path.logLikelihood} ${beam.logLikelihood}`);
  assert.match(beam.text, /^x(-x)+$/);
});

test("fill: a line for each hole, of its place and its candidates, best first; threads are as many as are asked for", async () => {
  const lines = (await ok("fill", "--checkpoint", "bert.safetensors", "--text", "ab_d_", "--threads", "1")).split("\n");
  assert.match(lines[0]!, /^ab[a-h]d[a-h]$/);
  for (const [line, position] of [lines[1]!, lines[2]!].map((line, n) => [line, [2, 4][n]!] as const)) {
    const [, place, list] = line.match(/^(\d+): (.*)$/)!;
    assert.is(Number(place), position);
    const found = [...list!.matchAll(/"([a-h])" (0\.\d{3})/g)];
    assert.is(found.length, 3);
    assert.is(found[0]![1], lines[0]![position]);
    assert.ok(Number(found[0]![2]) >= Number(found[2]![2]));
  }
  for (const threads of [1, 2]) {
    const made = await createNn(threads);
    assert.is(made.la.threads, threads);
    made.dispose();
  }
});

test("--simd says which kernels; a run keeps them, and the report says which", async () => {
  const train = ["train", "lm", "--data", "some.txt", "--threads", "1", "--steps", "3"];
  const sizes = ["--context", "8", "--width", "16", "--layers", "1", "--batch", "2"];
  const runOf = async (simd: Simd) => {
    await ok(...train, ...sizes, "--out", simd, "--simd", simd);
    assert.match(readFileSync(at(simd, "report.html"), "utf8"), `Kernels: ${simd}<`);
    return loadCheckpoint(readFileSync(at(simd, "last.safetensors")));
  };
  const plain = await runOf("plain");
  assert.is(plain.extra.simd, "plain");
  if (!supports({ hex })) {
    const { code, stderr } = await run([...train, ...sizes, "--out", "relaxed", "--simd", "relaxed"]);
    assert.is(code, 1);
    assert.match(stderr, "laser-attention: this engine has no relaxed SIMD, which --simd relaxed needs");
    assert.not(existsSync(at("relaxed")));
    return;
  }
  const relaxed = await runOf("relaxed");
  assert.is(relaxed.extra.simd, "relaxed");
  const [one, other] = [plain, relaxed].map(({ state }) => state.get("head.weight")!.data as Float32Array);
  assert.is.not(firstDifference(one!, other!), -1);
  await ok("train", "lm", "--resume", "--out", "relaxed");
  const { code, stderr } = await run(["train", "lm", "--resume", "--out", "relaxed", "--simd", "plain"]);
  assert.is(code, 1);
  assert.match(stderr, "so --simd must be relaxed, got plain. To start a new run from its checkpoint: --init");
  const signal = ["signal", "--json", "--data", "some.txt"];
  for (const args of [[...signal, "--checkpoint", "relaxed"], signal]) {
    const [usual, same, faster] = [[], ["--simd", "plain"], ["--simd", "relaxed"]].map((simd) => ok(...args, ...simd));
    assert.is(await same, await usual);
    assert.is.not(await faster, await usual);
  }
});

test("train and compare: a folder that holds a best checkpoint alone, or a report, is not written into", async () => {
  mkdirSync(at("best"));
  const refused = async (command: string, file: string, what: RegExp) => {
    writeFileSync(at("best", file), "kept");
    const sizes = ["--steps", "1", "--context", "8", "--width", "8", "--layers", "1"];
    const { code, stderr } = await run([command, "lm", "--data", "some.txt", "--out", "best", ...sizes]);
    assert.is(code, 1);
    assert.match(stderr, what);
    assert.is(readFileSync(at("best", file), "utf8"), "kept");
    assert.equal(readdirSync(at("best")), [file]);
    rmSync(at("best", file));
  };
  const there = "is there already:";
  const none = "it has no run to go on with, so remove it";
  await refused("train", "best.safetensors", new RegExp(`best\\.safetensors ${there} ${none}`));
  for (const command of ["train", "compare"])
    await refused(
      command,
      "report.html",
      new RegExp(`report\\.html ${there} a new run would write over it, so remove it`),
    );
});

test("numbers of a recipe are taken from their least to their most, 0 too, but not an empty text, which is 0 to JavaScript", () => {
  const parse = (...args: string[]) =>
    recipeOptions(new Command().exitOverride().configureOutput({ writeErr: () => {} }))
      .parse(args, { from: "user" })
      .opts();
  for (const [name, value, what, ...wrong] of [
    ["warmup", 0, "an integer", "", " "],
    ["lr", 0, "a number", "", " ", "-1"],
    ["clip", 0.5, "a number above 0", "0"],
    ["batch", 65536, "an integer from 1 to 65536", "0", "65537", "1.5"],
    ["layers", 1, "an integer from 1 to 65536", "0"],
    ["seed", 536870911, "an integer from 0 to 536870911", "536870912"],
  ] as const) {
    assert.equal(parse(`--${name}`, `${value}`), { [name]: value });
    for (const text of wrong) {
      const words = new RegExp(`'--${name} <\\w+>' argument '.*' is invalid\\. It must be ${what}`);
      assert.throws(() => parse(`--${name}`, text), words);
    }
  }
  assert.throws(() => character(""), /one character/);
});

test("train --resume: a folder of compare is named as one, with the command that goes on with it", async () => {
  mkdirSync(at("pair/laser"), { recursive: true });
  writeFileSync(at("pair/laser/last.safetensors"), "");
  const { code, stderr } = await run(["train", "lm", "--resume", "--out", "pair"]);
  assert.is(code, 1);
  const what = "pair holds no last.safetensors; those of compare are in its folders standard and laser";
  const again = "npx laser-attention compare lm --resume --out pair";
  assert.is(stderr, `laser-attention: ${what}. Go on with both: ${again}\n`);
});

test("signal takes another text than that of the run, and a seed and a variant for a new model", async () => {
  writeFileSync(at("one.txt"), "abcdefgh".repeat(40));
  writeFileSync(at("two.txt"), "hgfedcba".repeat(40));
  save("signal.safetensors", gpt(nn, { ...sizes, vocabulary: 8, context: 16 }), { vocabulary, data: "one.txt" });
  const trained = (...more: string[]) => json("signal", "--checkpoint", "signal.safetensors", ...more);
  const [own, same, other] = [await trained(), await trained("--data", "one.txt"), await trained("--data", "two.txt")];
  assert.equal(own, same);
  assert.not.equal(other.layers, own.layers);
  const fresh = (...more: string[]) => json("signal", "--data", "one.txt", ...more);
  const [laser, standard, seeded] = [await fresh(), await fresh("--variant", "standard"), await fresh("--seed", "2")];
  assert.not.equal(standard.layers, laser.layers);
  assert.not.equal(seeded.layers, laser.layers);
});

test.after(() => {
  nn.dispose();
  rmSync(folder, { recursive: true, force: true });
});
test.run();
