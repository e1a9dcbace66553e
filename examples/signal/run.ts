/** One variant, forward and backward, through the package. */
import type { LaserAttention, Variant } from "../../src/index.js";
import { D, H, type Inputs } from "./model.js";

/** Query-key pairs that a causal mask lets through. */
const pairs = (N: number): number => (H * N * (N + 1)) / 2;

/** q . k and p v take 2 D operations each per pair; backward has five such products (s again, dp, dv, dq, dk). */
export const flops = (N: number) => ({ forward: 4 * D * pairs(N), backward: 10 * D * pairs(N) });

/** Times in ms, and the results [H, N, D], row-major: the same bits every time. */
export interface Run extends Record<"out" | "dq" | "dk" | "dv", Float32Array> {
  forwardMs: number;
  backwardMs: number;
}

export function runOnce(la: LaserAttention, { q, k, v, dout }: Inputs, variant: Variant): Run {
  return la.scope(() => {
    const start = performance.now();
    const saved = la.attentionForward(q, k, v, { variant, causal: true });
    const middle = performance.now();
    const { dq, dk, dv } = la.attentionBackward(dout, saved);
    const end = performance.now();
    const results = { out: saved.out.toArray(), dq: dq.toArray(), dk: dk.toArray(), dv: dv.toArray() };
    return { forwardMs: middle - start, backwardMs: end - middle, ...results };
  });
}

/** `rounds` runs of each variant, in turn, so that both see the same machine; the results with the fastest times: what else runs only adds to them. */
export function runBoth(la: LaserAttention, inputs: Inputs, rounds: number): Record<Variant, Run> {
  const runs: Record<Variant, Run[]> = { standard: [], laser: [] };
  for (let round = 0; round < rounds; round++) {
    for (const variant of ["standard", "laser"] as const) runs[variant].push(runOnce(la, inputs, variant));
  }
  return { standard: fastestOf(runs.standard), laser: fastestOf(runs.laser) };
}

function fastestOf(runs: Run[]): Run {
  const forwardMs = Math.min(...runs.map((run) => run.forwardMs));
  const backwardMs = Math.min(...runs.map((run) => run.backwardMs));
  return { ...runs[0]!, forwardMs, backwardMs };
}
