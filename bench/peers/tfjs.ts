/**
 * TensorFlow.js on its WebAssembly backend: tfjs-core and the backend, which is all that attention needs. Fast are 2-D products
 * without transposed arguments, which reach XNNPACK: a head at a time, K turned beforehand, and x^T y as (y^T x)^T where x is
 * the larger. With `transposeA` or `transposeB` the same products take 5 to 40 times as long. Gradients are written out.
 * XNNPACK keeps the right factor packed for as long as its tensor lives. That serves weights, so matmul profits from it here;
 * K and V are new in every call of a model, so attention gets them as copies, which cost little.
 */
import { matmulInputs, ordinary } from "../tasks.js";
import { fromBlocks, join, load, type Outputs, type Peer, type Ready } from "./peer.js";
import {
  type AttentionWorkload,
  additiveMask,
  type Block,
  blocksOf,
  goesByBlocks,
  type MatmulWorkload,
  unitsOf,
} from "./workloads.js";

/** Rows of a block of queries: faster here than the fewer that the others have. */
const BLOCK = 256;

export interface Tensor {
  readonly shape: readonly number[];
  dataSync(): Float32Array;
}

/** What is used of the packages' API, here and in bench/train. */
export interface Tf {
  setBackend(name: string): Promise<boolean>;
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
  slice(x: Tensor, begin: readonly number[], size: readonly number[]): Tensor;
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

type Head = Readonly<Record<"q" | "k" | "v" | "dout", Tensor>>;
type HeadOutputs = Outputs<Tensor>;
type BlockTensor = Block & { tensor: Tensor };

/** out, dq, dk and P^T G of queries against keys with their E, whose column maxima are c (LASER); docs/math.md has the formulas. */
function core(
  tf: Tf,
  { q, k, v: e, dout }: Head,
  c: Tensor | undefined,
  mask: Tensor | undefined,
  { shape, direction }: AttentionWorkload,
): HeadOutputs {
  const { scale, rows, keys } = unitsOf(shape);
  const few = rows < keys / 8;
  const scaled = tf.mul(q, scale);
  // With few queries it is less work to turn these and their scores.
  const scores = few ? tf.transpose(tf.matMul(k, tf.transpose(scaled))) : tf.matMul(scaled, tf.transpose(k));
  const p = tf.softmax(mask ? tf.add(scores, mask) : scores);
  const a = tf.matMul(p, e);
  const out = c ? tf.add(tf.log(a), c) : a;
  if (direction === "forward") return { out };
  /** x^T y */
  const cross = (x: Tensor, y: Tensor) => tf.transpose(tf.matMul(tf.transpose(y), x));
  const g = c ? tf.div(dout, a) : dout;
  const delta = tf.sum(c ? dout : tf.mul(dout, out), 1, true);
  const ds = tf.mul(p, tf.sub(tf.matMul(g, tf.transpose(e)), delta));
  return { out, dq: tf.mul(tf.matMul(ds, k), scale), dk: cross(ds, scaled), dv: cross(p, g) };
}

/** One head, at once or by blocks of queries. */
function head(
  tf: Tf,
  { q, k, v, dout }: Head,
  mask: Tensor | undefined,
  blocks: readonly BlockTensor[],
  workload: AttentionWorkload,
): HeadOutputs {
  const { D } = unitsOf(workload.shape);
  const c = workload.variant === "laser" ? tf.max(v, 0, true) : undefined;
  const copy = (x: Tensor) => tf.add(x, 0);
  const e = c ? tf.exp(tf.sub(v, c)) : v;
  const rows = (x: Tensor, start: number, end: number) => tf.slice(x, [start, 0], [end - start, D]);
  const both = workload.direction === "both";
  let all: HeadOutputs;
  if (blocks.length === 0) {
    all = core(tf, { q, k: both ? copy(k) : k, v: c ? e : copy(e), dout }, c, mask, workload);
  } else {
    const parts = blocks.map(({ start, end, tensor }) => {
      const given = both ? rows(dout, start, end) : dout;
      const block = { q: rows(q, start, end), k: rows(k, 0, end), v: rows(e, 0, end), dout: given };
      return core(tf, block, c, tensor, workload);
    });
    all = fromBlocks<Tensor>(
      blocks,
      parts,
      (all) => tf.concat(all, 0),
      (sum, x, { start, end }) => tf.concat([tf.add(sum, rows(x, 0, start)), rows(x, start, end)], 0),
    );
  }
  return c && all.dv ? { ...all, dv: tf.mul(e, all.dv) } : all;
}

function attention(tf: Tf, workload: AttentionWorkload, byBlocks = false): Ready {
  const { shape } = workload;
  const { heads, rows, keys, D, masked } = unitsOf(shape);
  const inputs = ordinary(shape);
  const part = (data: Float32Array, n: number, h: number) =>
    tf.tensor2d(data.slice(h * n * D, (h + 1) * n * D), [n, D]);
  const parts: Head[] = Array.from({ length: heads }, (_, h) => ({
    q: part(inputs.q, rows, h),
    k: part(inputs.k, keys, h),
    v: part(inputs.v, keys, h),
    dout: part(inputs.dout, rows, h),
  }));
  const mask = masked ? tf.tensor2d(additiveMask(rows, keys, true, -1e30), [rows, keys]) : undefined;
  const blocks = (byBlocks ? blocksOf(shape, -1e30, BLOCK) : []).map((block) => ({
    ...block,
    tensor: tf.tensor2d(block.mask, [block.end - block.start, block.end]),
  }));
  const run = (): HeadOutputs[] => parts.map((one) => tf.tidy(() => head(tf, one, mask, blocks, workload)));
  return {
    call: () => tf.dispose(run()),
    read() {
      const results = run();
      const names = Object.keys(results[0]!) as (keyof HeadOutputs)[];
      const outputs = names.map((name) => [name, join(results.map((result) => result[name]!.dataSync()))]);
      tf.dispose(results);
      return Object.fromEntries(outputs) as Outputs;
    },
    dispose: () => tf.dispose([parts, mask, blocks.map(({ tensor }) => tensor)]),
  };
}

function matmul(tf: Tf, { shape: { m, k, n } }: MatmulWorkload): Ready {
  const inputs = matmulInputs({ m, k, n });
  const [a, b] = [tf.tensor2d(inputs.a, [m, k]), tf.tensor2d(inputs.b, [k, n])];
  return {
    call: () => tf.dispose(tf.matMul(a, b)),
    read: () => ({ out: tf.tidy(() => tf.matMul(a, b).dataSync()) }),
    dispose: () => tf.dispose([a, b]),
  };
}

/** The library on its WebAssembly backend, with one thread. */
export async function openTfjs(): Promise<Tf> {
  const tf = await load<Tf>("@tensorflow/tfjs-core");
  const backend = await load<{ setThreadsCount(threads: number): void }>("@tensorflow/tfjs-backend-wasm");
  backend.setThreadsCount(1);
  if (!(await tf.setBackend("wasm"))) throw new Error("tfjs has no wasm backend here");
  return tf;
}

export const tfjs: Peer = {
  name: "tfjs-wasm",
  packages: ["@tensorflow/tfjs-core", "@tensorflow/tfjs-backend-wasm"],
  async open() {
    const tf = await openTfjs();
    return (workload) => {
      if (workload.kind === "matmul") return [{ name: "matMul", prepare: () => matmul(tf, workload) }];
      const all = [{ name: "a head at a time", prepare: () => attention(tf, workload) }];
      if (goesByBlocks(workload, BLOCK))
        all.push({ name: "blocks of queries", prepare: () => attention(tf, workload, true) });
      return all;
    };
  },
};
