/** Self-attention of some queries to all keys: of a block behind which only some rows are read. */
import { attentionBackward, attentionForward } from "../attention.js";
import type { Tensor } from "../tensor.js";
import { headsOf, type SelfAttentionOptions, selfAttention } from "./attention.js";
import { ids, value } from "./check-nn.js";
import type { Nn } from "./nn.js";
import { takeRows } from "./rows.js";
import type { Value } from "./value.js";

/** Options in which a query has a number of its own: with them all queries are computed. */
const NUMBERED = ["causal", "window", "mask", "bias", "alibi"] as const;

/**
 * Rows of `selfAttention`, to rounding, at the cost of as many queries as the batch entry with the most rows has, in all entries.
 * @param qkv [B, N, 3 C] as `selfAttention` takes it
 * @param rows R integers, as `takeRows` takes them
 * @returns [R, C]
 */
export function rowAttention(
  nn: Nn,
  qkv: Value,
  heads: number,
  options: SelfAttentionOptions,
  rows: ArrayLike<number>,
): Value {
  if (NUMBERED.some((name) => options[name])) return takeRows(nn, selfAttention(nn, qkv, heads, options), rows);
  const where = "selfAttention"; // of which it is a part, to those who read of an error
  const { tape, engine } = nn;
  value(where, "qkv", nn, qkv, 3);
  const [B, N, width] = qkv.shape as [number, number, number];
  ids(where, rows, rows.length, B * N, 0, "rows");
  const C = width / 3;
  const counts = new Array<number>(B).fill(0);
  const entries = Array.from(rows, (row) => Math.floor(row / N));
  const slots = entries.map((b) => counts[b]!++);
  const most = Math.max(...counts);
  /** Where row r is among the queries, [B, most, C]; those that fill up an entry are 0, and so are their gradients. */
  const place = (r: number): number => (entries[r]! * most + slots[r]!) * C;
  const padded = (from: (r: number) => Float32Array): Tensor => {
    const to = tape.empty([B, most, C]);
    to.data.fill(0);
    for (let r = 0; r < rows.length; r++) to.data.set(from(r), place(r));
    return to;
  };
  const perHead = [B, most, heads, C / heads];
  const queries = padded((r) => qkv.tensor.data.subarray(rows[r]! * width, rows[r]! * width + C));
  const outs = tape.empty([B, most, C]);
  const [, k, v] = headsOf(qkv.tensor, heads);
  const call = { ...options, layout: "BNHD", out: outs.view(perHead) } as const;
  const saved = attentionForward(engine, queries.view(perHead), k, v, call);
  const out = tape.empty([rows.length, C]);
  for (let r = 0; r < rows.length; r++) out.data.set(outs.data.subarray(place(r), place(r) + C), r * C);

  return tape.record(out, [qkv], [queries, outs, saved.lse], (dout) => {
    const douts = padded((r) => dout.data.subarray(r * C, (r + 1) * C));
    const dqueries = tape.empty([B, most, C]);
    tape.give(qkv, (to) => {
      const [, dk, dv] = headsOf(to, heads);
      const into = { dq: dqueries.view(perHead), dk, dv };
      attentionBackward(engine, douts.view(perHead), saved, { into, needs: { dbias: false } });
      const [sum, from] = [to.data, dqueries.data];
      for (let at = 0; at < sum.length; at += width) sum.fill(0, at, at + C);
      for (let r = 0; r < rows.length; r++) {
        for (let c = 0; c < C; c++) sum[rows[r]! * width + c]! += from[place(r) + c]!;
      }
    });
    dqueries.dispose();
    douts.dispose();
  });
}
