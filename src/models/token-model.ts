import { options as checkOptions } from "../check.js";
import { Random } from "../data/random.js";
import { checkIds, own, ownRows } from "../nn/check-nn.js";
import { crossEntropy } from "../nn/cross-entropy.js";
import { Embedding, LayerNorm, Linear } from "../nn/layers.js";
import type { Loss } from "../nn/loss.js";
import { Module } from "../nn/module.js";
import type { Nn } from "../nn/nn.js";
import type { Value } from "../nn/value.js";
import { Block, type Passed, throughBlocks } from "./block.js";
import { type BlockConfig, batchOf, checkConfig, idsOf, targetsOf } from "./config.js";
import { type DropoutOptions, dropNone, dropOf } from "./dropout.js";
import { checkLengths, keepOf } from "./padding.js";

/**
 * Config of a model of tokens.
 *
 * @example const config: TokenConfig = { vocabulary: 65, context: 128, width: 128, heads: 4, layers: 4, variant: "laser" };
 */
export interface TokenConfig extends BlockConfig {
  /** Number of tokens. Of a bert the last one is the mask. */
  vocabulary: number;
  /** The most tokens in a row. */
  context: number;
}

/**
 * Options of a forward pass of a model of tokens.
 *
 * @example const options: TokenOptions = { lengths: [5, 3], dropout: 0.1, seed: 17 };
 */
export interface TokenOptions extends DropoutOptions {
  /**
   * How many ids of each row count, of 0 to N: what follows them is padding, which no token sees. All, if it is left out. A gpt, whose
   * tokens see none that follow, needs none.
   */
  lengths?: ArrayLike<number> | undefined;
}

/**
 * What `gpt` and `bert` have in common: token and position embeddings, blocks, a norm, a head.
 *
 * @example const tokens: TokenModel = model;
 */
export abstract class TokenModel extends Module {
  readonly #nn: Nn;
  readonly #causal: boolean;
  /** What a checkpoint calls it. */
  abstract readonly family: "gpt" | "bert";
  /** The config it was made from. */
  readonly config: Readonly<TokenConfig>;
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
  constructor(nn: Nn, where: string, config: TokenConfig, causal: boolean) {
    super();
    this.config = checkConfig(where, config, ["vocabulary", "context"]);
    const { vocabulary, context, width, layers, seed = 1, eps } = this.config;
    const random = new Random(seed);
    this.#nn = nn;
    this.#causal = causal;
    this.tok = new Embedding(nn, random, vocabulary, width);
    this.pos = new Embedding(nn, random, context, width);
    this.blocks = Array.from({ length: layers }, () => new Block(nn, random, this.config));
    this.lnf = new LayerNorm(nn, width, { eps });
    this.head = new Linear(nn, random, width, vocabulary);
  }

  /** Tokens with their places, which follow the tokens in the caches where there are any: [B, N, D]. @internal */
  protected embed(ids: readonly ArrayLike<number>[], { caches, drop = dropNone }: Passed = {}): Value {
    const before = caches?.[0]?.length ?? 0;
    const { vocabulary, context } = this.config;
    const shape = batchOf(this.family, "ids", ids, context, before);
    const all = idsOf(this.family, "ids", ids, shape[1], vocabulary);
    return drop(this.pos.add(this.tok.forward(all, shape), before));
  }

