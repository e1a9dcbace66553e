/** Text from a language model, token by token. */
import { options as checkOptions } from "../check.js";
import { integer } from "../check-number.js";
import { checkRandom, Random } from "../data/random.js";
import { checkIds, checkOutside } from "../nn/check-nn.js";
import type { Nn } from "../nn/nn.js";
import { modelOf } from "./check-models.js";
import { checkSampling, draw, modelDistribution, type SamplingOptions } from "./distribution.js";
import { Gpt } from "./gpt.js";

/**
 * Options of {@link generate}.
 *
 * @example const options: GenerateOptions = { count: 200, temperature: 0.8, seed: 7 };
 */
export interface GenerateOptions extends SamplingOptions {
  /** The most tokens to yield. */
  count: number;
  /** Seed of the draws. Default 1. */
  seed?: number | undefined;
  /** A generator to draw from instead, which goes on where it is. */
  random?: Random | undefined;
  /** Ids that end the text. They are not yielded. */
  stop?: ArrayLike<number> | undefined;
}

/**
 * Goes on with a text: yields ids one by one, as they are found. The same seed gives the same ids in every engine, with the
 * kernels of the plain build.
 *
 * Keys and values of earlier tokens are kept, so that a token costs one query a layer. A model knows `context` positions: of a longer
 * prompt the end is used; when all positions are taken, the newer half of them is computed anew from position 0 and the
 * text goes on from there, without what came before. Between two tokens the instance may do other work; one that
 * trains this very model changes what is generated. Memory, for the prompt and `count` tokens, is taken when the first id is asked for,
 * and given back at the end, or when the loop is left.
 *
 * @param model Of the same instance
 * @param prompt Token ids, one at least
 * @param options How many tokens, and how they are drawn
 * @throws TypeError or RangeError, at once, for options that are wrong or a prompt that is empty, and inside of a step or of `evaluate`;
 * later a RangeError when scores are not finite or memory is exhausted, and a TypeError when the next id is asked for inside of a step or of
 * `evaluate`
 *
 * @example
 * for (const id of generate(nn, model, [1, 2, 3], { count: 20, temperature: 0.8, topK: 10, seed: 7 })) {
 *   console.log(id); // each as soon as it is there
 * }
 */
export function generate(
  nn: Nn,
  model: Gpt,
  prompt: ArrayLike<number>,
  options: GenerateOptions,
): Generator<number, void, undefined> {
  const where = "generate";
  modelOf(where, nn, model, Gpt, "gpt");
  checkOutside(where, nn.engine.space);
  const { vocabulary } = model.config;
  const ids = checkIds(where, prompt, undefined, vocabulary, 0, "prompt").slice(-model.config.context);
  if (ids.length === 0) throw new RangeError(`${where}: prompt must have a token, got none`);
  if (options === undefined) throw new TypeError(`${where}: options must be an object with a count, got undefined`);
  checkOptions(where, options, ["count", "temperature", "topK", "topP", "seed", "random", "stop"]);
  const { count, seed, random = new Random(seed ?? 1), stop = [], temperature, topK, topP } = options;
  integer(where, "count", count, 0);
  checkSampling(where, options);
  if (seed !== undefined && options.random !== undefined) {
    throw new TypeError(`${where}: seed must be left out where random is given`);
  }
  checkRandom(where, random);
  const ends = new Set(checkIds(where, stop, undefined, vocabulary, 0, "stop"));
  const pick = (scores: Float32Array): number => {
    const probabilities = modelDistribution(where, scores, { temperature, topK, topP });
    return temperature === 0 ? probabilities.indexOf(1) : draw(probabilities, random);
  };
  return tokens(nn, model, ids, count, pick, ends);
}

function* tokens(
  nn: Nn,
  model: Gpt,
  prompt: number[],
  count: number,
  pick: (scores: Float32Array) => number,
  stop: ReadonlySet<number>,
): Generator<number, void, undefined> {
  if (count === 0) return;
  const { space } = nn.engine;
  const { context } = model.config;
  checkOutside("generate", space);
  const room = Math.min(context, prompt.length + count - 1); // the last token is not fed
  const caches = space.scoped(undefined, () => model.caches(1, room)); // they outlive a scope around the first token
  try {
    let seen = prompt;
    let fed = seen; // what the caches do not have yet
    for (let n = 0; n < count; n++) {
      checkOutside("generate", space);
      const id = pick(nn.evaluate(() => model.next([fed], caches).toArray()));
      if (stop.has(id)) return;
      yield id;
      seen.push(id);
      fed = [id];
      if (seen.length <= context) continue;
      // Positions are absolute, so that keys can't move down: half a context more now, and none for as many tokens.
      for (const cache of caches) cache.clear();
      seen = seen.slice(-Math.ceil(context / 2));
      fed = seen;
    }
  } finally {
    for (const cache of caches) cache.dispose();
  }
}
