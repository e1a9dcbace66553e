/** Modules of one operation each. All take the instance, sizes, and a generator for their first values. */
import { options as checkOptions, shape as checkShape } from "../check.js";
import { integer } from "../check-number.js";
import { checkRandom, type Random } from "../data/random.js";
import { count } from "../shape.js";
import type { Activation } from "./activation.js";
import { type SelfAttentionOptions, selfAttention } from "./attention.js";
import { type AttentionCache, cachedAttention } from "./cached-attention.js";
import { checkIds, checkValue } from "./check-nn.js";
import { depthwise } from "./depthwise.js";
import { addPositions, embedding, lookUp } from "./embedding.js";
import { linear, packWeight } from "./linear.js";
import { Module } from "./module.js";
import type { Nn } from "./nn.js";
import { layerNorm, rmsNorm } from "./norm.js";
import { asksFew, rowAttention } from "./row-attention.js";
import type { Parameter, Value } from "./value.js";
import { whole } from "./whole.js";

/** Standard deviation of the first values of matrices, as in GPT-2. */
const DEVIATION = 0.02;

/** Sizes of 1 or more, that memory may have room for. */
function checkSizes(where: string, sizes: Readonly<Record<string, unknown>>): void {
  for (const [name, size] of Object.entries(sizes)) integer(where, name, size, 1);
  checkShape(where, Object.values(sizes), "f32");
}

/** A matrix of normal deviates of 0.02. */
export function matrix(nn: Nn, random: Random, shape: readonly number[]): Parameter {
  return nn.parameter(random.normals(count(shape), DEVIATION), shape);
}

/** Biases as PyTorch begins with them: uniform within 1 / sqrt(inputs). */
const biases = (nn: Nn, random: Random, size: number, inputs: number): Parameter => {
  const bound = 1 / Math.sqrt(inputs);
  return nn.parameter(random.uniforms(size, -bound, bound), [size]);
};

const filled = (nn: Nn, size: number, value: number): Parameter =>
  nn.parameter(new Float32Array(size).fill(value), [size]);

/**
 * x W^T + b, and an activation where one is named, as `torch.nn.Linear`.
 *
 * @example const layer = new Linear(nn, random, 8, 3);
 */
export class Linear extends Module {
  readonly #nn: Nn;
  /** [N, K], normal deviates of 0.02 at first. */
  readonly weight: Parameter;
  /** [N], uniform within 1 / sqrt(inputs) at first, as in PyTorch. */
  readonly bias: Parameter;

  /**
   * `inputs` (K) to `outputs` (N) features; `random` makes the first values.
   * @throws RangeError for a size out of range; TypeError for no generator, and inside of a step
   */
  constructor(nn: Nn, random: Random, inputs: number, outputs: number) {
    super();
    checkRandom("Linear", random);
    checkSizes("Linear", { inputs, outputs });
    this.#nn = nn;
    [this.weight, this.bias] = whole("Linear", nn, () => [
      matrix(nn, random, [outputs, inputs]),
      biases(nn, random, outputs, inputs),
    ]);
  }

