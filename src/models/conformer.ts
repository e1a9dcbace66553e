/** Conformer (Gulati et al., arXiv 2005.08100) with CTC. Where it differs from the paper: {@link Conformer}. */
import { callback, options as checkOptions, flag } from "../check.js";
import { arrayOf, integer, list } from "../check-number.js";
import { Random } from "../data/random.js";
import { activation } from "../nn/activation.js";
import { add } from "../nn/add.js";
import { checkKeep, checkValue, own, ownRows } from "../nn/check-nn.js";
import { ctcLoss } from "../nn/ctc.js";
import { glu } from "../nn/glu.js";
import { Depthwise, Embedding, LayerNorm, Linear } from "../nn/layers.js";
import type { Loss } from "../nn/loss.js";
import { maskRows } from "../nn/mask.js";
import { Module } from "../nn/module.js";
import type { Nn } from "../nn/nn.js";
import { SelfAttention } from "../nn/self-attention.js";
import type { Value } from "../nn/value.js";
import { whole } from "../nn/whole.js";
import type { Tensor } from "../tensor.js";
import { type BlockOptions, inTurn } from "./block.js";
import { checkConfig, type ModelConfig } from "./config.js";
import { type DropoutOptions, dropNone, dropOf } from "./dropout.js";
import { keepOf } from "./padding.js";

/**
 * Config of {@link conformer}.
 *
 * @example const config: ConformerConfig = { mels: 8, stack: 2, context: 10, classes: 4, kernel: 3, width: 16, heads: 2, layers: 1, variant: "laser" };
 */
export interface ConformerConfig extends ModelConfig {
  /** Mel bands of a frame. */
  mels: number;
  /** Frames that are stacked to one step. */
  stack: number;
  /** The most steps (stacked frames). */
  context: number;
  /** Labels, the blank included, which is 0. */
  classes: number;
  /** Taps of the convolution over time, odd. */
  kernel: number;
}

/**
 * Options of a conformer's `loss`.
 *
 * @example const options: ConformerLossOptions = { zeroInfinity: true };
 */
export interface ConformerLossOptions extends DropoutOptions {
  /** Labels that their frames can't spell, which are too few, count 0, with no gradient, instead of infinity. Default false. */
  zeroInfinity?: boolean | undefined;
}

/**
 * Half a feed-forward layer, attention, convolution, half a feed-forward layer, a norm; each on its own norm, with its own residual.
 * The `blocks` of a Conformer are of this class.
 *
 * @example const blocks = (speech: Conformer): readonly ConformerBlock[] => speech.blocks;
 */
export class ConformerBlock extends Module {
  readonly #nn: Nn;
  /** Norm of the first feed-forward layers. */
  readonly ff1_ln: LayerNorm;
  /** From width to four times the width. */
  readonly ff1_fc: Linear;
  /** And back to the width. */
  readonly ff1_out: Linear;
  /** Norm before attention. */
  readonly attn_ln: LayerNorm;
  /** Attention with its projections. */
  readonly attn: SelfAttention;
  /** Norm before the convolution and its products. */
  readonly conv_ln: LayerNorm;
  /** From width to twice the width, for the gate. */
  readonly pw1: Linear;
  /** Convolution over time. */
  readonly dw: Depthwise;
  /** Norm behind the convolution. */
  readonly conv_norm: LayerNorm;
  /** From width to width, behind the convolution. */
  readonly pw2: Linear;
  /** Norm of the second feed-forward layers. */
  readonly ff2_ln: LayerNorm;
  /** From width to four times the width, the second time. */
  readonly ff2_fc: Linear;
  /** And back to the width, the second time. */
  readonly ff2_out: Linear;
  /** The norm at the end of the block. */
  readonly ln: LayerNorm;

  /** @internal */
  constructor(nn: Nn, random: Random, { width, heads, kernel }: ConformerConfig) {
    super();
    this.#nn = nn;
    this.ff1_ln = new LayerNorm(nn, width);
    this.ff1_fc = new Linear(nn, random, width, 4 * width);
    this.ff1_out = new Linear(nn, random, 4 * width, width);
    this.attn_ln = new LayerNorm(nn, width);
    this.attn = new SelfAttention(nn, random, width, heads);
    this.conv_ln = new LayerNorm(nn, width);
    this.pw1 = new Linear(nn, random, width, 2 * width);
    this.dw = new Depthwise(nn, random, width, kernel);
    this.conv_norm = new LayerNorm(nn, width);
    this.pw2 = new Linear(nn, random, width, width);
    this.ff2_ln = new LayerNorm(nn, width);
    this.ff2_fc = new Linear(nn, random, width, 4 * width);
    this.ff2_out = new Linear(nn, random, 4 * width, width);
    this.ln = new LayerNorm(nn, width);
  }

