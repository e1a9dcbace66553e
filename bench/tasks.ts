/** Seeded inputs and the calls that are timed. Attention writes into tensors made once, so that no copy is timed. */
import type { AttentionOptions, LaserAttention, Tensor, Variant } from "../src/index.js";
import { Random } from "../test/support/random.js";
import type { Call } from "./measure.js";
import {
  type AttentionShape,
  type Direction,
  describeShape,
  flops,
  type MatmulShape,
  rowOps,
  visibleKeys,
} from "./shapes.js";

export interface Task {
  name: string;
  /** What one call does: floating-point operations, or elements. */
  work: number;
  unit: "GFLOP/s" | "Gelem/s";
  /** Makes the inputs in `la` and returns the call. */
  prepare(la: LaserAttention): Call;
}

/** q [H, N, D], k [Hkv, M, D], v [Hkv, M, E], dout [H, N, E], row-major. */
export interface Inputs {
  q: Float32Array;
  k: Float32Array;
  v: Float32Array;
  dout: Float32Array;
}

export const variants: readonly Variant[] = ["standard", "laser"];
const SEED = 1;

export function ordinary({ H, Hkv, N, M, D, E }: AttentionShape): Inputs {
  const random = new Random(SEED);
  const [q, k, v, dout] = [H * N * D, Hkv * M * D, Hkv * M * E, H * N * E].map((count) => random.normals(count));
  return { q: q!, k: k!, v: v!, dout: dout! };
}

/** 0 and 1 that a mask of this shape holds. */
function maskOf(la: LaserAttention, shape: AttentionShape): Tensor<"u8"> {
  const { N, M, mask } = shape;
  if (mask === "padding") {
    const visible = visibleKeys(shape);
    return la.tensor(
      Uint8Array.from({ length: M }, (_, j) => (j < visible ? 1 : 0)),
      [1, 1, 1, M],
    );
  }
  const random = new Random(SEED);
  return la.tensor(
    Uint8Array.from({ length: N * M }, () => random.int(2)),
    [1, 1, N, M],
  );
}

function optionsOf(la: LaserAttention, shape: AttentionShape, variant: Variant): AttentionOptions {
  const { N, M, causal, window, mask, bias, softcap, alibi } = shape;
  return {
    ...{ variant, causal, window, softcap, alibi },
    mask: mask && maskOf(la, shape),
    bias: bias ? la.tensor(new Random(SEED).normals(N * M), [1, 1, N, M]) : undefined,
  };
}

/** What a call writes: read it after the call. */
export interface Prepared {
  call: Call;
  results: Readonly<Record<"out" | "dq" | "dk" | "dv", Tensor>>;
}

/** The call of one direction: backward is the backward pass alone, both is a forward call and its backward call. */
export function prepareAttention(
  la: LaserAttention,
  shape: AttentionShape,
  inputs: Inputs,
  variant: Variant,
  direction: Direction,
): Prepared {
  const { H, Hkv, N, M, D, E } = shape;
  const q = la.tensor(inputs.q, [1, H, N, D]);
  const k = la.tensor(inputs.k, [1, Hkv, M, D]);
  const v = la.tensor(inputs.v, [1, Hkv, M, E]);
  const out = la.empty([1, H, N, E]);
  const [dq, dk, dv] = [q, k, v].map(({ shape }) => la.empty(shape)) as [Tensor, Tensor, Tensor];
  const results = { out, dq, dk, dv };
  const options = { ...optionsOf(la, shape, variant), out };
  if (direction === "forward") return { call: () => la.attention(q, k, v, options), results };
  const dout = la.tensor(inputs.dout, out.shape);
  const into = { dq, dk, dv, dbias: options.bias && la.empty(options.bias.shape) };
  if (direction === "backward") {
    const saved = la.attentionForward(q, k, v, options);
    return { call: () => la.attentionBackward(dout, saved, { into }), results };
  }
  const both = () => {
    const saved = la.attentionForward(q, k, v, options);
    la.attentionBackward(dout, saved, { into });
    saved.lse.dispose();
  };
  return { call: both, results };
}

export const variantName = (variant: Variant): string => (variant === "laser" ? "LASER" : variant);

export const attentionName = (shape: AttentionShape, variant: Variant, direction: Direction): string =>
  `${describeShape(shape)} ${variantName(variant)} ${direction}`;

export function attentionTask(shape: AttentionShape, variant: Variant, direction: Direction): Task {
  return {
    name: attentionName(shape, variant, direction),
    work: flops(shape, direction),
    unit: "GFLOP/s",
    prepare: (la) => prepareAttention(la, shape, ordinary(shape), variant, direction).call,
  };
}

export function matmulInputs({ m, k, n }: MatmulShape): { a: Float32Array; b: Float32Array } {
  const random = new Random(SEED);
  return { a: random.normals(m * k), b: random.normals(k * n) };
}

export function matmulTask(shape: MatmulShape): Task {
  const { m, k, n, transposed = false } = shape;
  return {
    name: `matmul ${m} x ${k} x ${n}${transposed ? " transposed" : ""}`,
    work: 2 * m * k * n,
    unit: "GFLOP/s",
    prepare(la) {
      const inputs = matmulInputs(shape);
      const a = la.tensor(inputs.a, [m, k]);
      const b = la.tensor(inputs.b, transposed ? [n, k] : [k, n]);
      return () => la.matmul(a, b, { transposeB: transposed }).dispose();
    },
  };
}

/** An elementwise call on normal deviates, or on their magnitudes where it needs them positive. */
export function rowTask(name: string, op: (la: LaserAttention, x: Tensor) => Tensor, positive = false): Task {
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
