/** Attention of a training step in TensorFlow.js, a head at a time; docs/math.md has the formulas. */
import type { Tensor, Tf } from "../peers/tfjs.js";
import type { Scored } from "./dense.js";
import type { Workload } from "./workloads.js";

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

/** Rows of a batch entry in keys and values, and those in queries and results. */
interface Places {
  readonly keys: readonly number[];
  readonly queries: readonly number[];
}

/** N rows of each of B entries; queries are those that are scored, one after the other. */
export function placesOf(B: number, N: number, scored?: Scored): Places[] {
  const range = (from: number, size: number) => Array.from({ length: size }, (_, n) => from + n);
  let before = 0;
  return range(0, B).map((b) => {
    const queries = range(before, scored ? scored[b]!.length : N);
    before += queries.length;
    return { keys: range(b * N, N), queries };
  });
}

/** Queries, keys or values in memory: columns from `column` on, of rows `stride` apart. */
export interface Columns {
  readonly data: Float32Array;
  readonly column: number;
  readonly stride: number;
}

/** D columns of these rows: out of `wide`, or into it. */
function copyBlock(
  { data, column, stride }: Columns,
  narrow: Float32Array,
  rows: readonly number[],
  D: number,
  into: boolean,
): void {
  for (let n = 0; n < rows.length; n++) {
    const at = rows[n]! * stride + column;
    if (into) for (let d = 0; d < D; d++) data[at + d] = narrow[n * D + d]!;
    else for (let d = 0; d < D; d++) narrow[n * D + d] = data[at + d]!;
  }
}

/** q, k and v to a row for each query, [.., C]; the backward pass writes their gradients. */
export function attention(
  tf: Tf,
  qkv: readonly [q: Columns, k: Columns, v: Columns],
  { sizes, variant }: Workload,
  places: readonly Places[],
  mask: Tensor | undefined,
): readonly [out: Tensor, back: (dout: Tensor, into: readonly Columns[]) => void] {
  const { heads: H, width: C } = sizes;
  const D = C / H;
  const all = places.flatMap((place) => Array.from({ length: H }, (_, h) => ({ ...place, at: h * D })));
  const of = (columns: Columns, at: number): Columns => ({ ...columns, column: columns.column + at });
  const take = (from: Columns, rows: readonly number[]): Tensor => {
    const block = new Float32Array(rows.length * D);
    copyBlock(from, block, rows, D, false);
    return tf.tensor2d(block, [rows.length, D]);
  };
  const heads = all.map(({ keys, queries, at }) => {
    const [q, k, v] = qkv.map((part, n) => take(of(part, at), n === 0 ? queries : keys));
    return head(tf, q!, k!, v!, 1 / Math.sqrt(D), variant === "laser", mask);
  });
  const rows = places.reduce((sum, { queries }) => sum + queries.length, 0);
  const out = { data: new Float32Array(rows * C), column: 0, stride: C };
  for (const [n, { queries, at }] of all.entries()) {
    copyBlock(of(out, at), heads[n]!.out.dataSync(), queries, D, true);
  }
  const back = (dy: Tensor, into: readonly Columns[]): void => {
    const dout = { data: dy.dataSync(), column: 0, stride: C };
    for (const [n, { keys, queries, at }] of all.entries()) {
      const gradients = heads[n]!.back(take(of(dout, at), queries));
      for (const [part, gradient] of gradients.entries()) {
        copyBlock(of(into[part]!, at), gradient.dataSync(), part === 0 ? queries : keys, D, true);
      }
    }
  };
  return [tf.tensor2d(out.data, [rows, C]), back];
}