  /** What the options say, the lengths as a copy. */
  #given(options: TokenOptions) {
    checkOptions(this.family, options, ["dropout", "seed", "lengths"]);
    const { lengths, dropout, seed } = options; // inherited ones too
    return { counts: own(this.#nn, lengths), passed: { drop: dropOf(this.family, this.#nn, this, { dropout, seed }) } };
  }

  /** From there to what the head reads, of `rows` if they are given. `lengths` are checked. @internal */
  protected read(x: Value, rows?: ArrayLike<number>, passed?: Passed, lengths?: ArrayLike<number>): Value {
    const [B, N] = x.shape as [number, number, number];
    const mask = lengths && keepOf(this.#nn, lengths, N).view([B, 1, 1, N]);
    const attention = { variant: this.config.variant, causal: this.#causal, mask };
    return this.lnf.forward(throughBlocks(this.#nn, this.blocks, x, attention, rows, passed));
  }

  /**
   * What the head reads: a vector for each token, of all that the model makes of it. [B, N, width], or [R, width] of R places.
   * @param ids B rows of N token ids, N at most `context`
   * @param places As those of `logits`
   * @param options How many ids of each row count; dropout, for a head of your own
   * @throws RangeError or TypeError as `logits` does
   *
   * @example
   * // The mean over the tokens of a text stands for the text: search, or a classifier of your own.
   * const padded = [[1, 2, 3], [4, 5, 0]];
   * const keep = nn.la.tensor(Uint8Array.of(1, 1, 1, 1, 1, 0), [2, 3]);
   * const vectors = nn.evaluate(() => maskedMean(nn, model.features(padded, undefined, { lengths: [3, 2] }), keep).toArray());
   */
  features(ids: readonly ArrayLike<number>[], places?: ArrayLike<number>, options: TokenOptions = {}): Value {
    const { counts, passed } = this.#given(options);
    const wanted = own(this.#nn, places);
    const x = this.embed(ids, passed);
    const [B, N] = x.shape as [number, number, number];
    const lengths = checkLengths(this.family, counts, B, N);
    const rows = wanted === undefined ? undefined : checkIds(this.family, wanted, undefined, B * N, 0, "places");
    return this.read(x, rows, passed, lengths);
  }

  /**
   * Scores of the tokens: [B, N, V]. Those of a gpt at each place are of the token that follows, those of a bert of the one that
   * stands there.
   * @param ids B rows of N token ids, N at most `context`
   * @param places What is wanted, if not all: some of all B N places, one row after the other. The scores are [R, V] for R places
   * @param options How many ids of each row count; dropout, for a loss of your own
   * @throws RangeError for no rows, rows of different lengths, an id that is no token, a place that is none, lengths that do not fit, or
   * dropout out of range; TypeError for dropout without a seed
   *
   * @example
   * const scores = nn.evaluate(() => model.logits(ids).toArray());
   * const padded = nn.evaluate(() => model.logits([[1, 2, 3], [4, 5, 0]], undefined, { lengths: [3, 2] }).toArray());
   */
  logits(ids: readonly ArrayLike<number>[], places?: ArrayLike<number>, options?: TokenOptions): Value {
    return this.head.forward(this.features(ids, places, options));
  }

  /**
   * Mean cross-entropy of `targets`: the ids that follow, or the hidden ones; -1 leaves a place out.
   * @throws RangeError as `logits` does, or when a target is no token, or all are -1, or one in the padding is not, or for dropout out of
   * range; TypeError for dropout without a seed
   *
   * @example
   * const value = nn.step(() => model.loss(ids, targets));
   * const dropping = nn.step(() => model.loss(ids, targets, { dropout: 0.1, seed: 17 }));
   */
  loss(ids: readonly ArrayLike<number>[], targets: readonly ArrayLike<number>[], options: TokenOptions = {}): Loss {
    const { counts, passed } = this.#given(options);
    const [inputs, wanted] = [ownRows(this.#nn, ids), ownRows(this.#nn, targets)];
    const x = this.embed(inputs, passed);
    const [B, N] = x.shape as [number, number, number];
    const lengths = checkLengths(this.family, counts, B, N);
    const all = targetsOf(this.family, wanted, inputs, this.config.vocabulary);
    const places = [...all.keys()].filter((n) => all[n] !== -1);
    if (places.length === 0) throw new RangeError(`${this.family}: targets must have one that is not -1`);
    const padding = lengths && places.find((n) => n % N >= lengths[Math.floor(n / N)]!);
    if (padding !== undefined) {
      const [row, at] = [Math.floor(padding / N), padding % N];
      throw new RangeError(`${this.family}: targets[${row}][${at}] must be -1 in the padding, got ${all[padding]}`);
    }
    const rows = places.length === all.length ? undefined : places;
    return crossEntropy(
      this.#nn,
      this.head.forward(this.read(x, rows, passed, lengths)),
      places.map((n) => all[n]!),
    );
  }
}
