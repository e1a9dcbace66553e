import { add } from "../nn/add.js";
import type { SelfAttentionOptions } from "../nn/attention.js";
import type { AttentionCache } from "../nn/cached-attention.js";
import { LayerNorm, Linear, SelfAttention } from "../nn/layers.js";
import { Module } from "../nn/module.js";
import type { Nn } from "../nn/nn.js";
import type { Random } from "../nn/random.js";
import type { Value } from "../nn/value.js";
import type { ModelConfig } from "./config.js";

/**
 * A transformer block, norms first: x += proj(attention(qkv(ln1(x)))); x += out(gelu(fc(ln2(x)))), hidden width 4 D. The block
 * of gpt, bert and vit.
 */
export class Block extends Module {
  readonly #nn: Nn;
  readonly ln1: LayerNorm;
  readonly attn: SelfAttention;
  readonly ln2: LayerNorm;
  readonly fc: Linear;
  readonly out: Linear;

  constructor(nn: Nn, random: Random, { width, heads }: ModelConfig) {
    super();
    this.#nn = nn;
    this.ln1 = new LayerNorm(nn, width);
    this.attn = new SelfAttention(nn, random, width, heads);
    this.ln2 = new LayerNorm(nn, width);
    this.fc = new Linear(nn, random, width, 4 * width);
    this.out = new Linear(nn, random, 4 * width, width);
  }

  /** @param x [B, N, D] @param cache The tokens before x @returns [B, N, D] */
  forward(x: Value, attention: SelfAttentionOptions, cache?: AttentionCache): Value {
    const y = add(this.#nn, x, this.attn.forward(this.ln1.forward(x), attention, cache));
    return add(this.#nn, y, this.out.forward(this.fc.forward(this.ln2.forward(y), "gelu")));
  }
}