  /**
   * The layer applied to x.
   * @param x [..., K]
   * @returns [..., N]
   * @throws RangeError when x has not K on its last axis
   *
   * @example const y = new Linear(nn, random, 8, 3).forward(x, "gelu"); // [2, 5, 3]
   */
  forward(x: Value, activation?: Activation): Value {
    return linear(this.#nn, x, this.weight, this.bias, { activation });
  }

  /** Lays the weight out for products; see {@link Module.pack}. */
  override pack(on = true): this {
    packWeight(this.#nn, this.weight, on);
    return this;
  }
}

/**
 * Layer norm over the last axis, as `torch.nn.LayerNorm`.
 *
 * @example const layer = new LayerNorm(nn, 8);
 */
export class LayerNorm extends Module {
  readonly #nn: Nn;
  /** [D], ones at first. */
  readonly weight: Parameter;
  /** [D], zeros at first. */
  readonly bias: Parameter;

  /**
   * For the last axis of `width`.
   * @throws RangeError for a size out of range; TypeError inside of a step
   */
  constructor(nn: Nn, width: number) {
    super();
    checkSizes("LayerNorm", { width });
    this.#nn = nn;
    [this.weight, this.bias] = whole("LayerNorm", nn, () => [filled(nn, width, 1), filled(nn, width, 0)]);
  }

  /**
   * The layer applied to x.
   * @param x [..., D]
   * @returns [..., D]
   * @throws RangeError when x has not D on its last axis
   *
   * @example const y = new LayerNorm(nn, 8).forward(x); // [2, 5, 8]
   */
  forward(x: Value): Value {
    return layerNorm(this.#nn, x, this.weight, this.bias);
  }
}

/**
 * RMS norm over the last axis.
 *
 * @example const layer = new RmsNorm(nn, 8);
 */
export class RmsNorm extends Module {
  readonly #nn: Nn;
  /** [D], ones at first. */
  readonly weight: Parameter;

  /**
   * For the last axis of `width`.
   * @throws RangeError for a size out of range; TypeError inside of a step
   */
  constructor(nn: Nn, width: number) {
    super();
    checkSizes("RmsNorm", { width });
    this.#nn = nn;
    this.weight = whole("RmsNorm", nn, () => filled(nn, width, 1));
  }

  /**
   * The layer applied to x.
   * @param x [..., D]
   * @returns [..., D]
   * @throws RangeError when x has not D on its last axis
   *
   * @example const y = new RmsNorm(nn, 8).forward(x); // [2, 5, 8]
   */
  forward(x: Value): Value {
    return rmsNorm(this.#nn, x, this.weight);
  }
}

/**
 * Rows by number, as `torch.nn.Embedding`.
 *
 * @example const table = new Embedding(nn, random, 10, 8);
 */
export class Embedding extends Module {
  readonly #nn: Nn;
  /** [V, D], normal deviates of 0.02 at first. */
  readonly weight: Parameter;

  /**
   * `rows` (V) of `width` (D); `random` makes the first values.
   * @throws RangeError for a size out of range; TypeError for no generator, and inside of a step
   */
  constructor(nn: Nn, random: Random, rows: number, width: number) {
    super();
    checkRandom("Embedding", random);
    checkSizes("Embedding", { rows, width });
    this.#nn = nn;
    this.weight = whole("Embedding", nn, () => matrix(nn, random, [rows, width]));
  }

  /**
   * The rows `ids`, in the order of `shape`: [...shape, D].
   * @throws RangeError when an id is not a row
   *
   * @example const y = new Embedding(nn, random, 10, 8).forward([3, 1, 4, 1, 5, 9], [2, 3]); // [2, 3, 8]
   */
  forward(ids: ArrayLike<number>, shape: readonly number[]): Value {
    return embedding(this.#nn, ids, shape, this.weight);
  }

  /**
   * x [B, N, D] plus N rows, those from `first` on: learnt positions.
   * @throws RangeError when there are fewer rows
   *
   * @example const y = new Embedding(nn, random, 6, 8).add(x); // [2, 5, 8]
   */
  add(x: Value, first = 0): Value {
    return addPositions(this.#nn, x, this.weight, first);
  }
}

/**
 * Convolution over time, every channel by itself, with as many zeros around it as keep its length.
 *
 * @example const layer = new Depthwise(nn, random, 8, 3);
 */
export class Depthwise extends Module {
  readonly #nn: Nn;
  /** [C, 1, K], normal deviates of 0.02 at first. */
  readonly weight: Parameter;
  /** [C], uniform within 1 / sqrt(inputs) at first, as in PyTorch. */
  readonly bias: Parameter;

  /**
   * `width` channels (C), `taps` (K), an odd number; `random` makes the first values.
   * @throws RangeError for a size out of range; TypeError for no generator, and inside of a step
   */
  constructor(nn: Nn, random: Random, width: number, taps: number) {
    super();
    checkRandom("Depthwise", random);
    checkSizes("Depthwise", { width, taps });
    if (taps % 2 === 0) throw new RangeError(`Depthwise: taps must be odd, got ${taps}`);
    this.#nn = nn;
    [this.weight, this.bias] = whole("Depthwise", nn, () => [
      matrix(nn, random, [width, 1, taps]),
      biases(nn, random, width, taps),
    ]);
  }

  /**
   * The layer applied to x.
   * @param x [B, T, C]
   * @returns [B, T, C]
   * @throws RangeError when x has not C channels, or K is even
   *
   * @example const y = new Depthwise(nn, random, 8, 3).forward(x); // [2, 5, 8]
   */
  forward(x: Value): Value {
    return depthwise(this.#nn, x, this.weight, this.bias);
  }
}

/**
 * What the forward pass of {@link SelfAttention}, and of a block, takes besides.
 *
 * @example const options: ForwardOptions = { rows: [0, 5] };
 */
export interface ForwardOptions {
  /** The tokens before x, which x joins; not in a training step. */
  cache?: AttentionCache | undefined;
  /** What is wanted, if not all: some of all B N rows, as `takeRows` takes them. Behind attention, nothing else is computed. */
  rows?: ArrayLike<number> | undefined;
}

/**
 * Self-attention with its projections: proj(attention(qkv(x))).
 *
 * @example const layer = new SelfAttention(nn, random, 8, 2);
 */
export class SelfAttention extends Module {
  readonly #nn: Nn;
  readonly #heads: number;
  /** From x to queries, keys and values. */
  readonly qkv: Linear;
  /** From the heads, one after the other, to the result. */
  readonly proj: Linear;

  /**
   * `width` channels, a multiple of `heads`; `random` makes the first values.
   * @throws RangeError for a size out of range; TypeError for no generator, and inside of a step
   */
  constructor(nn: Nn, random: Random, width: number, heads: number) {
    super();
    checkRandom("SelfAttention", random);
    checkSizes("SelfAttention", { width, heads });
    if (width % heads !== 0) {
      throw new RangeError(`SelfAttention: width must be a multiple of heads (${heads}), got ${width}`);
    }
    this.#nn = nn;
    this.#heads = heads;
    [this.qkv, this.proj] = whole("SelfAttention", nn, () => [
      new Linear(nn, random, width, 3 * width),
      new Linear(nn, random, width, width),
    ]);
  }

  /**
   * The layer applied to x.
   * @param x [B, N, C]
   * @param options A cache of the tokens before x; the rows that are wanted
   * @returns [B, N, C], or [R, C] of R rows
   * @throws RangeError when x, heads, attention, rows or the room in the cache do not fit; TypeError for a cache in a training step
   *
   * @example const y = new SelfAttention(nn, random, 8, 2).forward(x, { variant: "laser" }); // [2, 5, 8]
   */
  forward(x: Value, attention: SelfAttentionOptions, options: ForwardOptions = {}): Value {
    const [nn, heads] = [this.#nn, this.#heads];
    const where = "selfAttention";
    checkOptions(where, options, ["cache", "rows"]);
    const { cache } = options;
    checkValue(where, "x", nn, x, 3);
    const [B, N] = x.shape as [number, number, number];
    const rows = options.rows === undefined ? undefined : checkIds(where, options.rows, undefined, B * N, 0, "rows");
    if (rows !== undefined && cache === undefined && asksFew(attention, rows, B, N)) {
      const { weight, bias } = this.qkv;
      const C = this.proj.weight.shape[0]!;
      const q = linear(nn, lookUp(nn, x, rows), weight, bias, { part: [0, C] });
      const kv = linear(nn, x, weight, bias, { part: [C, 2 * C] });
      return this.proj.forward(rowAttention(nn, q, kv, heads, attention, rows));
    }
    const qkv = this.qkv.forward(x);
    const all =
      cache !== undefined
        ? cachedAttention(nn, qkv, heads, cache, attention)
        : selfAttention(nn, qkv, heads, attention);
    return this.proj.forward(rows === undefined ? all : lookUp(nn, all, rows));
  }
}
