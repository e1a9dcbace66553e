/** A speech recogniser: strings of spoken digits put together from single ones, or recordings with transcripts. */
import { framesOf, logMel, MELS } from "../data/log-mel.js";
import { Random } from "../data/random.js";
import { conformer } from "../models/conformer.js";
import { transcribe } from "../models/transcribe.js";
import type { Nn } from "../nn/nn.js";
import type { Recipe, Task } from "./task.js";
import { distance, wordsOf } from "./word-error.js";

/** Frames that make a step, taps of the convolution, deviation of the noise on features. */
const [STACK, KERNEL, NOISE] = [4, 15, 0.3];
/** The most digits of a string. */
const MOST = 5;

/** A recording at 8 kHz, and what is said: labels from 1 on, an index into the symbols. */
export interface Recording {
  samples: Float32Array;
  labels: number[];
  /** Where it is from, for messages. */
  file?: string;
}

export interface Speech {
  train: Recording[];
  test: Recording[];
  /** What label 1, 2, ... stand for. */
  symbols: string[];
  /** Between symbols: a space where each is a word, nothing where each is a character. */
  separator: string;
  /** Whether recordings are put together to strings. */
  join: boolean;
}

type Utterance = ReturnType<typeof draw>;

interface Utterances {
  features: Float32Array;
  frames: number[];
  labels: number[][];
}

/** Labels as text. */
export const textOf = (labels: readonly number[], symbols: readonly string[], separator: string): string =>
  labels.map((label) => symbols[label - 1]).join(separator);

function concatenate(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** How many recordings that do not fit are named. */
const NAMED = 20;

/** @throws RangeError for recordings that no batch could use: which, or the first of them and how many more */
function checkRecordings({ train, test, join }: Speech, most: number): void {
  const all = [...train, ...test];
  const wrong = all.flatMap(({ samples, labels, file = "a recording" }) => {
    const frames = framesOf(samples.length);
    // CTC needs a step for every label, and one more between two that are the same, as two recordings of a string may be.
    const steps = labels.length + labels.filter((label, n) => label === labels[n - 1]).length + (join ? 1 : 0);
    if (frames >= STACK * steps && frames <= most) return [];
    const range = `${STACK * steps} or more (what is said in it) and at most ${most} (the context, ${most / STACK})`;
    return [{ file, words: `${file}: its frames of 10 ms must be ${range}, got ${frames}` }];
  });
  if (wrong.length === 0) return;
  const others = wrong.slice(1, NAMED).map(({ file }) => file);
  if (wrong.length > NAMED) others.push(`${wrong.length - NAMED} more`);
  const more = others.length > 0 ? `. Nor do ${others.join(", ")} fit, of ${all.length} recordings` : "";
  throw new RangeError(`train: ${wrong[0]!.words}${more}`);
}

/** One recording, or a string of 1 to 5 of them: as many as fit. */
function draw(from: readonly Recording[], join: boolean, most: number, random: Random) {
  const parts = Array.from({ length: join ? 1 + random.int(MOST) : 1 }, () => from[random.int(from.length)]!);
  for (;;) {
    const { frames, data } = logMel(concatenate(parts.map(({ samples }) => samples)));
    if (frames <= most) return { frames, data, labels: parts.flatMap(({ labels }) => labels) };
    parts.pop();
  }
}

function collate(drawn: readonly Utterance[]): Utterances {
  // Frames in whole steps; silence after an utterance is masked by the model.
  const frames = drawn.map((one) => one.frames);
  const T = STACK * Math.ceil(Math.max(...frames) / STACK);
  const features = new Float32Array(drawn.length * T * MELS);
  for (const [n, { data }] of drawn.entries()) features.set(data, n * T * MELS);
  return { features, frames, labels: drawn.map(({ labels }) => labels) };
}

export function conformerTask(nn: Nn, recipe: Recipe, speech: Speech): Task {
  const { width, heads, layers, context, batch, evaluations, seed, variant } = recipe;
  const { symbols, separator, join } = speech;
  const most = context * STACK;
  checkRecordings(speech, most);
  const sizes = { mels: MELS, stack: STACK, context, classes: symbols.length + 1, kernel: KERNEL };
  const model = conformer(nn, { ...sizes, width, heads, layers, seed, variant });
  const drawBatch = (from: readonly Recording[], random: Random) =>
    collate(Array.from({ length: batch }, () => draw(from, join, most, random)));
  const groups = Math.max(1, Math.min(evaluations, Math.ceil(speech.test.length / batch)));
  const random = new Random(0); // the same strings at every evaluation, and for both variants
  const held = Array.from({ length: groups }, (_, n) => {
    if (join) return drawBatch(speech.test, random);
    return collate(speech.test.slice(n * batch, (n + 1) * batch).map((one) => draw([one], join, most, random)));
  });
  // A transcript without spaces, as in Chinese, would be one word as a whole, and wrong to the end of training.
  const spaced =
    separator === " " ||
    [...speech.train, ...speech.test].some(({ labels }) => textOf(labels, symbols, separator).trim().includes(" "));
  const partsOf = spaced ? wordsOf : (text: string) => [...text];
  const pairs = (one: Utterances) =>
    transcribe(nn, model, one.features, one.frames).map(({ labels }, n) => ({
      said: textOf(one.labels[n]!, symbols, separator),
      heard: textOf(labels, symbols, separator),
    }));
  return {
    ...{ model, measure: `${spaced ? "word" : "character"} error rate`, unit: "frames" },
    extra: { symbols, separator },
    batch(random: Random) {
      const { features, frames, labels } = drawBatch(speech.train, random);
      for (let n = 0; n < features.length; n++) features[n]! += NOISE * random.normal();
      return {
        tokens: frames.reduce((a, b) => a + b),
        loss: (options) => model.loss(features, frames, labels, options),
      };
    },
    evaluate() {
      let [wrong, all] = [0, 0];
      for (const { said, heard } of held.flatMap(pairs)) {
        wrong += distance(partsOf(said), partsOf(heard));
        all += partsOf(said).length;
      }
      return wrong / all;
    },
    sample: () =>
      pairs(held[0]!)
        .slice(0, 8)
        .map(({ said, heard }) => `${said}: ${heard}`)
        .join("\n"),
  };
}
