import { crossEntropy } from "../nn/cross-entropy.js";
import { Embedding, LayerNorm, Linear } from "../nn/layers.js";
import type { Loss } from "../nn/loss.js";
import { Module } from "../nn/module.js";
import type { Nn } from "../nn/nn.js";
import { Random } from "../nn/random.js";
import type { Value } from "../nn/value.js";
import { Block } from "./block.js";
import { batchOf, checkConfig, flat, type ModelConfig, targetsOf } from "./config.js";

/**
 * Config of {@link bert}.
 *
 * @example const config: BertConfig = { vocabulary: 66, context: 128, width: 128, heads: 4, layers: 4, variant: "laser" };
 */
export interface BertConfig extends ModelConfig {
  /** Number of tokens, the mask token included, which is the last one. */
  vocabulary: number;
  /** The most tokens in a row. */
  context: number;
}

/**
 * A masked language model: the layers of gpt, with every token seeing all others (Devlin et al., arXiv 1810.04805). Made by {@link bert}.
 *
 * @example const made: Bert = bert(nn, { vocabulary: 25, context: 8, width: 16, heads: 2, layers: 1, variant: "laser" });
 */
export class Bert extends Module {
  readonly #nn: Nn;
  /** What a checkpoint calls it. */
  readonly family = "bert";
  /** The config it was made from. */
  readonly config: Readonly<BertConfig>;
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
  constructor(nn: Nn, config: BertConfig) {
    super();
    checkConfig("bert", config, ["vocabulary", "context"]);
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

  /** The id that stands for a hidden token. */
  get maskId(): number {
    return this.config.vocabulary - 1;
  }

  /**
   * Scores of the token at each place: [B, N, V].
   * @param ids B rows of N token ids, N at most `context`, some of them `maskId`
   * @throws RangeError for no rows, rows of different lengths, or an id that is no token
   *
   * @example
   * const masked = bert(nn, { vocabulary: 25, context: 8, width: 16, heads: 2, layers: 1, variant: "laser" });
   * const scores = nn.evaluate(() => masked.logits([[1, masked.maskId, 3]]).toArray());
   */
  logits(ids: readonly ArrayLike<number>[]): Value {
    const shape = batchOf("bert", ids, this.config.context);
    let x = this.pos.add(this.tok.forward(flat(ids), shape));
    for (const block of this.blocks) x = block.forward(x, { variant: this.config.variant });
    return this.head.forward(this.lnf.forward(x));
  }

  /**
   * Mean cross-entropy of `targets`, the tokens that are hidden; -1 at every other place.
   * @throws RangeError as `logits` does, or when a target is no token
   *
   * @example
   * const masked = bert(nn, { vocabulary: 25, context: 8, width: 16, heads: 2, layers: 1, variant: "laser" });
   * const value = nn.step(() => masked.loss([[1, masked.maskId, 3]], [[-1, 2, -1]]));
   */
  loss(ids: readonly ArrayLike<number>[], targets: readonly ArrayLike<number>[]): Loss {
    return crossEntropy(this.#nn, this.logits(ids), targetsOf("bert", targets, ids));
  }
}

/**
 * A new masked language model, with first values from its seed.
 * @throws TypeError or RangeError for a config that does not fit
 *
 * @example const model = bert(nn, { vocabulary: 66, context: 128, width: 128, heads: 4, layers: 4, variant: "laser" });
 */
export const bert = (nn: Nn, config: BertConfig): Bert => new Bert(nn, config);
