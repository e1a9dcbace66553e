/** Attention of values: of one qkv product, read out of it without a copy, or of q, k and v apart. */
import { attentionBackward, attentionForward } from "../attention.js";
import { show } from "../check.js";
import { readOptions } from "../check-attention.js";
import { integer } from "../check-number.js";
import type { Engine } from "../engine.js";
import type { Tensor } from "../tensor.js";
import type { AttentionOptions, SavedAttention } from "../types.js";
import { checkInstance, checkUndisposed, checkValue, own } from "./check-nn.js";
import type { Nn } from "./nn.js";
import { Value } from "./value.js";

/**
 * Options of an attention call (variant, causal, window, mask and so on), but for what the operation decides. A bias that is a value gets a
 * gradient, one that is a tensor is a constant.
 *
 * @example const options: ValueAttentionOptions = { variant: "laser", bias: nn.parameter(new Float32Array(2 * 25), [1, 2, 5, 5]) };
 */
export interface ValueAttentionOptions extends Omit<AttentionOptions, "layout" | "out" | "bias"> {
  /** f32 [B or 1, H or 1, N or 1, M], added to the scores after softcap. -inf hides a key. */
  bias?: Tensor | Value | undefined;
}

/** Before the options, which are in the place of heads where these were forgotten. */
export function checkHeads(where: string, nn: Nn, heads: unknown): void {
  checkInstance(where, nn);
  integer(where, "heads", heads, 1);
}

/** A copy of options, to be made before what a getter may dispose is looked at, and before anything is allocated, which may detach slopes. */
export const copyOptions = (
  where: string,
  nn: Nn,
  options: ValueAttentionOptions,
  name = "options",
): ValueAttentionOptions => {
  checkInstance(where, nn);
  const given = readOptions(where, name, options) as unknown as ValueAttentionOptions;
  given.alibi = own(nn, given.alibi);
  return given;
};

/**
 * The options as the facade takes them, and the bias where it is a value.
 * @throws TypeError for an option that these layers decide, which TypeScript refuses
 */
export function facadeOptions(
  where: string,
  nn: Nn,
  options: ValueAttentionOptions,
): [options: AttentionOptions, learnt: Value | undefined] {
  for (const name of ["layout", "out"] as const) {
    if ((options as Partial<AttentionOptions>)[name] === undefined) continue;
    throw new TypeError(`${where}: options must not have ${name}: the layer decides it`);
  }
  const { bias } = options;
  if (!Value.is(bias)) return [{ ...options, bias }, undefined];
  checkValue(where, "bias", nn, bias, 4);
  return [{ ...options, bias: bias.tensor }, bias];
}

/** `attentionForward` in the name of `where`; where it refuses its options, what was made for it goes at once, and not when it is collected. */
export function attend(
  where: string,
  engine: Engine,
  made: readonly Tensor[],
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: AttentionOptions,
): SavedAttention {
  try {
    return attentionForward(engine, q, k, v, options, where);
  } catch (error) {
    for (const tensor of made) tensor.dispose();
    throw error;
  }
}

/** Room for the gradient of a bias, where it gets one. */
export const biasGradient = ({ tape }: Nn, learnt: Value | undefined): Tensor | undefined =>
  learnt?.tracked ? tape.empty(learnt.shape) : undefined;

/** q, k and v [B, N, H, D] as views of qkv [B, N, 3 C]. */
export function headsOf(qkv: Tensor, heads: number): [q: Tensor, k: Tensor, v: Tensor] {
  const [B, N, width] = qkv.shape as [number, number, number];
  const all = qkv.view([B, N, 3 * heads, width / 3 / heads]);
  return [all.narrow(2, 0, heads), all.narrow(2, heads, heads), all.narrow(2, 2 * heads, heads)];
}

/**
 * Self-attention, standard or LASER: `attentionForward` and `attentionBackward` of `nn.la` on the parts of one product.
 * @param qkv [B, N, 3 C], on its last axis q, k, v one after the other, each of `heads` heads
 * @param heads A divisor of C
 * @param options The variant and other options of attention
 * @returns [B, N, C]
 * @throws RangeError when the last axis is not three times a multiple of `heads`
 *
 * @example
 * const qkv = nn.input(new Float32Array(2 * 5 * 24), [2, 5, 24]);
 * const y = selfAttention(nn, qkv, 2, { variant: "laser", causal: true }); // [2, 5, 8]
 */
