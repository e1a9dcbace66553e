import { typedArray } from "../check.js";
import { CHANNELS } from "../data/patches.js";
import { Random } from "../data/random.js";
import { checkIds, own } from "../nn/check-nn.js";
import { crossEntropy } from "../nn/cross-entropy.js";
import { addPositions } from "../nn/embedding.js";
import { LayerNorm, Linear, matrix } from "../nn/layers.js";
import type { Loss } from "../nn/loss.js";
import { Module } from "../nn/module.js";
import type { Nn } from "../nn/nn.js";
import { prepend, rowOfEach } from "../nn/rows.js";
import type { Parameter, Value } from "../nn/value.js";
import { whole } from "../nn/whole.js";
import { Block, throughBlocks } from "./block.js";
import { type BlockConfig, checkConfig } from "./config.js";
import { type DropoutOptions, dropOf } from "./dropout.js";

/**
 * Config of {@link vit}.
 *
 * @example const config: VitConfig = { side: 32, patch: 4, classes: 10, width: 128, heads: 4, layers: 4, variant: "laser" };
 */
export interface VitConfig extends BlockConfig {
  /** Side of a square image in pixels, a multiple of `patch`. */
  side: number;
  /** Side of a patch in pixels. */
  patch: number;
  /** Number of classes. */
  classes: number;
}

/**
 * A Vision Transformer (Dosovitskiy et al., arXiv 2010.11929): patches and a class token, blocks in which all see all, a norm, and a
 * head on the class token. Made by {@link vit}.
 *
 * @example const made: Vit = vit(nn, { side: 8, patch: 4, classes: 3, width: 16, heads: 2, layers: 1, variant: "laser" });
 */
export class Vit extends Module {
  readonly #nn: Nn;
  /** What a checkpoint calls it. */
  readonly family = "vit";
  /** The config it was made from. */
  readonly config: Readonly<VitConfig>;
  /** The class token, [width]. */
  readonly cls: Parameter;
  /** A vector for each place, the class token first: [patches + 1, width]. */
  readonly pos: Parameter;
  /** From the numbers of a patch to the width. */
  readonly patch: Linear;
  /** The transformer blocks, in order. */
  readonly blocks: readonly Block[];
  /** The norm before the head. */
  readonly lnf: LayerNorm;
  /** From the width to the scores. */
  readonly head: Linear;

  /** @internal */
  constructor(nn: Nn, config: VitConfig) {
    super();
    this.config = checkConfig("vit", config, ["side", "patch", "classes"]);
    const { side, patch, classes, width, layers, seed = 1, eps } = this.config;
    if (side % patch !== 0) throw new RangeError(`vit: side must be a multiple of patch (${patch}), got ${side}`);
    const random = new Random(seed);
    this.#nn = nn;
    this.cls = matrix(nn, random, [width]);
    this.pos = matrix(nn, random, [this.patches + 1, width]);
    this.patch = new Linear(nn, random, CHANNELS * patch * patch, width);
    this.blocks = Array.from({ length: layers }, () => new Block(nn, random, this.config));
    this.lnf = new LayerNorm(nn, width, { eps });
    this.head = new Linear(nn, random, width, classes);
  }

  /** Patches of an image. */
  get patches(): number {
    return (this.config.side / this.config.patch) ** 2;
  }

  /**
   * Scores of the classes, [B, classes].
   * @param patches [B, patches, 3 * patch * patch] as `patchesOf` gives them: row by row, each by channel, row and column
   * @param options Dropout, for a loss of your own
   * @throws RangeError when the numbers are no whole images, or for dropout out of range; TypeError for dropout without a seed
   *
   * @example
   * const small = vit(nn, { side: 8, patch: 4, classes: 3, width: 16, heads: 2, layers: 1, variant: "laser" });
   * const scores = nn.evaluate(() => small.logits(patchesOf(new Uint8Array(2 * 192), 8, 4)).toArray());
   */
  logits(patches: Float32Array, options?: DropoutOptions): Value {
    return this.head.forward(this.features(patches, options));
  }

  /**
   * What the head reads: a vector for each image, [B, width].
   * @param patches As those of `logits`
   * @param options Dropout, for a head of your own
   * @throws RangeError or TypeError as `logits` does
   *
   * @example
   * const small = vit(nn, { side: 8, patch: 4, classes: 3, width: 16, heads: 2, layers: 1, variant: "laser" });
   * const vectors = nn.evaluate(() => small.features(patchesOf(new Uint8Array(2 * 192), 8, 4)).toArray()); // 2 of 16
   */
  features(patches: Float32Array, options?: DropoutOptions): Value {
    const drop = dropOf("vit", this.#nn, this, options);
    const { patch, variant } = this.config;
    const inputs = CHANNELS * patch * patch;
    typedArray("vit", "patches", patches, "f32");
    const B = patches.length / (this.patches * inputs);
    if (!Number.isInteger(B) || B === 0) {
      throw new RangeError(
        `vit: patches must be some images of ${this.patches * inputs} numbers, got ${patches.length}`,
      );
    }
    const tokens = this.patch.forward(this.#nn.input(patches, [B, this.patches, inputs]));
    const x = drop(addPositions(this.#nn, prepend(this.#nn, this.cls, tokens), this.pos));
    const read = rowOfEach(B, this.patches + 1, 0); // class tokens
    return this.lnf.forward(throughBlocks(this.#nn, this.blocks, x, { variant }, read, { drop }));
  }

  /**
   * Mean cross-entropy of the labels, one for each image.
   * @throws RangeError as `logits` does, or when a label is no class, or for dropout out of range; TypeError for dropout without a seed
   *
   * @example
   * const small = vit(nn, { side: 8, patch: 4, classes: 3, width: 16, heads: 2, layers: 1, variant: "laser" });
   * const value = nn.step(() => small.loss(patchesOf(new Uint8Array(2 * 192), 8, 4), [0, 2]));
   */
  loss(patches: Float32Array, labels: ArrayLike<number>, options?: DropoutOptions): Loss {
    const given = own(this.#nn, labels);
    const logits = this.head.forward(this.features(patches, options));
    return crossEntropy(this.#nn, logits, checkIds("vit", given, logits.shape[0]!, this.config.classes, 0, "labels"));
  }
}

/**
 * A new Vision Transformer, with first values from its seed.
 * @throws TypeError or RangeError for a config that does not fit
 *
 * @example const model = vit(nn, { side: 32, patch: 4, classes: 10, width: 128, heads: 4, layers: 4, variant: "laser" });
 */
export const vit = (nn: Nn, config: VitConfig): Vit => whole("vit", nn, () => new Vit(nn, config));
