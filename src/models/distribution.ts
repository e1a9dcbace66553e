/** From a model's scores to probabilities, in float64, with the same bits in every engine. */
import { options as checkOptions, show } from "../check.js";
import { integer, list, real } from "../check-number.js";
import { exp } from "../data/math.js";
import type { Random } from "../data/random.js";

/**
 * A token or class, and how probable it is.
 *
 * @example const candidate: Candidate = { id: 3, probability: 0.5 };
 */
export interface Candidate {
  /** Of the token or class. */
  readonly id: number;
  /** From 0 to 1. */
  readonly probability: number;
}

/**
 * Which tokens may be drawn, and how evenly.
 *
 * @example const options: SamplingOptions = { temperature: 0.8, topK: 40, topP: 0.95 };
 */
export interface SamplingOptions {
  /** Scores are divided by it. Below 1 likely tokens become likelier; 0 always takes the best one. Default 1. */
  temperature?: number | undefined;
  /** Only the so many best tokens. Default: all. */
  topK?: number | undefined;
  /** Of these, only the best ones that together have this probability: as few as suffice, one at least. Default 1: all. */
  topP?: number | undefined;
}

export function checkSampling(where: string, { temperature, topK, topP }: SamplingOptions): void {
  if (temperature !== undefined) real(where, "temperature", temperature, 0);
  if (topK !== undefined) integer(where, "topK", topK, 1);
  if (topP !== undefined) real(where, "topP", topP, 0, 1);
}

/** exp(x / temperature) over its sum; the sum is 1 within rounding. @throws RangeError for NaN or infinity: a model that is broken */
function softmax(where: string, scores: ArrayLike<number>, temperature = 1): Float64Array {
  let top = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < scores.length; id++) {
    const score = scores[id]!;
    if (!Number.isFinite(score)) {
      const Wrong = typeof score === "number" ? RangeError : TypeError;
      throw new Wrong(`${where}: the model's scores must be finite, got ${show(score)} for ${id}`);
    }
    if (score > top) top = score;
  }
  return normalise(Float64Array.from(scores, (score) => exp((score - top) / temperature)));
}

function normalise(weights: Float64Array): Float64Array {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** The `k` best ids, best first; of equally good ones the lower id first. */
function best(scores: ArrayLike<number>, k: number): number[] {
  const ids = Array.from({ length: scores.length }, (_, id) => id);
  return ids.sort((a, b) => scores[b]! - scores[a]! || a - b).slice(0, k);
}

/** The `k` best ids with their probabilities, which sum to 1 over all ids. */
export function candidatesOf(where: string, scores: ArrayLike<number>, k: number): Candidate[] {
  const probabilities = softmax(where, scores);
  return best(scores, k).map((id) => ({ id, probability: probabilities[id]! }));
}

/**
 * The probability of each token to be drawn, from its score: temperature first, then topK, then topP.
 * @throws RangeError for a score that is not finite, or an option out of range; TypeError for an option that is none
 *
 * @example distribution(Float32Array.of(2, 1, 0), { topK: 2 }); // Float64Array [0.731..., 0.268..., 0]
 */
export function distribution(scores: ArrayLike<number>, options: SamplingOptions = {}): Float64Array {
  const where = "distribution";
  list(where, "scores", scores);
  checkOptions(where, options, ["temperature", "topK", "topP"]);
  checkSampling(where, options);
  const { temperature = 1, topK = scores.length, topP = 1 } = options;
  if (temperature === 0) {
    softmax(where, scores); // for its check
    const [id] = best(scores, 1);
    return Float64Array.from(scores, (_, n) => (n === id ? 1 : 0));
  }
  const all = softmax(where, scores, temperature);
  if (topK >= all.length && topP === 1) return all;
  const order = best(all, topK);
  const most = topP * order.reduce((sum, id) => sum + all[id]!, 0);
  const kept = new Float64Array(all.length);
  let sum = 0;
  for (const id of order) {
    kept[id] = all[id]!;
    sum += all[id]!;
    if (topP < 1 && sum >= most) break;
  }
  return normalise(kept);
}

/** An id, each with its probability, from one draw of 32 bits. */
export function draw(probabilities: Float64Array, random: Random): number {
  let left = random.bits() / 2 ** 32;
  let last = 0;
  for (const [id, probability] of probabilities.entries()) {
    if (probability === 0) continue;
    if (left < probability) return id;
    left -= probability;
    last = id;
  }
  return last; // the sum was rounded to below 1
}