  /**
   * The block applied to x.
   * @param x [B, T, D]
   * @param keep u8 [B, T]: 0 for steps that are padding
   * @param variant Which attention
   * @param options Dropout
   * @returns [B, T, D]
   * @throws RangeError when x has not D channels, or keep another shape, or is not contiguous
   *
   * @example
   * const speech = conformer(nn, { mels: 8, stack: 2, context: 10, classes: 4, kernel: 3, width: 8, heads: 2, layers: 1, variant: "laser" });
   * const y = speech.blocks[0]?.forward(x, keep, "laser"); // x is [2, 5, 8], keep [2, 5]
   */
  forward(
    x: Value,
    keep: Tensor<"u8">,
    variant: ModelConfig["variant"],
    options: Pick<BlockOptions, "drop"> = {},
  ): Value {
    checkOptions("block", options, ["drop"]);
    const { drop = dropNone } = options;
    const nn = this.#nn;
    checkValue("block", "x", nn, x, 3);
    callback("block", drop, "drop");
    const [B, T] = x.shape as [number, number];
    checkKeep("block", nn, keep, [B, T]);
    let y = add(nn, x, drop(this.ff1_out.forward(this.ff1_fc.forward(this.ff1_ln.forward(x), "silu"))), 0.5);
    y = add(nn, y, drop(this.attn.forward(this.attn_ln.forward(y), { variant, mask: keep.view([B, 1, 1, T]) })));
    const gated = maskRows(nn, glu(nn, this.pw1.forward(this.conv_ln.forward(y))), keep);
    const convolved = activation(nn, this.conv_norm.forward(this.dw.forward(gated)), "silu");
    y = add(nn, y, drop(this.pw2.forward(convolved)));
    y = add(nn, y, drop(this.ff2_out.forward(this.ff2_fc.forward(this.ff2_ln.forward(y), "silu"))), 0.5);
    return this.ln.forward(y);
  }
}

/**
 * A speech recogniser (Gulati et al., arXiv 2005.08100): stacked log-mel frames, Conformer blocks, CTC. Other than in the paper,
 * positions are learnt, frames are stacked where it has convolutions, and a layer norm follows the convolution of a block.
 * Made by {@link conformer}.
 *
 * @example const made: Conformer = conformer(nn, { mels: 8, stack: 2, context: 10, classes: 4, kernel: 3, width: 16, heads: 2, layers: 1, variant: "laser" });
 */
export class Conformer extends Module {
  readonly #nn: Nn;
  /** What a checkpoint calls it. */
  readonly family = "conformer";
  /** The config it was made from. */
  readonly config: Readonly<ConformerConfig>;
  /** From the stacked frames to the width. */
  readonly inp: Linear;
  /** A vector for each step. */
  readonly pos: Embedding;
  /** The Conformer blocks, in order. */
  readonly blocks: readonly ConformerBlock[];
  /** From the width to the scores. */
  readonly head: Linear;

  /** @internal */
  constructor(nn: Nn, config: ConformerConfig) {
    super();
    this.config = checkConfig("conformer", config, ["mels", "stack", "context", "classes", "kernel"], false);
    const { mels, stack, context, classes, kernel, width, layers, seed = 1 } = this.config;
    if (kernel % 2 === 0) throw new RangeError(`conformer: kernel must be odd, got ${kernel}`);
    const random = new Random(seed);
    this.#nn = nn;
    this.inp = new Linear(nn, random, mels * stack, width);
    this.pos = new Embedding(nn, random, context, width);
    this.blocks = Array.from({ length: layers }, () => new ConformerBlock(nn, random, this.config));
    this.head = new Linear(nn, random, width, classes);
  }

  /**
   * Steps that so many frames give.
   * @throws RangeError when frames is no integer of 0 or more
   *
   * @example conformer(nn, { mels: 8, stack: 2, context: 10, classes: 4, kernel: 3, width: 16, heads: 2, layers: 1, variant: "laser" }).steps(7); // 3
   */
  steps(frames: number): number {
    integer("conformer", "frames", frames, 0);
    return Math.floor(frames / this.config.stack);
  }

  /**
   * Scores of the labels: [B, floor(T / stack), classes].
   * @param features Log-mel features [B, T, mels]
   * @param frames How many of the T frames of each batch entry count. What the others hold, NaN included, has no effect
   * @param options Dropout, for a loss of your own
   * @throws RangeError when features, frames and config do not fit each other, or for dropout out of range; TypeError for dropout without a seed
   *
   * @example
   * const speech = conformer(nn, { mels: 8, stack: 2, context: 10, classes: 4, kernel: 3, width: 16, heads: 2, layers: 1, variant: "laser" });
   * const scores = nn.evaluate(() => speech.logits(new Float32Array(2 * 12 * 8), [12, 9]).toArray()); // [2, 6, 4]
   */
  logits(features: Float32Array, frames: ArrayLike<number>, options?: DropoutOptions): Value {
    return this.head.forward(this.features(features, frames, options));
  }

