/** Attention of a training step in TensorFlow.js, a head at a time; docs/math.md has the formulas. */
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

/** Columns from `column` on, of rows `stride` apart from `row` on: out of `from`, or into it. */
function copyBlock(
  wide: Float32Array,
  narrow: Float32Array,
  [row, column, stride]: readonly [number, number, number],
  [N, D]: readonly [number, number],
  into: boolean,
): void {
  for (let n = 0; n < N; n++) {
    const at = (row + n) * stride + column;
    if (into) for (let d = 0; d < D; d++) wide[at + d] = narrow[n * D + d]!;
    else for (let d = 0; d < D; d++) narrow[n * D + d] = wide[at + d]!;
  }
}

/** x [B N, 3 C] to [B N, C]. */
export function attention(
  tf: Tf,
  x: Tensor,
  { sizes, variant }: Workload,
  N: number,
  mask: Tensor | undefined,
): readonly [Tensor, (dy: Tensor) => Tensor] {
  const { batch: B, heads: H, width: C } = sizes;
  const D = C / H;
  const places = Array.from({ length: B * H }, (_, n) => ({ row: Math.floor(n / H) * N, column: (n % H) * D }));
  const take = (from: Float32Array, row: number, column: number, stride: number): Tensor => {
    const block = new Float32Array(N * D);
    copyBlock(from, block, [row, column, stride], [N, D], false);
    return tf.tensor2d(block, [N, D]);
  };
  const qkv = x.dataSync();
  const heads = places.map(({ row, column }) => {
    const [q, k, v] = [0, 1, 2].map((n) => take(qkv, row, n * C + column, 3 * C)) as [Tensor, Tensor, Tensor];
    return head(tf, q, k, v, 1 / Math.sqrt(D), variant === "laser", mask);
  });
  const out = new Float32Array(B * N * C);
  for (const [n, { row, column }] of places.entries()) {
    copyBlock(out, heads[n]!.out.dataSync(), [row, column, C], [N, D], true);
  }
  const back = (dy: Tensor): Tensor => {
    const [dout, dqkv] = [dy.dataSync(), new Float32Array(3 * B * N * C)];
    for (const [n, { row, column }] of places.entries()) {
      const gradients = heads[n]!.back(take(dout, row, column, C));
      for (const [part, gradient] of gradients.entries()) {
        copyBlock(dqkv, gradient.dataSync(), [row, part * C + column, 3 * C], [N, D], true);
      }
    }
    return tf.tensor2d(dqkv, [B * N, 3 * C]);
  };
  return [tf.tensor2d(out, [B * N, C]), back];
}
