/** Attention of one qkv product: q, k, v are read out of it, and their gradients are written into it, without a copy. */
import { attentionBackward, attentionForward } from "../attention.js";
import type { AttentionOptions } from "../types.js";
import { features } from "./check-nn.js";
import type { Nn } from "./nn.js";
import type { Value } from "./value.js";

/**
 * Options of an attention call (variant, causal, window, mask, bias and so on), but for what the layer decides. A bias gets no gradient here.
 *
 * @example const options: SelfAttentionOptions = { variant: "laser", causal: true };
 */
export type SelfAttentionOptions = Omit<AttentionOptions, "layout" | "out">;

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
  const { tape, engine } = nn;
  const [B, N, width] = qkv.shape as [number, number, number];
  const C = width / 3;
  features("selfAttention", "qkv", qkv.shape, 3 * heads * Math.floor(C / heads));
  const headsOf = (tensor: Value["tensor"]) => {
    const all = tensor.view([B, N, 3 * heads, C / heads]);
    return [0, 1, 2].map((n) => all.narrow(2, n * heads, heads)) as [typeof all, typeof all, typeof all];
  };
  const out = tape.empty([B, N, C]);
  const into = out.view([B, N, heads, C / heads]);
  const saved = attentionForward(engine, ...headsOf(qkv.tensor), { ...options, layout: "BNHD", out: into });

  return tape.record(out, [qkv], [saved.lse], (dout) => {
    tape.give(qkv, (to) => {
      const [dq, dk, dv] = headsOf(to);
      attentionBackward(engine, dout.view([B, N, heads, C / heads]), saved, {
        into: { dq, dk, dv },
        needs: { dbias: false },
      });
    });
  });
}
