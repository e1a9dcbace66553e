/** The command as a user has it: dist/cli.js in a process of its own, in the runtime that runs the test. */
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readSafetensors, writeSafetensors } from "../src/nn/index.js";
import { at, folder, ok, run } from "./support/command.js";
import { TEXT, wavBytes, writeData } from "./support/made-data.js";
import { wav } from "./support/wav.js";

writeData(at);

type Change = (own: Record<string, unknown>) => object;
function changeExtra(file: string, extra: Change, from = readFileSync(file)): void {
  const { tensors, metadata } = readSafetensors(from);
  const own = JSON.parse(metadata.extra!) as Record<string, unknown>;
  const changed = { ...metadata, extra: JSON.stringify({ ...own, ...extra(own) }) };
  writeFileSync(file, writeSafetensors(tensors, { metadata: changed }));
}

/** Another recipe in the extra of a checkpoint. */
const recipe =
  (values: object) =>
  ({ run }: Parameters<Change>[0]): object => {
    const { recipe, ...rest } = run as { recipe: object };
    return { run: { ...rest, recipe: { ...recipe, ...values } } };
  };

const IMAGES = "--threads 1 --width 16 --heads 2 --layers 1 --batch 2 --evaluations 1 --every 2".split(" ");
const SIZES = [...IMAGES, "--context", "32"];
const train = (family: string, data: string, ...more: string[]) =>
  ok("train", family, "--data", data, "--steps", "4", ...(family === "vit" ? IMAGES : SIZES), ...more);
const events = (text: string) =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { event: string; step: number; loss: number });

test("lm: trains, generates and shows its signal; the report needs no other file", async () => {
  const told = await train("lm", "text.txt", "--out", "lm");
  assert.match(told, /laser step 2: loss [\d.]+, validation loss [\d.]+\n/);
  const html = readFileSync(at("lm/report.html"), "utf8");
  assert.match(html, /<svg [\s\S]*Sample, laser/);
  assert.not.match(html, /<script|<link|src=|https?:/);
  assert.ok(existsSync(at("lm/best.safetensors")));
  const model = ["--checkpoint", "lm", "--threads", "1"]; // the best of the folder
  assert.match(await ok("generate", ...model, "--prompt", "the ", "--count", "5"), /^the [\s\S]{5}\n$/);
  const made = JSON.parse(await ok("generate", ...model, "--prompt", "the ", "--count", "5", "--json"));
  assert.is(made.ids.length, 5);
  const { layers } = JSON.parse(await ok("signal", ...model, "--json"));
  assert.is(layers.length, 1);
  assert.ok(layers[0].standard > 0 && layers[0].laser > 0 && layers[0].norms.v > 0);
  const untrained = await ok("signal", "--data", "text.txt", "--threads", "1");
  assert.match(untrained, /p < 1e-3/);
  assert.match(untrained, /hardly trained: --checkpoint takes a trained one\.\n$/);
});

test("bert: trains and fills holes", async () => {
  await train("bert", "text.txt", "--out", "bert");
  const { text, places } = JSON.parse(
    await ok("fill", "--checkpoint", "bert/last.safetensors", "--text", "the c_t", "--json", "--threads", "1"),
  );
  assert.is(text.length, 7);
  assert.is(places[0].position, 5);
});

test("vit: trains and classifies", async () => {
  await train("vit", "images", "--out", "vit", "--variant", "standard");
  const model = ["--checkpoint", "vit/last.safetensors", "--images", "images/test.bin", "--threads", "1"];
  assert.is(JSON.parse(await ok("classify", ...model, "--json")).length, 6);
  assert.match(await ok("classify", ...model, "--count", "2"), /^0 \(airplane\): \w+ 0\..*\n1 \(automobile\): /);
});

