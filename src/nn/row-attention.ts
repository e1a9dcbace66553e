/** Self-attention of some queries to all keys: of a block behind which only some rows are read. */
import { attentionBackward } from "../attention.js";
import { NUMBERED } from "../check-attention.js";
import type { Tensor } from "../tensor.js";
import { attend, biasGradient, facadeOptions, type ValueAttentionOptions } from "./attention.js";
import type { Nn } from "./nn.js";
import type { Value } from "./value.js";

/**
 * Whether attention of `rows` alone gives what these rows get among all B N, for less: no option numbers queries, and no batch entry
 * has N of them, since every entry is asked as often as the one with the most.
 */
export function asksFew(options: ValueAttentionOptions, rows: ArrayLike<number>, B: number, N: number): boolean {
  const numbered = Object.entries(options).some(([name, option]) => {
    const when = NUMBERED[name as keyof typeof NUMBERED];
    return option && (when === "rows" ? option.shape?.[2] !== 1 : when);
  });
  return !numbered && spread(rows, B, N).most < N;
}

/** How many rows of its batch entry came before each row, and the most rows of an entry. */
function spread(rows: ArrayLike<number>, B: number, N: number) {
  const asked = new Array<number>(B).fill(0);
  const before = Array.from(rows, (row) => asked[Math.floor(row / N)]!++);
  return { before, most: asked.reduce((most, count) => Math.max(most, count), 0) };
}

/**
 * Attention of some rows, in the order of `rows`.
 * @param q [R, C], of `heads` heads: the queries of the rows
 * @param kv [B, N, 2 C]: keys and values of all B N rows, one after the other on the last axis
 * @param rows R integers, of 0 to B N - 1
 * @returns [R, C]
 */
export function rowAttention(
  nn: Nn,
  q: Value,
  kv: Value,
  heads: number,
  options: ValueAttentionOptions,
  rows: ArrayLike<number>,
): Value {
  const [checked, learnt] = facadeOptions("selfAttention", nn, options);
  const { tape, engine } = nn;
  const [B, N] = kv.shape as [number, number, number];
  const [R, C] = q.shape as [number, number];
  const { before, most } = spread(rows, B, N);
  /** Where each row is in [B, most, C]. Queries that fill up an entry are 0, and so are the gradients of their results. */
  const places = before.map((n, r) => (Math.floor(rows[r]! / N) * most + n) * C);
  const padded = (from: Tensor): Tensor => {
    const to = tape.empty([B, most, C]);
    to.data.fill(0);
    const { data } = from; // behind the allocation, which may grow memory and so detach views of it
    for (let r = 0; r < R; r++) to.data.set(data.subarray(r * C, (r + 1) * C), places[r]!);
    return to;
  };
  const collect = (to: Tensor, { data }: Tensor): void => {
    for (let r = 0; r < R; r++) to.data.set(data.subarray(places[r]!, places[r]! + C), r * C);
  };
  const perHead = [B, most, heads, C / heads];
  const halves = (of: Tensor): [k: Tensor, v: Tensor] => {
    const all = of.view([B, N, 2 * heads, C / heads]);
    return [all.narrow(2, 0, heads), all.narrow(2, heads, heads)];
  };
  const asking = padded(q.tensor);
  const outs = tape.empty([B, most, C]);
  const [k, v] = halves(kv.tensor);
  const call = { ...checked, layout: "BNHD", out: outs.view(perHead) } as const;
  const saved = attend("selfAttention", engine, [asking, outs], asking.view(perHead), k, v, call);
  const out = tape.empty(q.shape);
  collect(out, outs);

  return tape.record(out, [q, kv, learnt], [asking, outs, saved.lse], (dout) => {
    const douts = padded(dout);
    const dqueries = q.tracked ? tape.empty([B, most, C]) : undefined;
    const dbias = biasGradient(nn, learnt);
    const write = (to?: Tensor): void => {
      const [dk, dv] = to === undefined ? [] : halves(to);
      const needs = { dq: !!dqueries, dk: !!dk, dv: !!dv, dbias: !!dbias };
      attentionBackward(engine, douts.view(perHead), saved, {
        into: { dq: dqueries?.view(perHead), dk, dv, dbias },
        needs,
      });
    };
    if (kv.tracked) tape.give(kv, write);
    else write();
    douts.dispose();
    if (dqueries !== undefined) tape.give(q, (to) => collect(to, dqueries));
    dqueries?.dispose();
    if (dbias !== undefined) tape.hand(learnt!, dbias);
  });
}
