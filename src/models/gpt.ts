import { show } from "../check.js";
import { integer, list } from "../check-number.js";
import { AttentionCache, checkCache, keeping } from "../nn/cached-attention.js";
import type { Nn } from "../nn/nn.js";
import { rowOfEach } from "../nn/rows.js";
import type { Value } from "../nn/value.js";
import { whole } from "../nn/whole.js";
import { type TokenConfig, TokenModel } from "./token-model.js";

/**
 * Config of {@link gpt}.
 *
 * @example const config: GptConfig = { vocabulary: 65, context: 128, width: 128, heads: 4, layers: 4, variant: "laser" };
 */
export type GptConfig = TokenConfig;

/**
 * An autoregressive language model: token and position embeddings, causal blocks, a norm, a head. Made by {@link gpt}.
 *
 * @example const made: Gpt = gpt(nn, model.config);
 */
export class Gpt extends TokenModel {
  readonly #nn: Nn;
  /** What a checkpoint calls it. */
  readonly family = "gpt";

  /** @internal */
  constructor(nn: Nn, config: GptConfig) {
    super(nn, "gpt", config, true);
    this.#nn = nn;
  }

  /**
   * Empty caches for {@link next}, a layer each, for B rows of so many tokens, the context if nothing is said: 8 B tokens width bytes
   * each. They have memory of their own: dispose them at the end.
   * @throws RangeError when B or tokens is below 1, tokens above the context, or memory is exhausted; TypeError inside of a step
   *
   * @example const caches = model.caches(1, 6); // a prompt and what is to follow it
   */
  caches(B = 1, tokens = this.config.context): AttentionCache[] {
    const { layers, context, width } = this.config;
    integer("gpt", "tokens", tokens, 1, context);
    const make = () => new AttentionCache(this.#nn, B, tokens, width);
    return whole("gpt", this.#nn, () => Array.from({ length: layers }, make));
  }

  /**
   * Scores of the token that follows each row, [B, V]: those of the last place in `logits`, to rounding. The rows go on
   * after the tokens in the caches, which they join, and cost no more than themselves. Inside of `nn.evaluate`.
   * An error leaves the caches as they were.
   * @throws RangeError as `logits` does, or for caches that do not fit, differ in length, come twice or have no room; TypeError in a
   * training step, for what is no AttentionCache, or for a disposed one
   *
   * @example
   * const caches = model.caches();
   * const scores = nn.evaluate(() => model.next([[1, 2, 3]], caches).toArray());
   * for (const cache of caches) cache.dispose();
   */
  next(ids: readonly ArrayLike<number>[], caches: readonly AttentionCache[]): Value {
    const { layers } = this.config;
    list("gpt", "caches", caches);
    if (caches instanceof AttentionCache) throw new TypeError("gpt: caches must be an array, got a single one");
    const all = Array.from(caches);
    for (const cache of all) checkCache("gpt", cache);
    const lengths = all.map(({ length }) => length);
    if (all.length !== layers) throw new RangeError(`gpt: there must be ${layers} caches, got ${all.length}`);
    if (new Set(all).size !== layers)
      throw new RangeError("gpt: caches must be one for each layer, got the same twice");
    if (new Set(lengths).size !== 1) throw new RangeError(`gpt: caches must be of one length, got ${show(lengths)}`);
    return keeping(all, () => {
      const passed = { caches: all };
      const x = this.embed(ids, passed);
      const [B, N] = x.shape as [number, number, number];
      for (const { k } of all) {
        if (k.shape[0] === B) continue;
        throw new RangeError(`gpt: ids must have as many rows as the caches, ${k.shape[0]}, got ${B}`);
      }
      return this.head.forward(this.read(x, rowOfEach(B, N, N - 1), passed));
    });
  }
}

/**
 * A new language model, with first values from its seed.
 * @throws TypeError or RangeError for a config that does not fit
 *
 * @example
 * const model = gpt(nn, { vocabulary: 24, context: 16, width: 32, heads: 4, layers: 2, variant: "laser" });
 * const loss = nn.step(() => model.loss(ids, targets));
 */
export const gpt = (nn: Nn, config: GptConfig): Gpt => whole("gpt", nn, () => new Gpt(nn, config));