test("conformer: trains on digits and on a list, and transcribes", async () => {
  await train("conformer", "speech", "--out", "digits");
  await train("conformer", "list.tsv", "--out", "list");
  for (const name of ["digits", "list"]) {
    const model = ["--checkpoint", `${name}/last.safetensors`, "--threads", "1"];
    const [found] = JSON.parse(await ok("transcribe", "speech/0_x_0.wav", ...model, "--json"));
    assert.is(found.file, "speech/0_x_0.wav");
    assert.ok(found.logLikelihood < 0);
  }
});

test("transcribe: a file that can't be read is named, and the others are transcribed all the same", async () => {
  writeFileSync(at("rate.wav"), wav({ rate: 500 }, [1, 2, 3]));
  writeFileSync(at("short.wav"), wavBytes(new Float32Array(9)));
  writeFileSync(at("long.wav"), wavBytes(new Float32Array(20000)));
  const files = ["none.wav", "rate.wav", "speech/0_x_0.wav", "short.wav", "long.wav"];
  const { code, stdout, stderr } = await run(["transcribe", ...files, "--checkpoint", "list/last.safetensors"]);
  assert.match(stdout, /^speech\/0_x_0\.wav: .*\n$/);
  assert.is(code, 1);
  const said = stderr.trim().split("\n");
  assert.is(said.length, 4, stderr);
  for (const [n, what] of [
    /cannot read none\.wav \(ENOENT\)/,
    /rate\.wav: resample: from must be .* got 500/,
    /short\.wav: logMel: samples must be 200 or more/,
    /long\.wav lasts 2\.50 s, and the model's context 1\.3\d s: cut it at pauses/,
  ].entries())
    assert.match(said[n]!, what);
  const unread = await run(["transcribe", ...files, "--checkpoint", "list/last.safetensors"], undefined, "closed");
  assert.is(unread.code, 1, "the first reason stays where nobody reads the output");
});

test("--resume takes the options of the run once more, and no others", async () => {
  await train("lm", "text.txt", "--out", "again");
  await train("lm", "text.txt", "--out", "again", "--resume");
  const { stderr } = await run(["train", "lm", "--out", "again", "--resume", "--steps", "9"]);
  assert.match(
    stderr,
    /the recipe in again.last\.safetensors, so --steps must be 4, got 9\. To start a new run from its checkpoint: --init\n$/,
  );
});

test("compare trains both variants, and its report is of both", async () => {
  const data = ["--data", "text.txt", "--out", "both", "--json"];
  const found = events(await ok("compare", "lm", "--steps", "4", ...SIZES, ...data));
  assert.is(found.filter(({ event }) => event === "step").length, 8);
  assert.match(readFileSync(at("both/report.html"), "utf8"), /standard and laser/);
});

const posix = process.platform === "win32" ? test.skip : test; // a signal from another process ends one there at once

posix("ctrl-C saves, and going on gives the losses and the file of a run that never stopped", async () => {
  const fixed = "train lm --data text.txt --steps 200 --every 50 --dropout 0.1 --json";
  const args = [...fixed.split(" "), ...SIZES];
  const whole = events(await ok(...args, "--out", "whole"));
  const parts = "it's parts"; // the line to go on with can be pasted into a shell
  let sent = false;
  const { code, stdout, stderr } = await run([...args, "--out", parts], ({ pid }) => {
    if (!sent) process.kill(pid!, "SIGINT"); // after child.kill Deno tells no exit code
    sent = true;
  });
  assert.is(code, 130, stderr);
  const first = events(stdout);
  const { event, again } = first.at(-1) as unknown as { event: string; again: string };
  assert.is(event, "stopped");
  assert.is(again, "npx laser-attention train lm --resume --out 'it'\\''s parts'");
  const second = events(await ok("train", "lm", "--resume", "--out", parts, "--json"));
  const steps = (all: typeof whole) => all.filter((one) => one.event === "step");
  assert.ok(steps(first).length < 200 && steps(second).length < 200);
  assert.equal([...steps(first), ...steps(second)], steps(whole));
  assert.ok(readFileSync(at(parts, "last.safetensors")).equals(readFileSync(at("whole/last.safetensors"))));
});