  /**
   * What the head reads: a vector for each step, [B, floor(T / stack), width]. Those beyond a batch entry's frames say nothing.
   * @param features As those of `logits`
   * @param frames As those of `logits`
   * @param options Dropout, for a head of your own
   * @throws RangeError or TypeError as `logits` does
   *
   * @example
   * const speech = conformer(nn, { mels: 8, stack: 2, context: 10, classes: 4, kernel: 3, width: 16, heads: 2, layers: 1, variant: "laser" });
   * const vectors = nn.evaluate(() => speech.features(new Float32Array(2 * 12 * 8), [12, 9]).toArray()); // [2, 6, 16]
   */
  features(features: Float32Array, frames: ArrayLike<number>, options?: DropoutOptions): Value {
    const drop = dropOf("conformer", this.#nn, this, options);
    const { mels, stack, context, variant } = this.config;
    const [given, counts] = [own(this.#nn, features), own(this.#nn, frames)];
    const T = this.framesOf(given, counts);
    const [B, N] = [counts.length, this.steps(T)];
    if (N === 0 || N > context) {
      throw new RangeError(`conformer: there must be ${stack} to ${(context + 1) * stack - 1} frames, got ${T}`);
    }
    const nn = this.#nn;
    const kept = keepOf(
      nn,
      Array.from(counts, (count) => this.steps(count)),
      N,
    );
    const x = drop(this.pos.add(this.inp.forward(nn.input(this.#whole(given, counts, T), [B, N, mels * stack]))));
    return inTurn(nn, this.blocks, ConformerBlock.prototype.forward, x, (block, y) =>
      block.forward(y, kept, variant, { drop }),
    );
  }

  /**
   * CTC loss of the labels, each divided by its length, averaged.
   * @param features Log-mel features [B, T, mels]
   * @param frames How many of the T frames of each batch entry count
   * @param targets Labels of each batch entry, from 1 to classes - 1
   * @param options Dropout, and what to do with labels that frames can't spell
   * @throws RangeError as `logits` does, or when a label is none, or for dropout out of range; TypeError for dropout without a seed, or a
   * `zeroInfinity` that is no boolean
   *
   * @example
   * const speech = conformer(nn, { mels: 8, stack: 2, context: 10, classes: 4, kernel: 3, width: 16, heads: 2, layers: 1, variant: "laser" });
   * const value = nn.step(() => speech.loss(new Float32Array(2 * 12 * 8), [12, 9], [[1, 2], [3]]));
   */
  loss(
    features: Float32Array,
    frames: ArrayLike<number>,
    targets: readonly ArrayLike<number>[],
    options: ConformerLossOptions = {},
  ): Loss {
    checkOptions("conformer", options, ["dropout", "seed", "zeroInfinity"]);
    const { zeroInfinity, dropout, seed } = options; // inherited ones too
    flag("conformer", "zeroInfinity", zeroInfinity); // before the pass
    const [counts, labels] = [own(this.#nn, frames), ownRows(this.#nn, targets)];
    const logits = this.head.forward(this.features(features, counts, { dropout, seed }));
    const used = Array.from(counts, (count) => this.steps(count));
    return ctcLoss(this.#nn, logits, labels, used, { zeroInfinity });
  }

  /** How many frames the features have for each entry: as many as the most that count, or more. @internal */
  framesOf(features: Float32Array, frames: ArrayLike<number>): number {
    const { mels } = this.config;
    list("conformer", "frames", frames);
    arrayOf("conformer", "features", features, "Float32Array");
    const B = frames.length;
    if (B === 0) throw new RangeError("conformer: the batch must not be empty, got no frames");
    const T = features.length / (B * mels);
    if (!Number.isInteger(T)) {
      throw new RangeError(
        `conformer: features must be ${B} times some frames of ${mels}, got ${features.length} numbers`,
      );
    }
    for (let b = 0; b < B; b++) integer("conformer", `frames[${b}]`, frames[b], 0, T);
    return T;
  }

  /** The frames that fill whole steps, 0 beyond those that count: products with gradients of 0 must not be NaN. */
  #whole(features: Float32Array, frames: ArrayLike<number>, T: number): Float32Array {
    const { mels, stack } = this.config;
    const used = this.steps(T) * stack * mels;
    const whole = new Float32Array(frames.length * used);
    for (let b = 0; b < frames.length; b++) {
      const at = b * T * mels;
      whole.set(features.subarray(at, at + Math.min(used, frames[b]! * mels)), b * used);
    }
    return whole;
  }
}

/**
 * A new speech recogniser, with first values from its seed.
 * @throws TypeError or RangeError for a config that does not fit
 *
 * @example
 * const model = conformer(nn, { mels: 40, stack: 4, context: 120, classes: 11, kernel: 15, width: 96, heads: 4, layers: 2, variant: "laser" });
 */
export const conformer = (nn: Nn, config: ConformerConfig): Conformer =>
  whole("conformer", nn, () => new Conformer(nn, config));
