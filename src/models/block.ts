import { callback, options as checkOptions } from "../check.js";
import type { Random } from "../data/random.js";
import type { Activation } from "../nn/activation.js";
import { add } from "../nn/add.js";
import { copyOptions, type ValueAttentionOptions } from "../nn/attention.js";
import { type AttentionCache, keeping } from "../nn/cached-attention.js";
import { checkIds } from "../nn/check-nn.js";
import { lookUp } from "../nn/embedding.js";
import { LayerNorm, Linear } from "../nn/layers.js";
import { Module } from "../nn/module.js";
import type { Nn } from "../nn/nn.js";
import { type ForwardOptions, SelfAttention } from "../nn/self-attention.js";
import type { Value } from "../nn/value.js";
import { count } from "../shape.js";
import type { BlockConfig } from "./config.js";
import { type Drop, dropNone } from "./dropout.js";

/**
 * What the forward pass of a {@link Block} takes besides.
 *
 * @example const halved: BlockOptions = { drop: (part) => scale(nn, part, 0.5) };
 */
export interface BlockOptions extends ForwardOptions {
  /** What becomes of the results of attention and of the feed-forward layers before they are added to x: dropout, for example. */
  drop?: ((part: Value) => Value) | undefined;
}

/**
 * A transformer block, norms first: x += proj(attention(qkv(ln1(x)))); x += out(act(fc(ln2(x)))), hidden width 4 D, act that of the
 * config. The block of gpt, bert and vit, whose `blocks` are of this class.
 *
 * @example const blocks: readonly Block[] = model.blocks;
 */
export class Block extends Module {
  readonly #nn: Nn;
  readonly #activation: Activation;
  /** The norm before attention. */
  readonly ln1: LayerNorm;
  /** Attention with its projections. */
  readonly attn: SelfAttention;
  /** The norm before the feed-forward layers. */
  readonly ln2: LayerNorm;
  /** From width to four times the width. */
  readonly fc: Linear;
  /** And back to the width. */
  readonly out: Linear;

  /** @internal */
  constructor(nn: Nn, random: Random, { width, heads, activation = "gelu", eps }: BlockConfig) {
    super();
    this.#nn = nn;
    this.#activation = activation;
    this.ln1 = new LayerNorm(nn, width, { eps });
    this.attn = new SelfAttention(nn, random, width, heads);
    this.ln2 = new LayerNorm(nn, width, { eps });
    this.fc = new Linear(nn, random, width, 4 * width);
    this.out = new Linear(nn, random, 4 * width, width);
  }

  /**
   * The block applied to x.
   * @param x [B, N, D]
   * @param attention The variant and other options of attention
   * @param options A cache of the tokens before x; the rows that are wanted; dropout
   * @returns [B, N, D], or [R, D] of R rows
   * @throws RangeError or TypeError as `attn.forward` does
   *
   * @example
   * const x = nn.input(new Float32Array(2 * 5 * 16), [2, 5, 16]);
   * const y = model.blocks[0]?.forward(x, { variant: "laser", causal: true });
   */
  forward(x: Value, attention: ValueAttentionOptions, options: BlockOptions = {}): Value {
    checkOptions("block", options, ["cache", "rows", "drop"]);
    const { cache, drop = dropNone } = options;
    callback("block", drop, "drop");
    // A copy, since both attention, which checks their range, and this read them.
    const rows =
      options.rows === undefined
        ? undefined
        : checkIds("block", options.rows, undefined, Number.POSITIVE_INFINITY, 0, "rows");
    const given = copyOptions("block", this.#nn, attention, "attention"); // before the norm, which allocates
    return keeping([cache], () => {
      const seen = this.attn.forward(this.ln1.forward(x), given, { cache, rows });
      const y = add(this.#nn, rows === undefined ? x : lookUp(this.#nn, x, rows), drop(seen));
      return add(this.#nn, y, drop(this.out.forward(this.fc.forward(this.ln2.forward(y), this.#activation))));
    });
  }
}

/** What goes through all blocks: a cache for each, and dropout. */
export interface Passed {
  readonly caches?: readonly AttentionCache[];
  readonly drop?: Drop;
}

/** Numbers of x from which on `inTurn` gives memory back: a token of a language model would take 1.1 times the time. */
const LARGE = 2 ** 14;

/**
 * What each of `blocks` makes of x in turn; `forward` runs one. Where nothing is kept for gradients, in `nn.evaluate` and below the first block that
 * is trained, a large x goes, and all that was made on the way: a model of any depth then takes the memory of one block. `nn.evaluate` cannot
 * know what its body will still read. With a block that has another forward than `usual` nothing goes: it may keep what it sees.
 */
export function inTurn<B extends { forward: unknown }>(
  nn: Nn,
  blocks: readonly B[],
  usual: B["forward"],
  x: Value,
  forward: (block: B, x: Value, n: number) => Value,
): Value {
  const own = blocks.some((block) => block.forward !== usual);
  const { space } = nn.engine;
  let y = x;
  for (const [n, block] of blocks.entries()) {
    const from = y;
    if (own || from.tracked || count(from.shape) < LARGE) {
      y = forward(block, from, n);
      continue;
    }
    const { recorded } = space;
    y = nn.la.scope(() => forward(block, from, n));
    // What the first block reads may have been made before this step or evaluation: it is not ours to give back.
    const ours = n > 0 || from.tensor.storage.source !== undefined;
    if (ours && y !== from && space.recorded === recorded) from.tensor.dispose();
  }
  return y;
}

/** x [B, N, D] through the blocks. The last one is for `rows` alone, if they are given: of the others attention reads keys and values. */
export function throughBlocks(
  nn: Nn,
  blocks: readonly Block[],
  x: Value,
  attention: ValueAttentionOptions,
  rows?: ArrayLike<number>,
  { caches, drop }: Passed = {},
): Value {
  const last = blocks.length - 1;
  return inTurn(nn, blocks, Block.prototype.forward, x, (block, y, n) =>
    block.forward(y, attention, { cache: caches?.[n], rows: n === last ? rows : undefined, drop }),
  );
}
