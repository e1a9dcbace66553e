/** Seeded inputs and the calls that are timed. Attention writes into tensors made once, so that no copy is timed. */
import type { LaserAttention, Tensor, Variant } from "../src/index.js";
import { Random } from "../test/support/random.js";
import { type AttentionShape, attentionShapes, describeShape, flops, matmulShapes, rowOps } from "./shapes.js";

export type Direction = "forward" | "backward";

export interface Task {
  name: string;
  /** What one call does: floating-point operations, or elements. */
  work: number;
  unit: "GFLOP/s" | "Gelem/s";
  /** Makes the inputs in `la` and returns the call. */
  prepare(la: LaserAttention): () => unknown;
}

/** q [H, N, D], k and v [Hkv, M, D], row-major. */
export interface Inputs {
  q: Float32Array;
  k: Float32Array;
  v: Float32Array;
}

export const variants: readonly Variant[] = ["standard", "laser"];
export const directions: readonly Direction[] = ["forward", "backward"];
const SEED = 1;

export function ordinary({ H, Hkv, N, M, D }: AttentionShape): Inputs {
  const random = new Random(SEED);
  return { q: random.normals(H * N * D), k: random.normals(Hkv * M * D), v: random.normals(Hkv * M * D) };
}

/** The call of one direction; a backward call is the backward pass alone. */
export function prepareAttention(
  la: LaserAttention,
  shape: AttentionShape,
  inputs: Inputs,
  variant: Variant,
  direction: Direction,
): () => unknown {
  const { H, Hkv, N, M, D, causal } = shape;
  const q = la.tensor(inputs.q, [1, H, N, D]);
  const k = la.tensor(inputs.k, [1, Hkv, M, D]);
  const v = la.tensor(inputs.v, [1, Hkv, M, D]);
  if (direction === "forward") {
    const options = { variant, causal, out: la.empty(q.shape) };
    return () => la.attention(q, k, v, options);
  }
  const saved = la.attentionForward(q, k, v, { variant, causal });
  const dout = la.tensor(new Random(SEED + 1).normals(H * N * D), q.shape);
  const options = { into: { dq: la.empty(q.shape), dk: la.empty(k.shape), dv: la.empty(v.shape) } };
  return () => la.attentionBackward(dout, saved, options);
}

export const attentionName = (shape: AttentionShape, variant: Variant, direction: Direction): string =>
  `${describeShape(shape)} ${variant === "laser" ? "LASER" : variant} ${direction}`;

const attentionTasks: Task[] = attentionShapes.flatMap((shape) =>
  variants.flatMap((variant) =>
    directions.map((direction) => ({
      name: attentionName(shape, variant, direction),
      work: flops[direction](shape),
      unit: "GFLOP/s" as const,
      prepare: (la: LaserAttention) => prepareAttention(la, shape, ordinary(shape), variant, direction),
    })),
  ),
);

const matmulTasks: Task[] = matmulShapes.map(({ m, k, n }) => ({
  name: `matmul ${m} x ${k} x ${n}`,
  work: 2 * m * k * n,
  unit: "GFLOP/s",
  prepare(la) {
    const random = new Random(SEED);
    const a = la.tensor(random.normals(m * k), [m, k]);
    const b = la.tensor(random.normals(k * n), [k, n]);
    return () => la.matmul(a, b).dispose();
  },
}));

/** An elementwise call on normal deviates, or on their magnitudes where it needs them positive. */
function rowTask(name: string, op: (la: LaserAttention, x: Tensor) => Tensor, positive = false): Task {
  const { rows, width } = rowOps;
  return {
    name: `${name} ${rows} x ${width}`,
    work: rows * width,
    unit: "Gelem/s",
    prepare(la) {
      const data = new Random(SEED).normals(rows * width);
      const x = la.tensor(positive ? data.map(Math.abs) : data, [rows, width]);
      return () => op(la, x).dispose();
    },
  };
}

export const tasks: readonly Task[] = [
  ...attentionTasks,
  ...matmulTasks,
  rowTask("softmax", (la, x) => la.softmax(x)),
  rowTask("exp", (la, x) => la.exp(x)),
  rowTask("log", (la, x) => la.log(x), true),
];
