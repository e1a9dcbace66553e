/** docs/inference.md: its code, which stands here word for word, with models that have learned a little. */
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import * as models from "../src/models/index.js";
import { bert, conformer, vit } from "../src/models/index.js";
import * as training from "../src/nn/index.js";
import { warmupCosine } from "../src/nn/schedule.js";
import { wav } from "./support/wav.js";

const { characterTokenizer, classify, distribution, fill, generate, gpt, restore, transcribe } = models;
const { LOG_MEL_RATE, logMel, MELS, readCifar10, readWav, resample } = models;
const { AdamW, checkFinite, createSync, loadCheckpoint, Random, saveCheckpoint } = training;

/** What a reader without types has: configs and extras of any kind. */
// biome-ignore lint/suspicious/noExplicitAny: the document's code is JavaScript
type Any = any;

const sizes = { width: 16, heads: 2, layers: 1, variant: "laser" as const };
const tokenizer = characterTokenizer("to be or not to be");
const corpus = tokenizer.encode("to be or not to be ".repeat(30));
const rate = warmupCosine({ peak: 1e-2, warmup: 3, steps: 200 });
const options = { lr: 1e-2 };

/** Batches of windows of the corpus. */
function batch(random: training.Random): { ids: Int32Array[]; targets: Int32Array[] } {
  const starts = Array.from({ length: 8 }, () => random.int(400));
  const cut = (shift: number) => starts.map((at) => corpus.subarray(at + shift, at + shift + 16));
  return { ids: cut(0), targets: cut(1) };
}

/** The document's loop. */
function train(
  model: models.Gpt,
  optimizer: training.AdamW,
  random: training.Random,
  from: number,
  to: number,
): number[] {
  const nn = instance;
  return Array.from({ length: to - from }, (_, n) => {
    const step = from + n;
    const { ids, targets } = batch(random);
    const loss = nn.step(() => model.loss(ids, targets));
    const norm = optimizer.step({ lr: rate(step), clip: 1 });
    checkFinite(model, { step, loss, norm });
    return loss;
  });
}

const instance = createSync({ threads: 1 });
const nn = instance;

test("a language model goes on with the sentence it was trained on; the loop of one's own has its scores", () => {
  const model = gpt(nn, { ...sizes, vocabulary: tokenizer.size, context: 16 });
  train(model, new AdamW(nn, model, options), new Random(1), 0, 200);
  const prompt = tokenizer.encode("to be ");
  let text = "";
  for (const id of generate(nn, model, prompt, { count: 40, temperature: 0.8, topK: 5, seed: 7 })) {
    text += tokenizer.decode([id]);
  }
  assert.is(text.length, 40);
  assert.ok(text.includes("or not to be"), text);
  const caches = model.caches();
  const scores = nn.evaluate(() => model.next([prompt], caches).toArray());
  const probabilities = distribution(scores, { temperature: 0.8, topP: 0.9 });
  for (const cache of caches) cache.dispose();
  assert.is(probabilities.length, tokenizer.size);
});

test("a masked model, an image model and a recogniser answer in the documented form", () => {
  const masked = bert(nn, { ...sizes, vocabulary: tokenizer.size + 1, context: 18 });
  const row = tokenizer.encode("to be or not to be");
  row[4] = masked.maskId;
  const [filled] = fill(nn, masked, [row], { candidates: 3 }) as Any;
  tokenizer.decode(filled.ids);
  filled.places[0].candidates[0].probability;
  assert.is(filled.places[0].position, 4);
  assert.is(filled.places[0].candidates.length, 3);

  const viewer = vit(nn, { ...sizes, side: 32, patch: 8, classes: 10 });
  const file = Uint8Array.from({ length: 3073 }, (_, n) => n % 9);
  const { pixels } = readCifar10(file);
  const [classes] = classify(nn, viewer, pixels, { candidates: 3 }) as Any;
  classes[0].id;
  classes[0].probability;
  assert.ok(classes[0].probability >= classes[1].probability && classes.length === 3);

  const listener = conformer(nn, { ...sizes, mels: MELS, stack: 2, context: 20, classes: 5, kernel: 3 });
  const noise = Array.from(new Random(2).normals(4000, 3000), Math.round);
  const recording = wav({ rate: 11025, bits: 16 }, noise);
  const { rate: hertz, samples } = readWav(recording);
  const { frames, data: features } = logMel(resample(samples, hertz, LOG_MEL_RATE));
  const [heard] = transcribe(nn, listener, features, [frames], { beam: 8 }) as Any;
  heard.labels;
  heard.logLikelihood;
  assert.ok(Array.isArray(heard.labels) && heard.logLikelihood < 0);
});

test("a run goes on from its file with the losses of one that did not stop", () => {
  const whole = gpt(nn, { ...sizes, vocabulary: tokenizer.size, context: 16 });
  const losses = train(whole, new AdamW(nn, whole, options), new Random(1), 0, 6);
  const model = gpt(nn, { ...sizes, vocabulary: tokenizer.size, context: 16 });
  const random = new Random(1);
  const optimizer = new AdamW(nn, model, options);
  train(model, optimizer, random, 0, 3);
  const file = saveCheckpoint(model, optimizer, { step: 3, random: random.state });
  const later = ((): number[] => {
    const { family, config, state, optimizer: moments, extra } = loadCheckpoint(file) as Any;
    const again = gpt(nn, config);
    again.loadStateDict(state);
    const resumed = new AdamW(nn, again, options);
    resumed.loadStateDict(moments);
    assert.is(family, "gpt");
    return train(again, resumed, new Random(extra.random), extra.step, 6);
  })();
  assert.equal(later, losses.slice(3));
  const trained = restore(nn, loadCheckpoint(saveCheckpoint(model)));
  assert.equal([...trained.stateDict()], [...model.stateDict()]);
});

test("every line of code in docs/inference.md is in this file, and its imports are exported", () => {
  const here = new Set(
    readFileSync("test/inference.test.ts", "utf8")
      .split("\n")
      .map((line) =>
        line
          .trim()
          .replace(/ as Any;$/, ";")
          .replace(/^return /, ""),
      ),
  );
  const blocks = [...readFileSync("docs/inference.md", "utf8").matchAll(/```ts\n([\s\S]*?)```/g)];
  assert.ok(blocks.length >= 8);
  for (const [, block] of blocks) {
    for (const line of block!.trim().split("\n")) {
      const [, names, entry] = /^import \{ (.*) \} from "laser-attention\/(.*)";$/.exec(line) ?? [];
      if (names === undefined) assert.ok(here.has(line.trim()), line);
      else for (const name of names.split(", ")) assert.ok(name in (entry === "nn" ? training : models), name);
    }
  }
});

test.run();
