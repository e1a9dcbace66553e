import { AttentionCache } from "../nn/cached-attention.js";
import { crossEntropy } from "../nn/cross-entropy.js";
import { Embedding, LayerNorm, Linear } from "../nn/layers.js";
import type { Loss } from "../nn/loss.js";
import { Module } from "../nn/module.js";
import type { Nn } from "../nn/nn.js";
import { Random } from "../nn/random.js";
import { takeRow } from "../nn/rows.js";
import type { Value } from "../nn/value.js";
import { Block } from "./block.js";
import { batchOf, checkConfig, flat, type ModelConfig, targetsOf } from "./config.js";

/**
 * Config of {@link gpt}.
 *
 * @example const config: GptConfig = { vocabulary: 65, context: 128, width: 128, heads: 4, layers: 4, variant: "laser" };
 */
export interface GptConfig extends ModelConfig {
  /** Number of tokens. */
  vocabulary: number;
  /** The most tokens in a row. */
  context: number;
}

/**
 * An autoregressive language model: token and position embeddings, causal blocks, a norm, a head. Made by {@link gpt}.
 *
 * @example const made: Gpt = gpt(nn, model.config);
 */
export class Gpt extends Module {
  readonly #nn: Nn;
  /** What a checkpoint calls it. */
  readonly family = "gpt";
  /** The config it was made from. */
  readonly config: Readonly<GptConfig>;
  /** A vector for each token. */
  readonly tok: Embedding;
  /** A vector for each place. */
  readonly pos: Embedding;
  /** The transformer blocks, in order. */
  readonly blocks: readonly Block[];
  /** The norm before the head. */
  readonly lnf: LayerNorm;
  /** From the width to the scores. */
  readonly head: Linear;

  /** @internal */
  constructor(nn: Nn, config: GptConfig) {
    super();
    checkConfig("gpt", config, ["vocabulary", "context"]);
    const { vocabulary, context, width, layers, seed = 1 } = config;
    const random = new Random(seed);
    this.#nn = nn;
    this.config = Object.freeze({ ...config });
    this.tok = new Embedding(nn, random, vocabulary, width);
    this.pos = new Embedding(nn, random, context, width);
    this.blocks = Array.from({ length: layers }, () => new Block(nn, random, config));
    this.lnf = new LayerNorm(nn, width);
    this.head = new Linear(nn, random, width, vocabulary);
  }

  /**
   * Scores of the token that follows each one: [B, N, V].
   * @param ids B rows of N token ids, N at most `context`
   * @throws RangeError for no rows, rows of different lengths, or an id that is no token
   *
   * @example const scores = nn.evaluate(() => model.logits(ids).toArray());
   */
  logits(ids: readonly ArrayLike<number>[]): Value {
    const shape = batchOf("gpt", ids, this.config.context);
    let x = this.pos.add(this.tok.forward(flat(ids), shape));
    for (const block of this.blocks) x = block.forward(x, { variant: this.config.variant, causal: true });
    return this.head.forward(this.lnf.forward(x));
  }

  /**
   * Empty caches for {@link next}, a layer each, for B rows. They have memory of their own: dispose them at the end.
   *
   * @example const caches = model.caches();
   */
  caches(B = 1): AttentionCache[] {
    const { layers, context, width } = this.config;
    return Array.from({ length: layers }, () => new AttentionCache(this.#nn, B, context, width));
  }

  /**
   * Scores of the token that follows each row, [B, V]: those of the last place in `logits`, to rounding. The rows go on
   * after the tokens in the caches, which they join, and cost no more than themselves. Inside of `nn.evaluate`.
   *
   * @example
   * const caches = model.caches();
   * const scores = nn.evaluate(() => model.next([[1, 2, 3]], caches).toArray());
   * for (const cache of caches) cache.dispose();
   */
  next(ids: readonly ArrayLike<number>[], caches: readonly AttentionCache[]): Value {
    const { layers, context, variant } = this.config;
    if (caches.length !== layers) throw new RangeError(`gpt: there must be ${layers} caches, got ${caches.length}`);
    const before = caches[0]!.length;
    const shape = batchOf("gpt", ids, context - before);
    let x = this.pos.add(this.tok.forward(flat(ids), shape), before);
    for (const [n, block] of this.blocks.entries()) x = block.forward(x, { variant, causal: true }, caches[n]);
    return this.head.forward(this.lnf.forward(takeRow(this.#nn, x, shape[1] - 1)));
  }

  /**
   * Mean cross-entropy of `targets`, the ids that follow; -1 leaves a place out.
   * @throws RangeError as `logits` does, or when a target is no token
   *
   * @example const value = nn.step(() => model.loss(ids, targets));
   */
  loss(ids: readonly ArrayLike<number>[], targets: readonly ArrayLike<number>[]): Loss {
    return crossEntropy(this.#nn, this.logits(ids), targetsOf("gpt", targets, ids));
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
export const gpt = (nn: Nn, config: GptConfig): Gpt => new Gpt(nn, config);
