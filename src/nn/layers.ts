/** Modules of one operation each. All take the instance, sizes, and a generator for their first values. */
import { options as checkOptions, shape as checkShape, flag } from "../check.js";
import { integer, real } from "../check-number.js";
import { checkRandom, type Random } from "../data/random.js";
import { count } from "../shape.js";
import type { Activation } from "./activation.js";
import { depthwise } from "./depthwise.js";
import { addPositions, embedding } from "./embedding.js";
import { linear, packWeight } from "./linear.js";
import { Module } from "./module.js";
import type { Nn } from "./nn.js";
import { layerNorm, rmsNorm } from "./norm.js";
import type { Parameter, Value } from "./value.js";
import { whole } from "./whole.js";

/** Standard deviation of the first values of matrices, as in GPT-2. */
const DEVIATION = 0.02;

/** Sizes of 1 or more, that memory may have room for. */
export function checkSizes(where: string, sizes: Readonly<Record<string, unknown>>): void {
  for (const [name, size] of Object.entries(sizes)) integer(where, name, size, 1);
  checkShape(where, Object.values(sizes), "f32");
}

/** Whether `unfilled` is at work. */
let blank = false;

/** What `make` makes has no first values: others take their place, and drawing them takes longer than reading those. */
export function unfilled<R>(make: () => R): R {
  // Where a timeout of node:vm or Ctrl-C in a REPL cuts this off, no `finally` runs: over at the latest when the program has yielded.
  void Promise.resolve().then(() => {
    blank = false;
  });
  blank = true;
  try {
    return make();
  } finally {
    blank = false;
  }
}

/** A matrix of normal deviates of 0.02. */
export function matrix(nn: Nn, random: Random, shape: readonly number[]): Parameter {
  const size = count(shape);
  return nn.parameter(blank ? new Float32Array(size) : random.normals(size, DEVIATION), shape);
}

/** Biases as PyTorch begins with them: uniform within 1 / sqrt(inputs). */
const biases = (nn: Nn, random: Random, size: number, inputs: number): Parameter => {
  const bound = 1 / Math.sqrt(inputs);
  return nn.parameter(random.uniforms(size, -bound, bound), [size]);
};

const filled = (nn: Nn, size: number, value: number): Parameter =>
  nn.parameter(new Float32Array(size).fill(value), [size]);

/**
 * Options of a {@link Linear} layer. Those of a `Linear<false>` have `bias: false` for certain; a condition makes a `new Linear<boolean>(...)`.
 *
 * @example const bare = new Linear(nn, random, 8, 3, { bias: false });
 */
export type LinearLayerOptions<Bias extends boolean = boolean> = {
  /** Whether it has a bias. Default true. */
  bias?: Bias | undefined;
} & (Bias extends true
  ? unknown
  : {
      /** false: none. */
      bias: Bias;
    });

/**
 * Options of {@link LayerNorm} and {@link RmsNorm}.
 *
 * @example const norm = new LayerNorm(nn, 8, { eps: 1e-12 });
 */
export interface NormLayerOptions {
  /** Added to the variance, or to the mean square. Default 1e-5, of an RMS norm 1e-6. */
  eps?: number | undefined;
}

/** @throws for anything else than an eps of 0 or more */
function epsOf(where: string, options: NormLayerOptions, usual: number): number {
  checkOptions(where, options, ["eps"]);
  const { eps = usual } = options;
  real(where, "eps", eps, 0);
  return eps;
}

/**
 * x W^T + b, and an activation where one is named, as `torch.nn.Linear`.
 *
 * @example const layer = new Linear(nn, random, 8, 3);
 */
export class Linear<Bias extends boolean = true> extends Module {
  readonly #nn: Nn;
  /** [N, K], normal deviates of 0.02 at first. */
  readonly weight: Parameter;
  /** [N], uniform within 1 / sqrt(inputs) at first, as in PyTorch; undefined for a layer without. */
  readonly bias: Bias extends true ? Parameter : undefined;

  /**
   * `inputs` (K) to `outputs` (N) features; `random` makes the first values.
   * @throws RangeError for a size out of range; TypeError for no generator, for options that do not fit, and inside of a step
   */
  constructor(nn: Nn, random: Random, inputs: number, outputs: number, options?: LinearLayerOptions<Bias>) {
    super();
    checkRandom("Linear", random);
    checkSizes("Linear", { inputs, outputs });
    checkOptions("Linear", options, ["bias"]);
    const { bias = true } = options ?? ({} as LinearLayerOptions);
    flag("Linear", "bias", bias);
    this.#nn = nn;
    [this.weight, this.bias] = whole("Linear", nn, () => [
      matrix(nn, random, [outputs, inputs]),
      (bias ? biases(nn, random, outputs, inputs) : undefined) as this["bias"],
    ]);
  }

  /**
   * The layer applied to x.
   * @param x [..., K]
   * @param activation Behind the product, none unless named
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
  readonly #eps: number;
  /** [D], ones at first. */
  readonly weight: Parameter;
  /** [D], zeros at first. */
  readonly bias: Parameter;

  /**
   * For the last axis of `width`.
   * @throws RangeError for a size or an eps out of range; TypeError for other options, and inside of a step
   */
  constructor(nn: Nn, width: number, options: NormLayerOptions = {}) {
    super();
    checkSizes("LayerNorm", { width });
    this.#nn = nn;
    this.#eps = epsOf("LayerNorm", options, 1e-5);
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
    return layerNorm(this.#nn, x, this.weight, this.bias, this.#eps);
  }
}

/**
 * RMS norm over the last axis.
 *
 * @example const layer = new RmsNorm(nn, 8);
 */
export class RmsNorm extends Module {
  readonly #nn: Nn;
  readonly #eps: number;
  /** [D], ones at first. */
  readonly weight: Parameter;

  /**
   * For the last axis of `width`.
   * @throws RangeError for a size or an eps out of range; TypeError for other options, and inside of a step
   */
  constructor(nn: Nn, width: number, options: NormLayerOptions = {}) {
    super();
    checkSizes("RmsNorm", { width });
    this.#nn = nn;
    this.#eps = epsOf("RmsNorm", options, 1e-6);
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
    return rmsNorm(this.#nn, x, this.weight, this.#eps);
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
  /** [C], uniform within 1 / sqrt(K) at first, as in PyTorch. */
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
