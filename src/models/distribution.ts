/** From a model's scores to probabilities, in float64, with the same bits in every engine. */
import { options as checkOptions, show } from "../check.js";
import { integer, list, real } from "../check-number.js";
import { exp } from "../data/math.js";
import { checkRandom, type Random } from "../data/random.js";

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
  /** Only this many of the best tokens. Default: all. */
  topK?: number | undefined;
  /** Of these, only the best ones that together have this probability: as few as suffice, one at least. Default 1: all. */
  topP?: number | undefined;
}

export function checkSampling(where: string, { temperature, topK, topP }: SamplingOptions): void {
  if (temperature !== undefined) real(where, "temperature", temperature, 0);
  if (topK !== undefined) integer(where, "topK", topK, 1);
  if (topP !== undefined) real(where, "topP", topP, 0, 1);
}

/**
 * The best score. `forbids`: -Infinity, but not for all, is a score too: it forbids its id.
 * @throws RangeError for others that are not finite: a model that is broken
 */
function bestOf(where: string, scores: ArrayLike<number>, forbids = false): number {
  let top = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < scores.length; id++) {
    const score = scores[id]!;
    if (!Number.isFinite(score) && !(forbids && score === Number.NEGATIVE_INFINITY)) {
      const Wrong = typeof score === "number" ? RangeError : TypeError;
      throw new Wrong(`${where}: the model's scores must be finite, got ${show(score)} for ${id}`);
    }
    if (score > top) top = score;
  }
  if (scores.length > 0 && top === Number.NEGATIVE_INFINITY)
    throw new RangeError(`${where}: one of the scores must be finite, got -Infinity for all`);
  return top;
}

/** exp(x / temperature) over its sum; the sum is 1 within rounding. */
function softmax(scores: ArrayLike<number>, top: number, temperature: number): Float64Array {
  const weights = new Float64Array(scores.length);
  for (let id = 0; id < weights.length; id++) weights[id] = exp((scores[id]! - top) / temperature);
  return normalise(weights);
}

/** In place. */
function normalise(weights: Float64Array): Float64Array {
  let sum = 0;
  for (const weight of weights) sum += weight;
  for (let id = 0; id < weights.length; id++) weights[id]! /= sum;
  return weights;
}

/** Best first; of equally good ones the lower id. */
const sorted = (ids: number[], scores: ArrayLike<number>): number[] =>
  ids.sort((a, b) => scores[b]! - scores[a]! || a - b);

/** The `k` best ids, best first. Of 50,257 scores few are picked one by one: sorting all, a draw takes some ten times as long with topK 40. */
function best(scores: ArrayLike<number>, k: number): number[] {
  if (128 * k > scores.length) {
    const all = Array.from({ length: scores.length }, (_, id) => id);
    return sorted(all, scores).slice(0, k);
  }
  const found: number[] = [];
  for (let id = 0; id < scores.length; id++) {
    const score = scores[id]!;
    let at = found.length;
    while (at > 0 && scores[found[at - 1]!]! < score) at--;
    if (at === k) continue;
    found.splice(at, 0, id);
    if (found.length > k) found.pop();
  }
  return found;
}

/** Ids, best first, among which are the fewest that together have the probability p < 1: the others have less than half of 1 - p. */
function likely(scores: ArrayLike<number>, probabilities: Float64Array, p: number): number[] {
  const least = (1 - p) / (2 * probabilities.length);
  const ids: number[] = [];
  for (let id = 0; id < probabilities.length; id++) if (probabilities[id]! >= least) ids.push(id);
  return sorted(ids, scores);
}

/** The `k` best ids with their probabilities, which sum to 1 over all ids. */
export function candidatesOf(where: string, scores: ArrayLike<number>, k: number): Candidate[] {
  const probabilities = softmax(scores, bestOf(where, scores), 1);
  return best(scores, k).map((id) => ({ id, probability: probabilities[id]! }));
}

/**
 * The probability of each token to be drawn, from its score: temperature first, then topK, then topP. A score of -Infinity forbids its token.
 * @throws RangeError for a score that is NaN or Infinity, scores that are all -Infinity, or an option out of range; TypeError for an option
 * that is none
 *
 * @example distribution(Float32Array.of(2, 1, 0), { topK: 2 }); // Float64Array [0.731..., 0.268..., 0]
 */
export function distribution(scores: ArrayLike<number>, options: SamplingOptions = {}): Float64Array {
  const where = "distribution";
  list(where, "scores", scores);
  checkOptions(where, options, ["temperature", "topK", "topP"]);
  checkSampling(where, options);
  return probabilitiesOf(scores, bestOf(where, scores, true), options);
}

/** Likewise, of a model's own scores and options that are checked. */
export const modelDistribution = (where: string, scores: ArrayLike<number>, options: SamplingOptions): Float64Array =>
  probabilitiesOf(scores, bestOf(where, scores), options);

function probabilitiesOf(scores: ArrayLike<number>, top: number, options: SamplingOptions): Float64Array {
  const { temperature = 1, topK = scores.length, topP = 1 } = options;
  if (temperature === 0) return only(best(scores, 1), new Float64Array(scores.length).fill(1), 1);
  const all = softmax(scores, top, temperature);
  if (topK < all.length) {
    const ids = best(scores, topK);
    return only(ids, all, topP < 1 ? topP * ids.reduce((sum, id) => sum + all[id]!, 0) : Number.POSITIVE_INFINITY);
  }
  return topP < 1 ? only(likely(scores, all, topP), all, topP) : all;
}

/** The probabilities of the first of `ids` that together have `most`, over their sum; of all where they have less. All others are 0. */
function only(ids: readonly number[], probabilities: Float64Array, most: number): Float64Array {
  const kept = new Float64Array(probabilities.length);
  let sum = 0;
  for (const id of ids) {
    kept[id] = probabilities[id]!;
    sum += kept[id]!;
    if (sum >= most) break;
  }
  return normalise(kept);
}

/**
 * An id, each with its probability, by 32 bits of `random`.
 * @param probabilities As `distribution` gives them: they sum to 1
 * @throws RangeError for a probability that is below 0 or NaN, or where all are 0; TypeError for a `random` that is none
 *
 * @example draw(distribution(Float32Array.of(2, 1, 0), { topK: 2 }), random); // 0, or about every fourth time 1
 */
export function draw(probabilities: ArrayLike<number>, random: Random): number {
  const where = "draw";
  list(where, "probabilities", probabilities);
  checkRandom(where, random);
  let last = -1;
  for (let id = 0; id < probabilities.length; id++) {
    const probability = probabilities[id]!;
    if (!(probability >= 0))
      throw new RangeError(`${where}: probabilities must be 0 or more, got ${show(probability)} at ${id}`);
    if (probability > 0) last = id;
  }
  if (last < 0) throw new RangeError(`${where}: one of the probabilities must be above 0, got none`);
  let left = random.bits() / 2 ** 32;
  for (let id = 0; id < last; id++) {
    if (left < probabilities[id]!) return id;
    left -= probabilities[id]!;
  }
  return last; // also where the sum was rounded to below 1
}
