/** Attention of a training step in TensorFlow.js, a head at a time; docs/math.md has the formulas. */
import type { Scored } from "./dense.js";
import type { Workload } from "./workloads.js";

export interface Tensor {
  readonly shape: readonly number[];
  dataSync(): Float32Array;
}

/** What is used of the package's API. */
export interface Tf {
  tensor(data: Float32Array, shape: readonly number[]): Tensor;
  tensor2d(data: Float32Array, shape: readonly [number, number]): Tensor;
  ones(shape: readonly number[]): Tensor;
  tidy<T>(body: () => T): T;
  dispose(tensors: unknown): void;
  reshape(x: Tensor, shape: readonly number[]): Tensor;
  matMul(a: Tensor, b: Tensor): Tensor;
  transpose(x: Tensor, axes?: readonly number[]): Tensor;
  pad(x: Tensor, paddings: readonly (readonly [number, number])[]): Tensor;
  reverse(x: Tensor, axis: number): Tensor;
  split(x: Tensor, parts: number, axis: number): Tensor[];
  concat(x: readonly Tensor[], axis: number): Tensor;
  depthwiseConv2d(x: Tensor, filter: Tensor, strides: number, pad: "same" | "valid"): Tensor;
  softmax(x: Tensor): Tensor;
  add(a: Tensor, b: Tensor | number): Tensor;
  sub(a: Tensor | number, b: Tensor): Tensor;
  mul(a: Tensor, b: Tensor | number): Tensor;
  div(a: Tensor, b: Tensor): Tensor;
  exp(x: Tensor): Tensor;
  log(x: Tensor): Tensor;
  rsqrt(x: Tensor): Tensor;
  sigmoid(x: Tensor): Tensor;
  max(x: Tensor, axis: number, keepDims: boolean): Tensor;
  mean(x: Tensor, axis: number, keepDims: boolean): Tensor;
  sum(x: Tensor, axis?: number, keepDims?: boolean): Tensor;
}

interface Head {
  out: Tensor;
  back(dout: Tensor): readonly [dq: Tensor, dk: Tensor, dv: Tensor];
}

function head(tf: Tf, q: Tensor, k: Tensor, v: Tensor, scale: number, laser: boolean, mask?: Tensor): Head {
  const c = laser ? tf.max(v, 0, true) : undefined;
  const e = c ? tf.exp(tf.sub(v, c)) : v;
  const scores = tf.matMul(tf.mul(q, scale), tf.transpose(k));
  const p = tf.softmax(mask ? tf.add(scores, mask) : scores);
  const a = tf.matMul(p, e);
  const out = c ? tf.add(tf.log(a), c) : a;
  const back = (dout: Tensor) => {
    const g = c ? tf.div(dout, a) : dout;
    const delta = tf.sum(c ? dout : tf.mul(dout, out), 1, true);
    const ds = tf.mul(tf.mul(p, tf.sub(tf.matMul(g, tf.transpose(e)), delta)), scale);
    /** x^T y */
    const cross = (x: Tensor, y: Tensor) => tf.transpose(tf.matMul(tf.transpose(y), x));
    const pg = cross(p, g);
    return [tf.matMul(ds, k), cross(ds, q), c ? tf.mul(e, pg) : pg] as const;
  };
  return { out, back };
}

/** Rows of a batch entry in x, those of its queries, and where their results go. */
interface Places {
  readonly keys: readonly number[];
  readonly queries: readonly number[];
  readonly outs: readonly number[];
}

/** N rows of each of B entries; of what is scored, the results one after the other. */
export function placesOf(B: number, N: number, scored?: Scored): Places[] {
  const range = (from: number, size: number) => Array.from({ length: size }, (_, n) => from + n);
  let before = 0;
  return range(0, B).map((b) => {
    const keys = range(b * N, N);
    const queries = scored ? scored[b]!.map((n) => b * N + n) : keys;
    const outs = range(before, queries.length);
    before += queries.length;
    return { keys, queries, outs };
  });
}

/** Columns from `column` on, of these rows, which are `stride` apart: out of `wide`, or into it. */
function copyBlock(
  wide: Float32Array,
  narrow: Float32Array,
  rows: readonly number[],
  [column, stride]: readonly [number, number],
  D: number,
  into: boolean,
): void {
  for (let n = 0; n < rows.length; n++) {
    const at = rows[n]! * stride + column;
    if (into) for (let d = 0; d < D; d++) wide[at + d] = narrow[n * D + d]!;
    else for (let d = 0; d < D; d++) narrow[n * D + d] = wide[at + d]!;
  }
}

/** x [B N, 3 C] to [B N, C], or as many rows as there are queries. */
export function attention(
  tf: Tf,
  x: Tensor,
  { sizes, variant }: Workload,
  places: readonly Places[],
  mask: Tensor | undefined,
): readonly [Tensor, (dy: Tensor) => Tensor] {
  const { heads: H, width: C } = sizes;
  const D = C / H;
  const all = places.flatMap((place) => Array.from({ length: H }, (_, h) => ({ ...place, column: h * D })));
  const take = (from: Float32Array, rows: readonly number[], column: number, stride: number): Tensor => {
    const block = new Float32Array(rows.length * D);
    copyBlock(from, block, rows, [column, stride], D, false);
    return tf.tensor2d(block, [rows.length, D]);
  };
  const qkv = x.dataSync();
  const heads = all.map(({ keys, queries, column }) => {
    const [q, k, v] = [queries, keys, keys].map((rows, n) => take(qkv, rows, n * C + column, 3 * C));
    return head(tf, q!, k!, v!, 1 / Math.sqrt(D), variant === "laser", mask);
  });
  const rows = places.reduce((sum, { outs }) => sum + outs.length, 0);
  const out = new Float32Array(rows * C);
  for (const [n, { outs, column }] of all.entries()) {
    copyBlock(out, heads[n]!.out.dataSync(), outs, [column, C], D, true);
  }
  const back = (dy: Tensor): Tensor => {
    const [dout, dqkv] = [dy.dataSync(), new Float32Array(3 * C * x.shape[0]!)];
    for (const [n, { keys, queries, outs, column }] of all.entries()) {
      const gradients = heads[n]!.back(take(dout, outs, column, C));
      for (const [part, gradient] of gradients.entries()) {
        const into = part === 0 ? queries : keys;
        copyBlock(dqkv, gradient.dataSync(), into, [part * C + column, 3 * C], D, true);
      }
    }
    return tf.tensor2d(dqkv, [x.shape[0]!, 3 * C]);
  };
  return [tf.tensor2d(out, [rows, C]), back];
}
