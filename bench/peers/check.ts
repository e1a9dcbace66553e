/** Holds what a peer computed against attention in float64. */
import { type Case, oracle, oracleRow } from "../../test/support/oracle.js";
import { matmulInputs, ordinary } from "../tasks.js";
import type { Outputs } from "./peer.js";
import type { AttentionWorkload, MatmulWorkload, Workload } from "./workloads.js";

/** What float64 gives for one result from element `at` on. */
interface Expected {
  name: keyof Outputs;
  at: number;
  values: Float64Array;
}

/** Relative to 1 for out, to the norm for a gradient: float32 gives 1e-5 and less, a wrong formulation far more. */
export const TOLERANCE = 1e-4;

/** Query rows of each head that a forward result is checked on. */
const rowsOf = (N: number): number[] => [...new Set([0, 1, Math.floor(N / 2), N - 1])].filter((i) => i < N);

/** A query head of the workload as the oracle's case. */
function headCase({ shape, variant }: AttentionWorkload, head: number): Case {
  const { H, Hkv, N, M, D, causal } = shape;
  const { q, k, v, dout } = ordinary(shape);
  const key = Math.floor(head / (H / Hkv));
  const part = (x: Float32Array, n: number, h: number) => x.subarray(h * n * D, (h + 1) * n * D);
  const data = { q: part(q, N, head), k: part(k, M, key), v: part(v, M, key), dout: part(dout, N, head) };
  return { B: 1, H: 1, Hkv: 1, N, M, D, E: D, variant, causal, ...data };
}

/** Forward: some rows of every head. With its backward pass: all of the last head, every gradient in full. */
function expectAttention(workload: AttentionWorkload): Expected[] {
  const { H, N, M, D } = workload.shape;
  if (workload.direction === "forward") {
    return Array.from({ length: H }, (_, h) => headCase(workload, h)).flatMap((one, h) =>
      rowsOf(N).map((i) => ({ name: "out" as const, at: (h * N + i) * D, values: oracleRow(one, 0, 0, i).out })),
    );
  }
  const { out, dq, dk, dv } = oracle(headCase(workload, H - 1));
  return Object.entries({ out, dq, dk, dv }).map(([name, values]) => ({
    name: name as keyof Outputs,
    at: (H - 1) * (name === "dk" || name === "dv" ? M : N) * D,
    values,
  }));
}

function expectMatmul({ shape: { m, k, n } }: MatmulWorkload): Expected[] {
  const { a, b } = matmulInputs({ m, k, n });
  return rowsOf(m).map((i) => {
    const values = new Float64Array(n);
    for (let l = 0; l < k; l++) for (let j = 0; j < n; j++) values[j]! += a[i * k + l]! * b[l * n + j]!;
    return { name: "out", at: i * n, values };
  });
}

export const expect = (workload: Workload): Expected[] =>
  workload.kind === "matmul" ? expectMatmul(workload) : expectAttention(workload);

/** Largest error of out, relative to values above 1; of a gradient, the norm of its error over its own. */
function errorOf({ name, at, values }: Expected, outputs: Outputs): number {
  const got = outputs[name]?.subarray(at, at + values.length);
  if (got?.length !== values.length) return Number.POSITIVE_INFINITY;
  let [largest, error, norm] = [0, 0, 0];
  for (let n = 0; n < values.length; n++) {
    const difference = Math.abs(got[n]! - values[n]!);
    if (Number.isNaN(difference)) return Number.POSITIVE_INFINITY;
    largest = Math.max(largest, difference / Math.max(1, Math.abs(values[n]!)));
    error += difference ** 2;
    norm += values[n]! ** 2;
  }
  return name === "out" ? largest : Math.sqrt(error / norm);
}

export const largestError = (expected: readonly Expected[], outputs: Outputs): number =>
  Math.max(...expected.map((one) => errorOf(one, outputs)));
