/** Sampled rows in float64: how far the package is off, and the gradient signal d out / d score. */
import type { Variant } from "../../src/index.js";
import { byScore, byValue, type Case, type Numbers, oracle, oracleRow } from "../../test/support/oracle.js";
import { Random } from "../../test/support/random.js";
import { D, H, type Inputs } from "./model.js";
import type { Run } from "./run.js";

/** Query rows of each head, drawn with a seed: for the statistics and the errors of out and dq. */
export const ROWS = 16;
/** The head whose keys all count for the errors of dk and dv: each of them takes all queries. */
export const HEAD = 0;

/** Sampled rows as a call of their own: rows[h][n] of each head are its queries, a mask says which keys they see. */
export interface Sample {
  rows: number[][]; // [H, ROWS]
  q: Numbers; // [H, ROWS, D], like dout
  k: Numbers; // [H, N, D], like v
  v: Numbers;
  dout: Numbers;
  mask: NonNullable<Case["mask"]>; // [1, H, ROWS, N]
  /** The whole of HEAD: everything [N, D]. */
  head: Record<"q" | "k" | "v" | "dout", Numbers>;
}

/** Rows x[h, rows[h][n]] of x [H, N, D]. */
function gather(x: Float32Array, rows: number[][]): Float64Array {
  const N = x.length / (H * D);
  const picked = new Float64Array(rows.flat().length * D);
  let to = 0;
  rows.forEach((picks, h) => {
    for (const i of picks) {
      const from = (h * N + i) * D;
      picked.set(x.subarray(from, from + D), to);
      to += D;
    }
  });
  return picked;
}

export function drawSample({ q, k, v, dout }: Inputs, seed: number): Sample {
  const random = new Random(seed);
  const N = q.shape[2]!;
  const rows = Array.from({ length: H }, () => Array.from({ length: ROWS }, () => random.int(N)));
  const mask = new Uint8Array(H * ROWS * N);
  rows.flat().forEach((i, n) => {
    mask.fill(1, n * N, n * N + i + 1); // row i sees keys 0 to i
  });
  return {
    ...{ rows, q: gather(q.toArray(), rows), k: k.toArray(), v: v.toArray(), dout: gather(dout.toArray(), rows) },
    mask: { data: mask, shape: [1, H, ROWS, N] },
    head: { q: headOf(q.toArray()), k: headOf(k.toArray()), v: headOf(v.toArray()), dout: headOf(dout.toArray()) },
  };
}

/** x[HEAD] of x [H, N, D]. */
function headOf(x: Float32Array): Float32Array {
  const size = x.length / H;
  return x.subarray(HEAD * size, (HEAD + 1) * size);
}

const toCase = ({ q, k, v, dout, mask }: Sample, variant: Variant): Case => {
  const sizes = { B: 1, H, Hkv: H, N: ROWS, M: mask.shape[3], D, E: D };
  return { variant, ...sizes, q, k, v, dout, mask };
};

/** Largest absolute errors: out and dq of the drawn rows, dk and dv of one head. */
export function largestErrors(sample: Sample, variant: Variant, run: Run) {
  const drawn = oracle(toCase(sample, variant));
  const N = sample.mask.shape[3];
  const head = oracle({ ...sample.head, variant, causal: true, B: 1, H: 1, Hkv: 1, N, M: N, D, E: D });
  return {
    out: largestError(gather(run.out, sample.rows), drawn.out),
    dq: largestError(gather(run.dq, sample.rows), drawn.dq),
    dk: largestError(headOf(run.dk), head.dk),
    dv: largestError(headOf(run.dv), head.dv),
  };
}

function largestError(got: Numbers, reference: Float64Array): number {
  return reference.reduce((most, x, n) => Math.max(most, Math.abs(x - got[n]!)), 0);
}

/** Over the visible keys of the drawn rows; the means also over channels. A mean over no key is NaN. */
export interface Signal {
  below3: number; // share of p < 1e-3
  below7: number; // share of p < 1e-7
  all: number; // mean |d out / d score|: standard |p (v - o)|, LASER |w - p|, w = exp(s + v - lse - o)
  small: number; // the same over keys with p < 1e-3
}

export function measureSignal(sample: Sample, variant: Variant): Signal {
  const c = toCase(sample, variant);
  const [all, small] = [new Mean(), new Mean()];
  const [below3, below7] = [new Mean(), new Mean()];
  for (let h = 0; h < H; h++) {
    for (let n = 0; n < ROWS; n++) {
      const row = oracleRow(c, 0, h, n);
      row.p.forEach((p, j) => {
        below3.add(p < 1e-3 ? 1 : 0);
        below7.add(p < 1e-7 ? 1 : 0);
        for (let d = 0; d < D; d++) {
          const value = c.v[(h * c.M + row.keys[j]!) * D + d]!;
          const slope = Math.abs(byScore(c, row, j, d, value, byValue(c, row, j, d, value)));
          all.add(slope);
          if (p < 1e-3) small.add(slope);
        }
      });
    }
  }
  return { below3: below3.value, below7: below7.value, all: all.value, small: small.value };
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
