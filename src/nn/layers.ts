/** Modules of one operation each. All take the instance, sizes, and a generator for their first values. */

import { type SelfAttentionOptions, selfAttention } from "./attention.js";
import { type AttentionCache, cachedAttention } from "./cached-attention.js";
import { depthwise } from "./depthwise.js";
import { addPositions, embedding } from "./embedding.js";
import { type Activation, linear } from "./linear.js";
import { Module } from "./module.js";
import type { Nn } from "./nn.js";
import { layerNorm, rmsNorm } from "./norm.js";
import type { Random } from "./random.js";
import type { Parameter, Value } from "./value.js";

/** Standard deviation of the first values of matrices (method.md, recipe; GPT-2). */
const DEVIATION = 0.02;

/** A matrix of normal deviates of 0.02. */
export const matrix = (nn: Nn, random: Random, shape: readonly number[]): Parameter =>
  nn.parameter(
    random.normals(
      shape.reduce((product, size) => product * size, 1),
      DEVIATION,
    ),
    shape,
  );

/** Biases as PyTorch begins with them: uniform within 1 / sqrt(inputs). */
const biases = (nn: Nn, random: Random, size: number, inputs: number): Parameter => {
  const bound = 1 / Math.sqrt(inputs);
  return nn.parameter(random.uniforms(size, -bound, bound), [size]);
};

const filled = (nn: Nn, size: number, value: number): Parameter =>
  nn.parameter(new Float32Array(size).fill(value), [size]);

/** x W^T + b, and an activation where one is named. Parameters weight [N, K], bias [N]. */
export class Linear extends Module {
  readonly #nn: Nn;
  readonly weight: Parameter;
  readonly bias: Parameter;

  constructor(nn: Nn, random: Random, inputs: number, outputs: number) {
    super();
    this.#nn = nn;
    this.weight = matrix(nn, random, [outputs, inputs]);
    this.bias = biases(nn, random, outputs, inputs);
  }

  /** @param x [..., K] @returns [..., N] */
  forward(x: Value, activation?: Activation): Value {
    return linear(this.#nn, x, this.weight, this.bias, activation);
  }
}

/** Layer norm over the last axis. Parameters weight [D], bias [D]. */
export class LayerNorm extends Module {
  readonly #nn: Nn;
  readonly weight: Parameter;
  readonly bias: Parameter;

  constructor(nn: Nn, width: number) {
    super();
    this.#nn = nn;
    this.weight = filled(nn, width, 1);
    this.bias = filled(nn, width, 0);
  }

  /** @param x [..., D] @returns [..., D] */
  forward(x: Value): Value {
    return layerNorm(this.#nn, x, this.weight, this.bias);
  }
}

/** RMS norm over the last axis. Parameter weight [D]. */
export class RmsNorm extends Module {
  readonly #nn: Nn;
  readonly weight: Parameter;

  constructor(nn: Nn, width: number) {
    super();
    this.#nn = nn;
    this.weight = filled(nn, width, 1);
  }

  /** @param x [..., D] @returns [..., D] */
  forward(x: Value): Value {
    return rmsNorm(this.#nn, x, this.weight);
  }
}

/** Rows by number. Parameter weight [V, D]. */
export class Embedding extends Module {
  readonly #nn: Nn;
  readonly weight: Parameter;

  constructor(nn: Nn, random: Random, rows: number, width: number) {
    super();
    this.#nn = nn;
    this.weight = matrix(nn, random, [rows, width]);
  }

  /** The rows `ids`, in the order of `shape`: [...shape, D]. */
  forward(ids: ArrayLike<number>, shape: readonly number[]): Value {
    return embedding(this.#nn, ids, shape, this.weight);
  }

  /** x [B, N, D] plus N rows, those from `first` on. */
  add(x: Value, first = 0): Value {
    return addPositions(this.#nn, x, this.weight, first);
  }
}

/** Convolution over time, every channel by itself. Parameters weight [C, 1, K], bias [C]. */
export class Depthwise extends Module {
  readonly #nn: Nn;
  readonly weight: Parameter;
  readonly bias: Parameter;

  constructor(nn: Nn, random: Random, width: number, taps: number) {
    super();
    this.#nn = nn;
    this.weight = matrix(nn, random, [width, 1, taps]);
    this.bias = biases(nn, random, width, taps);
  }

  /** @param x [B, T, C] @returns [B, T, C] */
  forward(x: Value): Value {
    return depthwise(this.#nn, x, this.weight, this.bias);
  }
}

/** Self-attention with its projections: proj(attention(qkv(x))). */
export class SelfAttention extends Module {
  readonly #nn: Nn;
  readonly #heads: number;
  readonly qkv: Linear;
  readonly proj: Linear;

  constructor(nn: Nn, random: Random, width: number, heads: number) {
    super();
    this.#nn = nn;
    this.#heads = heads;
    this.qkv = new Linear(nn, random, width, 3 * width);
    this.proj = new Linear(nn, random, width, width);
  }

  /**
   * @param x [B, N, C]
   * @param cache The tokens before x, which x joins; not in a training step
   * @returns [B, N, C]
   */
  forward(x: Value, options: SelfAttentionOptions, cache?: AttentionCache): Value {
    const [nn, heads, qkv] = [this.#nn, this.#heads, this.qkv.forward(x)];
    if (cache === undefined) return this.proj.forward(selfAttention(nn, qkv, heads, options));
    return this.proj.forward(cachedAttention(nn, qkv, heads, cache, options));
  }
}