test("--resume takes the data of the run only, wherever they are; a file without a digest takes any", async () => {
  const args = ["train", "lm", "--steps", "4", ...SIZES, "--out", "moved it's"];
  await ok(...args, "--data", "text.txt");
  const file = at("moved it's/last.safetensors");
  const whole = readFileSync(file);
  writeFileSync(at("other.txt"), TEXT.replaceAll("cat", "tac"));
  writeFileSync(at("foreign.txt"), TEXT.replaceAll("cat", "\u0446\u0430\u0442"));
  writeFileSync(at("same.txt"), TEXT);
  const resume = ["train", "lm", "--resume", "--out", "moved it's", "--data"];
  for (const name of ["other.txt", "foreign.txt"])
    assert.match((await run([...resume, name])).stderr, /^laser-attention: \w+\.txt is not what .* on: .*: --init\n$/);
  await ok(...resume, "same.txt");
  const old = Buffer.from(whole.toString("latin1").replace("digest", "tsegid"), "latin1");
  assert.not(old.equals(whole));
  writeFileSync(file, old);
  await ok(...resume, "other.txt");
  rmSync(at("same.txt"));
  writeFileSync(file, whole.toString("latin1").replace("text.txt", "gone.txt"), "latin1");
  const { stderr } = await run(resume.slice(0, -1));
  assert.match(stderr, /cannot read gone\.txt .*The path is that of the run, from .*: --data says where it is now\n$/);
});

test("what a file says of its run is checked before anything is read or trained, and is text in the report; a recipe without dropout is one of 0", async () => {
  await train("lm", "text.txt", "--out", "hostile");
  const file = at("hostile/last.safetensors");
  const before = readFileSync(file);
  const change = (extra: Change) => changeExtra(file, extra, before);
  const resume = () => run(["train", "lm", "--resume", "--out", "hostile"]);
  for (const [what, extra] of [
    [/holds no run to go on with\n$/, () => ({ data: 5 })],
    [/holds no run to go on with\n$/, () => ({ run: null })],
    [/holds no run to go on with\n$/, ({ run }) => ({ run: { ...(run as object), recipe: null } })],
    [/last\.safetensors: train: every must be an integer of 1 or more, got 0\n$/, recipe({ every: 0 })],
    [/last\.safetensors: restore: layers must be at most .* got 4096\n$/, recipe({ layers: 4096 })],
    [/resume: the history must have a loss/, ({ run }) => ({ run: { ...(run as object), history: null } })],
  ] as [RegExp, Change][]) {
    change(extra);
    const { code, stderr } = await resume();
    assert.match(stderr, what);
    assert.equal([code, stderr.split("\n").length], [1, 2]);
  }
  change((own) => ({ ...recipe({ "<script>": 1, dropout: undefined })(own), simd: 5 })); // kernels that nobody has are the plain ones
  assert.is((await resume()).code, 0);
  const html = readFileSync(at("hostile/report.html"), "utf8");
  assert.ok(html.includes("<td>dropout</td><td>0</td>") && !html.includes("<script>"), html);
});

test("compare goes on where only one of the pair was saved, and ends as one that never stopped", async () => {
  const args = ["compare", "lm", "--data", "text.txt", "--steps", "4", "--simd", "plain", ...SIZES];
  await ok(...args, "--out", "pair");
  const file = at("pair/laser/last.safetensors");
  const whole = readFileSync(file);
  rmSync(file);
  assert.match((await run([...args, "--out", "pair"])).stderr, /is there already/);
  await ok("compare", "lm", "--resume", "--out", "pair");
  assert.ok(readFileSync(file).equals(whole));
  // A pair of two recipes would wait for each other for ever, or be no comparison.
  changeExtra(file, () => ({ simd: "relaxed" }));
  assert.match(
    (await run(["compare", "lm", "--resume", "--out", "pair"])).stderr,
    /got --simd "plain" and "relaxed"\n$/,
  );
  await ok("train", "lm", "--data", "text.txt", "--steps", "5", ...SIZES, "--variant", "standard", "--out", "other");
  writeFileSync(at("pair/standard/last.safetensors"), readFileSync(at("other/last.safetensors")));
  const { code, stderr } = await run(["compare", "lm", "--resume", "--out", "pair"]);
  assert.match(stderr, /the runs to compare must have one recipe, got --steps 5 and 4\n$/);
  assert.is(code, 1);
});

