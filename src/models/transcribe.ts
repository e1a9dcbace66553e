/** What is said in a recording, by a Conformer. */
import { options as checkOptions } from "../check.js";
import { integer } from "../check-number.js";
import { checkOutside, own } from "../nn/check-nn.js";
import type { Nn } from "../nn/nn.js";
import { modelOf } from "./check-models.js";
import { Conformer } from "./conformer.js";
import { type Frames, greedy, logLikelihood, logSoftmax, prefixBeam } from "./ctc-decode.js";

/** Utterances of one pass: as in classify, the memory does not grow with their number. */
const BATCH = 16;

/**
 * What {@link transcribe} found in an utterance.
 *
 * @example const found: Transcription = { labels: [3, 1, 2], logLikelihood: -0.7 };
 */
export interface Transcription {
  /** What was said, blanks and repeats taken out. */
  readonly labels: readonly number[];
  /** Natural logarithm of the probability of these labels: over all paths, also where they were found by one. */
  readonly logLikelihood: number;
}

/**
 * Options of {@link transcribe}.
 *
 * @example const options: TranscribeOptions = { beam: 8 };
 */
export interface TranscribeOptions {
  /** How many beginnings the search keeps. Default 1: the labels of the likeliest path. */
  beam?: number | undefined;
}

/**
 * The labels of each utterance.
 *
 * With `beam` 1 they are those of the likeliest path; with more, the likeliest labels that prefix beam search or that path
 * find, by their exact probability: the labels of a wider beam are never less likely than those of the path, and a beam that
 * nothing falls out of finds the likeliest of all.
 *
 * @param model Of the same instance
 * @param features Log-mel features [B, T, mels]
 * @param frames How many of the T frames of each utterance count
 * @param options The beam
 * @throws TypeError for a model of another instance, and inside of a step or of `evaluate`; RangeError for features and frames that do
 * not fit, `beam` below 1, or scores that are not finite
 *
 * @example
 * const sizes = { mels: 40, stack: 4, context: 30, classes: 11, kernel: 7 };
 * const hearing = conformer(nn, { ...sizes, width: 16, heads: 2, layers: 1, variant: "laser" });
 * const [said] = transcribe(nn, hearing, new Float32Array(48 * 40), [48], { beam: 8 });
 * said?.labels;
 */
export function transcribe(
  nn: Nn,
  model: Conformer,
  features: Float32Array,
  frames: ArrayLike<number>,
  options: TranscribeOptions = {},
): Transcription[] {
  const where = "transcribe";
  modelOf(where, nn, model, Conformer, "conformer");
  checkOutside(where, nn.engine.space);
  checkOptions(where, options, ["beam"]);
  const { beam = 1 } = options;
  integer(where, "beam", beam, 1);
  const size = model.framesOf(features, frames) * model.config.mels;
  const [all, whole] = [Array.from(frames), own(nn, features)];
  const found: Transcription[] = [];
  for (let first = 0; first < all.length; first += BATCH) {
    const counts = all.slice(first, first + BATCH);
    const { shape, scores } = nn.evaluate(() => {
      const logits = model.logits(whole.subarray(first * size, (first + counts.length) * size), counts);
      return { shape: logits.shape, scores: logits.toArray() };
    });
    const [, N, V] = shape as [number, number, number];
    for (const [b, count] of counts.entries()) {
      const at = b * N * V;
      found.push(likeliest(logSoftmax(where, scores.subarray(at, at + model.steps(count) * V), V), beam));
    }
  }
  return found;
}

/** Of the labels that the best path and the beam have, if it is wider than 1. */
function likeliest(frames: Frames, beam: number): Transcription {
  return (beam === 1 ? [greedy(frames)] : [greedy(frames), ...prefixBeam(frames, beam)])
    .map((labels) => ({ labels, logLikelihood: logLikelihood(frames, labels) }))
    .reduce((best, one) => (one.logLikelihood > best.logLikelihood ? one : best));
}
