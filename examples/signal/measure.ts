/** Runs one variant through the package, and holds sampled rows of it against the float64 oracle. */
import type { LaserAttention, SavedAttention, Variant } from "../../src/index.js";
import { byScore, byValue, type Case, oracleRow, scaleOf } from "../../test/support/oracle.js";
import { Random } from "../../test/support/random.js";
import { D, H, type Inputs } from "./model.js";

/** Query rows that the statistics, out and dq are taken from: this many of each head, drawn with a seed. */
export const ROWS = 16;
/** Keys that dk and dv are checked at: the last ones of each head, which under a causal mask only as many rows see. */
export const LAST_KEYS = 4;

/** Visible pairs of a causal head. */
const pairs = (N: number): number => (N * (N + 1)) / 2;
/** q k^T and p v are 2 D operations each per visible pair; backward has five such products (s again, dp, dq, dk, dv). */
export const flops = (N: number) => ({ forward: 4 * D * H * pairs(N), backward: 10 * D * H * pairs(N) });

export interface Run {
  forwardMs: number;
  backwardMs: number;
  /** Results in row-major [H, N, D], of the same inputs every time. */
  out: Float32Array;
  dq: Float32Array;
  dk: Float32Array;
  dv: Float32Array;
}

/** One forward and backward pass; the results are copied out and their memory is released. */
export function runOnce(la: LaserAttention, { q, k, v, dout }: Inputs, variant: Variant): Run {
  return la.scope(() => {
    const start = performance.now();
    const saved: SavedAttention = la.attentionForward(q, k, v, { variant, causal: true });
    const middle = performance.now();
    const { dq, dk, dv } = la.attentionBackward(dout, saved);
    const end = performance.now();
    const [out, ...gradients] = [saved.out, dq, dk, dv].map((tensor) => tensor.toArray());
    return {
      ...{ forwardMs: middle - start, backwardMs: end - middle, out: out! },
      ...{ dq: gradients[0]!, dk: gradients[1]!, dv: gradients[2]! },
    };
  });
}

/** The inputs as the oracle reads them: float32 numbers, computed with in float64. */
export function oracleCase({ q, k, v, dout }: Inputs, variant: Variant): Case {
  const N = q.shape[2]!;
  const data = { q: q.toArray(), k: k.toArray(), v: v.toArray(), dout: dout.toArray() };
  return { variant, causal: true, B: 1, H, Hkv: H, N, M: N, D, E: D, ...data };
}

/** Means over the visible keys (and channels) of the sampled rows, and the largest errors against the oracle. */
export interface Signal {
  below3: number; // share of p < 1e-3
  below7: number; // share of p < 1e-7
  all: number; // mean |d out / d score|
  small: number; // the same over keys with p < 1e-3; NaN where there is none
  errors: { out: number; dq: number; dk: number; dv: number };
}

class Mean {
  #sum = 0;
  #count = 0;

  add(x: number): void {
    this.#sum += x;
    this.#count++;
  }

  get value(): number {
    return this.#sum / this.#count;
  }
}

/** Calls `each` for every sampled row's visible keys with the row's place in [H, N]. */
function sampled(c: Case, seed: number): { h: number; i: number }[] {
  const random = new Random(seed);
  return Array.from({ length: H * ROWS }, (_, n) => ({ h: n % H, i: random.int(c.N) }));
}

export function measureSignal(c: Case, run: Run, seed: number): Signal {
  const [below3, below7, all, small] = [new Mean(), new Mean(), new Mean(), new Mean()];
  const errors = { out: 0, dq: 0, ...lastKeys(c, run) };
  for (const { h, i } of sampled(c, seed)) {
    const row = oracleRow(c, 0, h, i);
    const query = (h * c.N + i) * D;
    const dq = new Float64Array(D);
    row.keys.forEach((j, n) => {
      const p = row.p[n]!;
      const key = (h * c.N + j) * D;
      below3.add(p < 1e-3 ? 1 : 0);
      below7.add(p < 1e-7 ? 1 : 0);
      let ds = 0;
      for (let d = 0; d < D; d++) {
        const value = c.v[key + d]!;
        const byS = byScore(c, row, n, d, value, byValue(c, row, n, d, value)); // d out_id / d s_ij
        ds += c.dout[query + d]! * byS;
        all.add(Math.abs(byS));
        if (p < 1e-3) small.add(Math.abs(byS));
      }
      for (let d = 0; d < D; d++) dq[d]! += scaleOf(c) * ds * c.k[key + d]!;
    });
    errors.out = Math.max(errors.out, largestError(run.out, row.out, query));
    errors.dq = Math.max(errors.dq, largestError(run.dq, dq, query));
  }
  return { below3: below3.value, below7: below7.value, all: all.value, small: small.value, errors };
}

/** Largest errors of dk and dv at the last keys of each head. */
function lastKeys(c: Case, run: Run): { dk: number; dv: number } {
  const errors = { dk: 0, dv: 0 };
  for (let h = 0; h < H; h++) {
    const first = (h * c.N + c.N - LAST_KEYS) * D;
    const dk = new Float64Array(LAST_KEYS * D);
    const dv = new Float64Array(LAST_KEYS * D);
    for (let i = c.N - LAST_KEYS; i < c.N; i++) {
      const row = oracleRow(c, 0, h, i);
      const query = (h * c.N + i) * D;
      for (let n = c.N - LAST_KEYS; n <= i; n++) {
        const key = (n - c.N + LAST_KEYS) * D; // a causal row sees keys 0 to i: the n-th is key n
        let ds = 0;
        for (let d = 0; d < D; d++) {
          const value = c.v[first + key + d]!;
          const w = byValue(c, row, n, d, value);
          ds += c.dout[query + d]! * byScore(c, row, n, d, value, w);
          dv[key + d]! += c.dout[query + d]! * w;
        }
        for (let d = 0; d < D; d++) dk[key + d]! += scaleOf(c) * ds * c.q[query + d]!;
      }
    }
    errors.dk = Math.max(errors.dk, largestError(run.dk, dk, first));
    errors.dv = Math.max(errors.dv, largestError(run.dv, dv, first));
  }
  return errors;
}

function largestError(got: Float32Array, reference: Float64Array, start: number): number {
  return reference.reduce((most, x, n) => Math.max(most, Math.abs(got[start + n]! - x)), 0);
}

export const norm = (x: Float32Array): number => Math.sqrt(x.reduce((sum, y) => sum + y * y, 0));
