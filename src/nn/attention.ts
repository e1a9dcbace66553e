/** Attention of one qkv product: q, k, v are read out of it, and their gradients are written into it, without a copy. */
import { attentionBackward, attentionForward } from "../attention.js";
import { show } from "../check.js";
import { integer } from "../check-number.js";
import type { Tensor } from "../tensor.js";
import type { AttentionOptions } from "../types.js";
import { checkValue } from "./check-nn.js";
import type { Nn } from "./nn.js";
import type { Value } from "./value.js";

/**
 * Options of an attention call (variant, causal, window, mask, bias and so on), but for what the layer decides. A bias gets no gradient here.
 *
 * @example const options: SelfAttentionOptions = { variant: "laser", causal: true };
 */
export type SelfAttentionOptions = Omit<AttentionOptions, "layout" | "out">;

/** @throws TypeError for an option that these layers decide, which TypeScript refuses */
export function checkOwn(where: string, options: object | undefined): void {
  for (const name of ["layout", "out"] as const) {
    if ((options as Partial<AttentionOptions> | undefined)?.[name] === undefined) continue;
    throw new TypeError(`${where}: options must not have ${name}: the layer decides it`);
  }
}

/** q, k and v [B, N, H, D] as views of qkv [B, N, 3 C]. */
export function headsOf(qkv: Tensor, heads: number): [q: Tensor, k: Tensor, v: Tensor] {
  const [B, N, width] = qkv.shape as [number, number, number];
  const all = qkv.view([B, N, 3 * heads, width / 3 / heads]);
  return [all.narrow(2, 0, heads), all.narrow(2, heads, heads), all.narrow(2, 2 * heads, heads)];
}

/**
 * Self-attention, standard or LASER: `attentionForward` and `attentionBackward` of `nn.la` on the parts of one product.
 * @param qkv [B, N, 3 C], on its last axis q, k, v one after the other, each of `heads` heads
 * @returns [B, N, C]
 * @throws RangeError when the last axis is not three times a multiple of `heads`
 *
 * @example
 * const qkv = nn.input(new Float32Array(2 * 5 * 24), [2, 5, 24]);
 * const y = selfAttention(nn, qkv, 2, { variant: "laser", causal: true }); // [2, 5, 8]
 */
export function selfAttention(nn: Nn, qkv: Value, heads: number, options: SelfAttentionOptions): Value {
  checkValue("selfAttention", "qkv", nn, qkv, 3);
  const { tape, engine } = nn;
  integer("selfAttention", "heads", heads, 1);
  const [B, N, width] = qkv.shape as [number, number, number];
  if (width % (3 * heads) !== 0) {
    const expected = `three times a multiple of heads (${heads}) on its last axis`;
    throw new RangeError(`selfAttention: qkv must have ${expected}, got ${show(qkv.shape)}`);
  }
  checkOwn("selfAttention", options);
  const C = width / 3;
  const out = tape.empty([B, N, C]);
  const perHead = [B, N, heads, C / heads];
  const call = { ...options, layout: "BNHD", out: out.view(perHead) } as const;
  const saved = attentionForward(engine, ...headsOf(qkv.tensor, heads), call);

  return tape.record(out, [qkv], [saved.lse], (dout) => {
    tape.give(qkv, (to) => {
      const [dq, dk, dv] = headsOf(to, heads);
      attentionBackward(engine, dout.view(perHead), saved, { into: { dq, dk, dv }, needs: { dbias: false } });
    });
  });
}
