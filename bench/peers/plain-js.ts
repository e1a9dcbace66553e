/** Loops over typed arrays, as one would write them: hidden keys skipped, four sums at a time, nothing allocated. */
import { matmulInputs, ordinary } from "../tasks.js";
import type { Peer, Ready } from "./peer.js";
import { type AttentionWorkload, type MatmulWorkload, unitsOf, type Workload } from "./workloads.js";

/** Beyond this many operations a call takes many seconds. */
const LIMIT = 4e9;

function dot(a: Float32Array, at: number, b: Float32Array, bt: number, D: number): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  for (let d = 0; d < D; d += 4) {
    s0 += a[at + d]! * b[bt + d]!;
    s1 += a[at + d + 1]! * b[bt + d + 1]!;
    s2 += a[at + d + 2]! * b[bt + d + 2]!;
    s3 += a[at + d + 3]! * b[bt + d + 3]!;
  }
  return s0 + s1 + (s2 + s3);
}

/** y[yt ..] += x[xt ..] factor */
function accumulate(y: Float32Array, yt: number, x: Float32Array, xt: number, D: number, factor: number): void {
  for (let d = 0; d < D; d++) y[yt + d]! += factor * x[xt + d]!;
}

/** E = exp(v - c) by column of each head, and c [heads, D]. */
function exponentials(v: Float32Array, e: Float32Array, c: Float32Array, heads: number, keys: number, D: number) {
  c.fill(Number.NEGATIVE_INFINITY);
  for (let n = 0; n < v.length; n++) {
    const column = Math.floor(n / (keys * D)) * D + (n % D);
    c[column] = Math.max(c[column]!, v[n]!);
  }
  for (let h = 0; h < heads; h++) {
    for (let n = h * keys * D; n < (h + 1) * keys * D; n++) e[n] = Math.exp(v[n]! - c[h * D + (n % D)]!);
  }
}

function attention({ shape, variant, direction }: AttentionWorkload): Ready {
  const { heads, rows, keys, D, scale, masked } = unitsOf(shape);
  const { q, k, v, dout } = ordinary(shape);
  const laser = variant === "laser";
  const [e, c] = [laser ? new Float32Array(v.length) : v, new Float32Array(heads * D)];
  type Four = [Float32Array, Float32Array, Float32Array, Float32Array];
  const [out, dq, dk, dv] = [q, q, k, v].map(({ length }) => new Float32Array(length)) as Four;
  const outputs = { out, dq, dk, dv };
  const [p, dp, g, a] = [keys, keys, D, D].map((n) => new Float32Array(n)) as Four;

  /** p_ij of row `row` of head h, and a_i = sum_j p_ij E_j. */
  function forwardRow(h: number, row: number, seen: number): void {
    let most = Number.NEGATIVE_INFINITY;
    for (let j = 0; j < seen; j++) {
      p[j] = scale * dot(q, row * D, k, (h * keys + j) * D, D);
      most = Math.max(most, p[j]!);
    }
    let sum = 0;
    for (let j = 0; j < seen; j++) {
      p[j] = Math.exp(p[j]! - most);
      sum += p[j]!;
    }
    a.fill(0);
    for (let j = 0; j < seen; j++) {
      p[j]! /= sum;
      accumulate(a, 0, e, (h * keys + j) * D, D, p[j]!);
    }
    for (let d = 0; d < D; d++) out[row * D + d] = laser ? Math.log(a[d]!) + c[h * D + d]! : a[d]!;
  }

  function backwardRow(h: number, row: number, seen: number): void {
    let delta = 0;
    for (let d = 0; d < D; d++) {
      const y = dout[row * D + d]!;
      g[d] = laser ? y / a[d]! : y;
      delta += laser ? y : y * a[d]!;
    }
    for (let j = 0; j < seen; j++) {
      const key = (h * keys + j) * D;
      dp[j] = dot(g, 0, e, key, D);
      const ds = scale * p[j]! * (dp[j]! - delta);
      accumulate(dq, row * D, k, key, D, ds);
      accumulate(dk, key, q, row * D, D, ds);
      accumulate(dv, key, g, 0, D, p[j]!);
    }
  }

  function call(): void {
    if (laser) exponentials(v, e, c, heads, keys, D);
    for (const gradient of direction === "both" ? [dq, dk, dv] : []) gradient.fill(0);
    for (let row = 0; row < heads * rows; row++) {
      const [h, seen] = [Math.floor(row / rows), masked ? (row % rows) + 1 : keys];
      forwardRow(h, row, seen);
      if (direction === "both") backwardRow(h, row, seen);
    }
    if (laser && direction === "both") for (let n = 0; n < v.length; n++) dv[n]! *= e[n]!;
  }

  const read = () => {
    call();
    return direction === "both" ? outputs : { out };
  };
  return { call, read, dispose() {} };
}

function matmul({ shape: { m, k, n } }: MatmulWorkload): Ready {
  const { a, b } = matmulInputs({ m, k, n });
  const out = new Float32Array(m * n);
  const call = () => {
    out.fill(0);
    for (let i = 0; i < m; i++) for (let j = 0; j < k; j++) accumulate(out, i * n, b, j * n, n, a[i * k + j]!);
  };
  const read = () => {
    call();
    return { out };
  };
  return { call, read, dispose() {} };
}

export const plainJs: Peer = {
  name: "plain JS",
  packages: [],
  async open() {
    const prepare = (workload: Workload) => (workload.kind === "matmul" ? matmul(workload) : attention(workload));
    return (workload) => (workload.work > LIMIT ? [] : [{ name: "loops", prepare: () => prepare(workload) }]);
  },
};