export function selfAttention(nn: Nn, qkv: Value, heads: number, options: ValueAttentionOptions): Value {
  checkHeads("selfAttention", nn, heads);
  const given = copyOptions("selfAttention", nn, options);
  checkValue("selfAttention", "qkv", nn, qkv, 3);
  const { tape, engine } = nn;
  const [B, N, width] = qkv.shape as [number, number, number];
  if (width % (3 * heads) !== 0) {
    const expected = `three times a multiple of heads (${heads}) on its last axis`;
    throw new RangeError(`selfAttention: qkv must have ${expected}, got ${show(qkv.shape)}`);
  }
  const [checked, learnt] = facadeOptions("selfAttention", nn, given);
  const C = width / 3;
  const out = tape.empty([B, N, C]);
  const perHead = [B, N, heads, C / heads];
  const call = { ...checked, layout: "BNHD", out: out.view(perHead) } as const;
  const saved = attend("selfAttention", engine, [out], ...headsOf(qkv.tensor, heads), call);

  return tape.record(out, [qkv, learnt], [saved.lse], (dout) => {
    const dbias = biasGradient(nn, learnt);
    const write = (to?: Tensor): void => {
      const [dq, dk, dv] = to === undefined ? [] : headsOf(to, heads);
      const needs = { dq: !!dq, dk: !!dk, dv: !!dv, dbias: !!dbias };
      attentionBackward(engine, dout.view(perHead), saved, { into: { dq, dk, dv, dbias }, needs });
    };
    if (qkv.tracked) tape.give(qkv, write);
    else write();
    if (dbias !== undefined) tape.hand(learnt!, dbias);
  });
}

/**
 * Attention of q to k and v: cross-attention, fewer key heads than query heads, values of another width, a learnt bias. The heads lie one
 * after the other on the last axis.
 * @param q [B, N, H D] of `heads` heads H
 * @param k [B, M, Hkv D], H a multiple of Hkv
 * @param v [B, M, Hkv E]
 * @param heads H
 * @param options The variant and other options of attention
 * @returns [B, N, H E]
 * @throws RangeError when widths, heads or batches do not fit; TypeError for `layout` and `out`
 *
 * @example
 * const kv = nn.input(new Float32Array(2 * 3 * 4), [2, 3, 4]); // one head of width 4 for both of q
 * const y = attention(nn, x, kv, kv, 2, { variant: "laser" }); // x is [2, 5, 8], y too
 */
export function attention(nn: Nn, q: Value, k: Value, v: Value, heads: number, options: ValueAttentionOptions): Value {
  const where = "attention";
  checkHeads(where, nn, heads);
  const given = copyOptions(where, nn, options);
  for (const [name, value] of Object.entries({ q, k, v })) checkValue(where, name, nn, value, 3);
  const { tape, engine } = nn;
  const [checked, learnt] = facadeOptions(where, nn, given);
  /** Width of a head, of so many. */
  const share = (name: string, { shape }: Value, parts: number, what: string): number => {
    const size = shape[2]! / parts;
    if (Number.isInteger(size) && size > 0) return size;
    throw new RangeError(`${where}: ${name} must have a multiple of ${what} on its last axis, got ${show(shape)}`);
  };
  const D = share("q", q, heads, `heads (${heads})`);
  const keyHeads = share("k", k, D, `the width of a head (${D})`);
  const E = share("v", v, keyHeads, `the heads of k (${keyHeads})`);
  const inHeads = (tensor: Tensor, size: number): Tensor => {
    const [b, n, width] = tensor.shape as [number, number, number];
    return tensor.view([b, n, width / size, size]);
  };
  const [B, N] = q.shape as [number, number, number];
  const inputs = [q, k, v, learnt];
  const out = tape.empty([B, N, heads * E]);
  const call = { ...checked, layout: "BNHD", out: inHeads(out, E) } as const;
  const saved = attend(where, engine, [out], inHeads(q.tensor, D), inHeads(k.tensor, D), inHeads(v.tensor, E), call);

  return tape.record(out, inputs, [saved.lse], (dout) => {
    checkUndisposed(where, { q: q.tensor, k: k.tensor, v: v.tensor, bias: checked.bias });
    const made = inputs.map((value) => (value?.tracked ? tape.empty(value.shape) : undefined));
    const [dq, dk, dv, dbias] = made;
    const into = { dq: dq && inHeads(dq, D), dk: dk && inHeads(dk, D), dv: dv && inHeads(dv, E), dbias };
    const needs = { dq: !!dq, dk: !!dk, dv: !!dv, dbias: !!dbias };
    attentionBackward(engine, inHeads(dout, E), saved, { into, needs });
    for (const [n, value] of inputs.entries()) if (made[n] !== undefined) tape.hand(value!, made[n]);
  });
}
