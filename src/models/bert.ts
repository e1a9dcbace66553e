import { crossEntropy } from "../nn/cross-entropy.js";
import { Embedding, LayerNorm, Linear } from "../nn/layers.js";
import type { Loss } from "../nn/loss.js";
import { Module } from "../nn/module.js";
import type { Nn } from "../nn/nn.js";
import { Random } from "../nn/random.js";
import type { Value } from "../nn/value.js";
import { Block } from "./block.js";
import { batchOf, checkConfig, flat, type ModelConfig, targetsOf } from "./config.js";

/** Config of {@link bert}. */
export interface BertConfig extends ModelConfig {
  /** Number of tokens, the mask token included, which is the last one. */
  vocabulary: number;
  /** The most tokens in a row. */
  context: number;
}

/** A masked language model: the layers of {@link gpt}, with every token seeing all others. */
export class Bert extends Module {
  readonly #nn: Nn;
  /** What a checkpoint calls it. */
  readonly family = "bert";
  /** The config it was made from. */
  readonly config: Readonly<BertConfig>;
  readonly tok: Embedding;
  readonly pos: Embedding;
  readonly blocks: readonly Block[];
  readonly lnf: LayerNorm;
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

  /** Scores of the token at each place: [B, N, V] for B rows of N token ids, some of them `maskId`. */
  logits(ids: readonly ArrayLike<number>[]): Value {
    const shape = batchOf("bert", ids, this.config.context);
    let x = this.pos.add(this.tok.forward(flat(ids), shape));
    for (const block of this.blocks) x = block.forward(x, { variant: this.config.variant });
    return this.head.forward(this.lnf.forward(x));
  }

  /** Mean cross-entropy of `targets`, the tokens that are hidden; -1 at every other place. */
  loss(ids: readonly ArrayLike<number>[], targets: readonly ArrayLike<number>[]): Loss {
    return crossEntropy(this.#nn, this.logits(ids), targetsOf("bert", targets, ids));
  }
}

/**
 * A new masked language model.
 *
 * @example const model = bert(nn, { vocabulary: 66, context: 128, width: 128, heads: 4, layers: 4, variant: "laser" });
 */
export const bert = (nn: Nn, config: BertConfig): Bert => new Bert(nn, config);
