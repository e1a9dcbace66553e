/** The module of attention with its projections. */
import { alive, options as checkOptions } from "../check.js";
import { checkRandom, type Random } from "../data/random.js";
import { copyOptions, selfAttention, type ValueAttentionOptions } from "./attention.js";
import { type AttentionCache, cachedAttention, keeping } from "./cached-attention.js";
import { checkIds, checkValue } from "./check-nn.js";
import { lookUp } from "./embedding.js";
import { checkSizes, Linear } from "./layers.js";
import { linear } from "./linear.js";
import { Module } from "./module.js";
import type { Nn } from "./nn.js";
import { asksFew, rowAttention } from "./row-attention.js";
import type { Value } from "./value.js";
import { whole } from "./whole.js";

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
   * @param attention The variant and other options of attention
   * @param options A cache of the tokens before x; the rows that are wanted
   * @returns [B, N, C], or [R, C] of R rows
   * @throws RangeError when x, heads, attention, rows or the room in the cache do not fit; TypeError for a cache in a training step
   *
   * @example const y = new SelfAttention(nn, random, 8, 2).forward(x, { variant: "laser" }); // [2, 5, 8]
   */
  forward(x: Value, attention: ValueAttentionOptions, options: ForwardOptions = {}): Value {
    const [nn, heads] = [this.#nn, this.#heads];
    const where = "selfAttention";
    checkOptions(where, options, ["cache", "rows"]);
    const { cache, rows: wanted } = options;
    const given = copyOptions(where, nn, attention, "attention"); // once: whether few are asked goes by what runs
    checkValue(where, "x", nn, x, 3);
    const [B, N] = x.shape as [number, number, number];
    const rows = wanted === undefined ? undefined : checkIds(where, wanted, undefined, B * N, 0, "rows");
    alive(where, "x", x.tensor); // still, when all getters have run
    // Another layer in the place of qkv knows its products alone; what has not three parts, selfAttention tells.
    const own = this.qkv.forward === Linear.prototype.forward && this.qkv.weight.shape[0]! % (3 * heads) === 0;
    if (rows !== undefined && cache === undefined && own && asksFew(given, rows, B, N)) {
      const { weight, bias } = this.qkv;
      const C = weight.shape[0]! / 3;
      const q = linear(nn, lookUp(nn, x, rows), weight, bias, { part: [0, C] });
      const kv = linear(nn, x, weight, bias, { part: [C, 2 * C] });
      return this.proj.forward(rowAttention(nn, q, kv, heads, given, rows));
    }
    const qkv = this.qkv.forward(x);
    return keeping([cache], () => {
      const all =
        cache !== undefined ? cachedAttention(nn, qkv, heads, cache, given) : selfAttention(nn, qkv, heads, given);
      return this.proj.forward(rows === undefined ? all : lookUp(nn, all, rows));
    });
  }
}