test("a loss that is not finite ends the run and says where; the checkpoint is what it began with, and no useless parameters", async () => {
  const args = ["train", "lm", "--data", "text.txt", "--steps", "9", ...SIZES, "--warmup", "0", "--lr", "1e38"];
  for (const every of ["1", "9"]) {
    const out = `nan-${every}`;
    const { code, stderr } = await run([...args, "--every", every, "--out", out]);
    assert.is(code, 1);
    assert.match(stderr, /^laser-attention: laser: step \d: the (validation )?loss is .* Try a smaller --lr.*\n$/);
    assert.match(stderr, /weight|bias/);
    assert.match(stderr, `The last checkpoint is ${out}/last.safetensors, of step 0.`);
    assert.not(existsSync(at(out, "best.safetensors")));
    assert.ok(existsSync(at(out, "report.html"))); // of the step before
  }
  await train("lm", "text.txt", "--init", "nan-1", "--out", "better");
});

test("an output that nobody reads ends training with a checkpoint, and generate, without a word", async () => {
  const args = ["train", "lm", "--data", "text.txt", "--steps", "100000", ...SIZES, "--out", "unread"];
  const close = ({ stdout }: ChildProcess) => stdout!.destroy();
  for (const all of [
    args,
    ["generate", "--checkpoint", "unread/last.safetensors", "--prompt", "the ", "--count", "1000000"],
  ]) {
    const { code, stderr } = await run(all, close);
    assert.is(stderr, "");
    assert.is(code, 141);
  }
  assert.ok(existsSync(at("unread/report.html")));
});

(process.platform === "linux" ? test : test.skip)("an output that is full ends training with one line", async () => {
  const args = ["train", "lm", "--data", "text.txt", "--steps", "100000", ...SIZES, "--out", "full"];
  const { code, stderr } = await run(args, undefined, "/dev/full");
  assert.is(stderr, "laser-attention: cannot write to the standard output (ENOSPC)\n");
  assert.is(code, 1);
  assert.ok(existsSync(at("full/last.safetensors")));
});

test("the help of train and compare has the defaults, of all families or by family", async () => {
  for (const command of ["train", "compare"]) {
    const help = (await ok(command, "--help")).replaceAll(/\s+/g, " ");
    assert.match(help, "width of the model (default: 128, conformer 96)");
    assert.match(help, "the peak learning rate (default: 0.002, vit 0.001, conformer 0.001)");
    assert.match(help, "steps (default: 4000, conformer 1500)");
    assert.match(help, "seed of parameters and batches (default: 1)");
    for (const note of [
      "PATH, tab, TRANSCRIPT",
      "a text in UTF-8, of which the last tenth is held out",
      "of which test*.bin are held out",
      "last.safetensors, which --resume goes on with",
      "130, 143, 129",
      "at most 64",
    ])
      assert.match(help, note);
  }
});

