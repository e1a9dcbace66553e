/** Attention of new tokens to all tokens so far, whose keys and values are kept: decoding costs one query a token. */
import { attention } from "../attention.js";
import { alive, shape as checkShape, show } from "../check.js";
import { integer } from "../check-number.js";
import { complete, type Disposing } from "../disposable.js";
import type { Tensor } from "../tensor.js";
import { checkHeads, copyOptions, facadeOptions, headsOf, type ValueAttentionOptions } from "./attention.js";
import { checkFeatures, checkValue } from "./check-nn.js";
import type { Nn } from "./nn.js";
import { Value } from "./value.js";
import { whole } from "./whole.js";

/**
 * Keys and values of the tokens that one layer has seen. It has memory of its own, outside of any step, until `dispose`, or until the end of
 * a block with `using`.
 *
 * @example const cache = new AttentionCache(nn, 1, 128, 64); // one row of at most 128 tokens, 64 numbers each
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: complete() makes what the interface promises
export class AttentionCache {
  /** [B, context, C], row-major. @internal */
  readonly k: Tensor;
  /** @internal */
  readonly v: Tensor;
  #length = 0;

  /**
   * @param B Rows of a batch
   * @param context The most tokens of a row
   * @param width C: what all heads have together
   * @throws RangeError for a size below 1, or when memory is exhausted; TypeError inside of a step
   */
  constructor(nn: Nn, B: number, context: number, width: number) {
    for (const [name, size] of Object.entries({ B, context, width })) integer("AttentionCache", name, size, 1);
    checkShape("AttentionCache", [B, context, width], "f32");
    complete(AttentionCache, "AttentionCache");
    const make = () => nn.la.zeros([B, context, width]);
    [this.k, this.v] = whole("AttentionCache", nn, () => [make(), make()]);
  }

  /** Tokens in it. */
  get length(): number {
    return this.#length;
  }

  /** The most tokens that it takes. */
  get context(): number {
    return this.k.shape[1]!;
  }

  /**
   * Forgets all tokens, but for the first `kept`.
   * @throws RangeError when there are fewer
   *
   * @example new AttentionCache(nn, 1, 8, 8).clear();
   */
  clear(kept = 0): void {
    integer("AttentionCache.clear", "kept", kept, 0, this.#length);
    this.#length = kept;
  }

  /**
   * Gives its memory back.
   *
   * @example new AttentionCache(nn, 1, 8, 8).dispose();
   */
  dispose(): void {
    this.k.dispose();
    this.v.dispose();
  }

  /** Takes the keys and values out of qkv [B, N, 3 C]. @internal */
  append(qkv: Tensor): void {
    const [B, N, C] = [qkv.shape[0]!, qkv.shape[1]!, this.k.shape[2]!];
    const [from, first] = [qkv.data, this.#length];
    for (const [part, { data }] of [
      [1, this.k],
      [2, this.v],
    ] as const) {
      for (let b = 0; b < B; b++) {
        for (let n = 0; n < N; n++) {
          const at = ((b * N + n) * 3 + part) * C;
          data.set(from.subarray(at, at + C), (b * this.context + first + n) * C);
        }
      }
    }
    this.#length += N;
  }
}

export interface AttentionCache extends Disposing {}

export function checkCache(where: string, cache: unknown): asserts cache is AttentionCache {
  if (!(cache instanceof AttentionCache)) {
    throw new TypeError(`${where}: cache must be an AttentionCache, got ${show(cache, AttentionCache)}`);
  }
  alive(where, "cache", cache.k);
}

/** Runs `body`; when it throws, caches forget the tokens that they were given by then, so that the call can be made again. */
export function keeping<R>(caches: readonly (AttentionCache | undefined)[], body: () => R): R {
  const lengths = caches.map((cache) => cache?.length ?? 0);
  try {
    return body();
  } catch (error) {
    for (const [n, cache] of caches.entries()) {
      if (cache instanceof AttentionCache && cache.length > lengths[n]!) cache.clear(lengths[n]);
    }
    throw error;
  }
}

/**
 * Self-attention of N more tokens to themselves and to those in the cache, which they join. `causal`, `window` and `alibi` count from the
 * last token, whatever `align` says. There is no gradient.
 * @param qkv [B, N, 3 C] as `selfAttention` takes it
 * @param heads A divisor of C
 * @param cache Of B rows
 * @param options The variant and other options of attention
 * @returns [B, N, C]
 * @throws RangeError when the cache has no room for N tokens; TypeError in a training step, or for a cache that is disposed
 *
 * @example
 * const cache = new AttentionCache(nn, 2, 8, 8);
 * const more = nn.input(new Float32Array(2 * 5 * 24), [2, 5, 24]);
 * const y = nn.evaluate(() => cachedAttention(nn, more, 2, cache, { variant: "laser", causal: true }).toArray()); // [2, 5, 8]
 * cache.dispose();
 */
export function cachedAttention(
  nn: Nn,
  qkv: Value,
  heads: number,
  cache: AttentionCache,
  options: ValueAttentionOptions,
): Value {
  const where = "cachedAttention";
  checkHeads(where, nn, heads);
  const given = copyOptions(where, nn, options);
  const { tape, engine } = nn;
  if (tape.recording) throw new TypeError(`${where}: has no gradient, so it must be called outside of a training step`);
  checkCache(where, cache);
  checkValue(where, "qkv", nn, qkv, 3);
  const [B, N] = qkv.shape as [number, number, number];
  const [rows, context, C] = cache.k.shape as [number, number, number];
  checkFeatures(where, "qkv", qkv.shape, 3 * C);
  if (C % heads !== 0) throw new RangeError(`${where}: the width must be a multiple of heads (${heads}), got ${C}`);
  if (B !== rows) throw new RangeError(`${where}: qkv must have the ${rows} rows of the cache, got ${show(qkv.shape)}`);
  const M = cache.length + N;
  if (M > context) {
    const got = `${context - cache.length} of ${context}`;
    throw new RangeError(`${where}: the cache must have room for ${N} more tokens, got room for ${got}`);
  }
  const [checked] = facadeOptions(where, nn, given);
  const align = checked.align === "top-left" ? "bottom-right" : checked.align;
  const out = tape.empty([B, N, C]);
  const into = out.view([B, N, heads, C / heads]);
  const before = cache.length;
  cache.append(qkv.tensor);
  const [q] = headsOf(qkv.tensor, heads);
  const all = (tensor: Tensor) => tensor.view([B, context, heads, C / heads]).narrow(1, 0, M);
  try {
    attention(engine, q, all(cache.k), all(cache.v), { ...checked, align, layout: "BNHD", out: into }, where);
  } catch (error) {
    cache.clear(before);
    out.dispose();
    throw error;
  }
  return new Value(out, false);
}