test("bad arguments and bad data are one line and exit code 1", async () => {
  writeFileSync(at("bad.bin"), "no images");
  writeFileSync(at("latin.txt"), Buffer.from("caf\xe9\n".repeat(200), "latin1"));
  mkdirSync(at("bad"));
  writeFileSync(at("bad/test.bin"), "no images");
  const wrong: [RegExp, ...string[]][] = [
    [/steps.*integer from 1 to 16777216\. \(see --help\)/, "train", "lm", "--steps", "0"],
    [/threads.*integer from 1 to 64/, "train", "lm", "--threads", "65"],
    [/Allowed choices are lm, bert, vit, conformer/, "train", "gpt5"],
    [
      /the recipe in .*, so --weight-decay must be 0\.05, got 0\. To start/,
      "train",
      "lm",
      "--resume",
      "--out",
      "whole",
      "--weight-decay",
      "0",
    ],
    [/a run of lm, not of bert/, "train", "bert", "--resume", "--out", "whole"],
    [/holds? no run|cannot read none/, "train", "lm", "--resume", "--out", "none"],
    [/out.*It must be a path/, "train", "lm", "--data", "text.txt", "--out", ""],
    [/checkpoint.*It must be a path/, "generate", "--checkpoint", "", "--prompt", "a"],
    [/checkpoint.*It must be a path/, "signal", "--checkpoint", ""],
    [/data.*It must be a path/, "signal", "--checkpoint", "lm/last.safetensors", "--data", ""],
    [/images.*It must be a path/, "classify", "--checkpoint", "vit/last.safetensors", "--images", ""],
    [/--context is not for vit/, "train", "vit", "--data", "images", "--context", "7", "--out", "none"],
    [/--variant is of a new model/, "signal", "--checkpoint", "lm/last.safetensors", "--variant", "laser"],
    [/--seed is of a new model/, "signal", "--checkpoint", "lm/last.safetensors", "--seed", "2"],
    [/has no hole, which is a _/, "fill", "--checkpoint", "bert/last.safetensors", "--text", "the cat"],
    [
      /must have at most \d+ characters, got 200/,
      "fill",
      "--checkpoint",
      "bert/last.safetensors",
      "--text",
      "a_".repeat(100),
    ],
    [/unknown option '--speed'/, "train", "lm", "--speed", "2"],
    [/unknown command 'trian' \(Did you mean train\?\) \(see --help\)\n$/, "trian"],
    [/hole.*It must be one character/, "fill", "--checkpoint", "none", "--text", "a__", "--hole", "__"],
    [/--data PATH is missing/, "train", "lm", "--out", "none"],
    [/cannot read none\.txt \(ENOENT\)\. Any plain text/, "train", "lm", "--data", "none.txt", "--out", "none"],
    [/cannot read none as a folder .*cs\.toronto\.edu/, "train", "vit", "--data", "none", "--out", "none"],
    [/latin\.txt is not UTF-8\. Any plain text/, "train", "lm", "--data", "latin.txt", "--out", "none"],
    [/latin\.txt is not UTF-8\. Give the folder/, "train", "conformer", "--data", "latin.txt", "--out", "none"],
    [/: bad\.bin: readCifar10: /, "classify", "--checkpoint", "vit/last.safetensors", "--images", "bad.bin"],
    [/Free Spoken Digit Dataset/, "train", "conformer", "--data", "none", "--out", "none"],
    [/has no \*\.bin to train on/, "train", "vit", "--data", "bad", "--out", "none"],
    [/width must be a multiple of heads/, "train", "lm", "--data", "text.txt", "--heads", "5", "--out", "none"],
    [/text\.txt/, "generate", "--checkpoint", "text.txt", "--prompt", "x"],
    [/family bert, got lm/, "fill", "--checkpoint", "lm/last.safetensors", "--text", "a_"],
    [/characters of the vocabulary only/, "generate", "--checkpoint", "lm/last.safetensors", "--prompt", "\u00e9"],
    [/pair holds neither best\.safetensors nor .*laser and standard\n$/, "signal", "--checkpoint", "pair"],
    [/is there already.*--resume/, "train", "lm", "--data", "text.txt", "--out", "lm"],
  ];
  for (const [what, ...args] of wrong) {
    const { code, stdout, stderr } = await run(args);
    assert.is(code, 1, args.join(" "));
    assert.is(stdout, "", args.join(" "));
    assert.match(stderr, what);
    assert.is(stderr.trim().split("\n").length, 1, stderr);
  }
});

test.after(() => rmSync(folder, { recursive: true, force: true }));
test.run();
