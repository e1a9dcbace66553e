import { Arena } from "./arena.js";
import { attention, attentionBackward, attentionForward } from "./attention.js";
import * as check from "./check.js";
import { complete, type Disposing } from "./disposable.js";
import type { Engine } from "./engine.js";
import { Field } from "./generated/problem.js";
import { matmul, matmulBackward } from "./matmul.js";
import type { InferredOptions, NeedsOf } from "./needs.js";
import { exp, expBackward, log, logBackward, softmax, softmaxBackward } from "./ops.js";
import type { PoolMaker } from "./pool.js";
import { Problem } from "./problem.js";
import { scope } from "./scope.js";
import type { Shape } from "./shape.js";
import { Space } from "./space.js";
import type { AnyTensor, Tensor } from "./tensor.js";
import type {
  AttentionBackwardOptions,
  AttentionGradients,
  AttentionOptions,
  DType,
  MatmulGradients,
  MatmulOptions,
  MemoryUse,
  Recomputed,
  SavedAttention,
} from "./types.js";
import { warmup } from "./warmup.js";
import { type Kernels, type Memory, STATIC_END } from "./wasm.js";

/**
 * Which instruction set the kernels of an instance use: "plain" 128-bit SIMD, or "relaxed" SIMD as well.
 *
 * @example
 * const fused = la.simd === "relaxed";
 */
export type Simd = "plain" | "relaxed";

/**
 * One instance: kernels, their linear memory, and the tensors in it. Made by `create` or `createSync`. Tensors of
 * different instances do not mix. `using la = createSync()` disposes it at the end of the block, where the engine has `using`.
 *
 * Every method throws a TypeError for the wrong kind of argument, or for a disposed tensor, and a RangeError for a size, shape
 * or number out of range, naming the argument, what was expected and what came; and a RangeError that says how much was asked
 * for when memory is exhausted. All of them come before any kernel runs and leave every tensor as it was.
 *
 * @example
 * const la = createSync();
 * const [B, H, N, D] = [1, 2, 5, 8];
 * const x = Float32Array.from({ length: B * H * N * D }, (_, i) => Math.sin(i));
 * const q = la.tensor(x, [B, H, N, D]);
 * const out = la.attention(q, q, q, { variant: "laser", causal: true });
 * out.toArray();
 * la.dispose();
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: complete() makes what the interface promises
export class LaserAttention {
  /** "relaxed" when the kernels use relaxed SIMD, by entry, by `simd` or as they were brought, on an engine that has it; else "plain". */
  readonly simd: Simd;
  readonly #arena: Arena;
  readonly #engine: Engine;

  /** @param pool Makes the threads of the instance and says how many. @internal */
  constructor(kernels: Kernels, memory: Memory, simd: Simd, maxMemory?: number, pool?: PoolMaker) {
    if (kernels === undefined) throw new TypeError("LaserAttention: instances are made by create or createSync");
    complete(LaserAttention, "LaserAttention");
    this.simd = simd;
    this.#arena = new Arena(memory, Math.max(STATIC_END, kernels.heapBase() >>> 0), maxMemory);
    const problem = new Problem(this.#arena, pool?.members);
    this.#engine = { kernels, space: new Space(this.#arena), problem, pool: pool?.make(this.#arena, problem) };
  }

  /**
   * How many threads a call may use: 1 except in `laser-attention/threads` and `laser-attention/nn`. After `createSync` of the former
   * this waits until workers have started, in browsers it does not; short calls wait nowhere, and have one thread until then.
   */
  get threads(): number {
    return this.engine.pool?.size ?? 1;
  }

  /** Linear memory, in bytes: what there is now, what of it is in use, and the most it may grow to. It never shrinks, it is reused. */
  get memory(): MemoryUse {
    return this.engine.space.arena.usage;
  }

  /**
   * What the exact recompute replaced in the last attention call, forward or backward (docs/math.md): elements, and the
   * first and the last query row among them, -1 when there are none, as with ordinary input and the standard variant.
   * It is there to explain a call that took long.
   */
  get recomputed(): Recomputed {
    const { problem } = this.engine;
    const elements = problem.read(Field.recomputed).reduce((sum, count) => sum + count, 0);
    if (elements === 0) return { elements, firstRow: -1, lastRow: -1 };
    const [first, last] = [problem.read(Field.recomputedFirst), problem.read(Field.recomputedLast)];
    const query = (row: number): number => Math.floor(row / problem.rowsOfQuery);
    return { elements, firstRow: query(Math.min(...first)), lastRow: query(Math.max(...last)) };
  }

  /**
   * A new tensor with a copy of `data`, row-major.
   * @param data Float32Array for an f32 tensor, Uint8Array for a u8 tensor (masks).
   * @param shape Sizes, integers of 0 or more, whose product is the length of `data`.
   *
   * @example la.tensor(new Float32Array([1, 2, 3, 4, 5, 6]), [2, 3]);
   */
  tensor(data: Float32Array, shape: readonly number[]): Tensor;
  tensor(data: Uint8Array, shape: readonly number[]): Tensor<"u8">;
  tensor(data: Float32Array | Uint8Array, shape: readonly number[]): AnyTensor;
  tensor(data: Float32Array | Uint8Array, shape: readonly number[]): Tensor | Tensor<"u8"> {
    const { space } = this.engine;
    const dtype = check.dtypeOf("tensor", "data", data);
    const sizes = check.shape("tensor", shape, dtype);
    check.length("tensor", "data", data, sizes);
    // Data that lies in this very memory would be detached by growth: it is found again afterwards.
    const [byteOffset, length] = [check.byteOffsetOf(data), check.lengthOf(data)];
    const own = check.bufferOf(data) === space.arena.buffer;
    const tensor = space.allocate(sizes, dtype);
    tensor.data.set(own ? space.arena[dtype](byteOffset, length) : data);
    return tensor as Tensor | Tensor<"u8">;
  }

  /**
   * A new tensor of zeros.
   * @param shape Sizes, integers of 0 or more
   * @param dtype "f32" (default) or "u8".
   *
   * @example la.zeros([2, 3]).toArray(); // Float32Array of six zeros
   */
  zeros(shape: readonly number[], dtype?: "f32"): Tensor;
  zeros(shape: readonly number[], dtype: "u8"): Tensor<"u8">;
  zeros(shape: readonly number[], dtype?: DType): AnyTensor;
  zeros(shape: readonly number[], dtype: DType = "f32"): Tensor | Tensor<"u8"> {
    const tensor = this.#allocate("zeros", shape, dtype);
    tensor.data.fill(0);
    return tensor as Tensor | Tensor<"u8">;
  }

  /**
   * A new tensor whose elements are whatever the memory holds: for results that are written in full.
   * @param shape Sizes, integers of 0 or more
   * @param dtype "f32" (default) or "u8".
   *
   * @example
   * const out = la.empty([B, H, N, D]);
   * la.attention(q, k, v, { variant: "laser", out });
   */
  empty(shape: readonly number[], dtype?: "f32"): Tensor;
  empty(shape: readonly number[], dtype: "u8"): Tensor<"u8">;
  empty(shape: readonly number[], dtype?: DType): AnyTensor;
  empty(shape: readonly number[], dtype: DType = "f32"): Tensor | Tensor<"u8"> {
    return this.#allocate("empty", shape, dtype) as Tensor | Tensor<"u8">;
  }

  /**
   * Softmax attention or LASER attention.
   *
   * With s = softcap(scale q . k) + bias - alibi, hidden keys at -inf, and p = softmax(s) over the keys a query sees:
   * `standard` gives out = sum_j p_j v_j, `laser` gives out = log(sum_j p_j exp(v_j)) (arXiv 2411.03493), finite
   * for values however far apart, up to 2.35e38 in size. A query that sees no key gives 0. N x M scores are never stored.
   *
   * @param q [B, H, N, D]
   * @param k [B, Hkv, M, D], where H is a multiple of Hkv: query head h reads key head floor(h / (H / Hkv))
   * @param v [B, Hkv, M, E]
   * @param options The variant, and what else there is to say
   * @returns out [B, H, N, E], a new tensor or `options.out`
   *
   * B, H, Hkv, D, E are 1 or more, N and M 0 or more. q, k, v may be strided views that are contiguous along the last
   * axis; they are read in place. With `layout: "BNHD"` q, k, v and out have their axes in the order [B, N, H, D].
   *
   * @example
   * const out = la.attention(q, k, v, { variant: "laser", causal: true });
   * out.toArray();
   */
  attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): Tensor {
    return attention(this.engine, q, k, v, options);
  }

  /**
   * {@link attention}, keeping what its gradient needs: out, lse [B, H, N], and references to the inputs and options. The
   * caller disposes `out` and `lse` when the backward call is done, or lets a `scope` do so. Shapes as there.
   *
   * @example
   * const saved = la.attentionForward(q, k, v, { variant: "laser", causal: true });
   * saved.lse.shape; // [B, H, N]
   */
  attentionForward(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): SavedAttention {
    return attentionForward(this.engine, q, k, v, options);
  }

  /**
   * Gradients of {@link attentionForward}: dq, dk, dv in the shapes of q, k, v, and dbias in the shape of the bias, summed
   * over its broadcast axes. Gradients overwrite their target. lse, mask and slopes take no gradient.
   *
   * @param dout Gradient with respect to out, in the shape of out
   * @param saved The result of `attentionForward`; its tensors must be alive and unchanged
   * @param options Which gradients, and where to write them; otherwise all, in new tensors
   *
   * @example
   * const saved = la.attentionForward(q, k, v, { variant: "laser", causal: true });
   * const { dq, dk, dv } = la.attentionBackward(dout, saved);
   */
  attentionBackward<const O extends AttentionBackwardOptions = Record<never, never>>(
    dout: Tensor,
    saved: SavedAttention,
    options?: InferredOptions<O>,
  ): AttentionGradients<NeedsOf<O>> {
    return attentionBackward(this.engine, dout, saved, options);
  }

  /**
   * Matrix product over the last two axes.
   * @param a [..., M, K], or [..., K, M] with `transposeA`
   * @param b [..., K, N], or [..., N, K] with `transposeB`
   * @param options Which factors are read transposed
   * @returns [..., M, N]; leading axes broadcast: aligned at the right, equal or 1. Any strided view is read in place.
   *
   * @example la.matmul(q, k, { transposeB: true }).shape; // [B, H, N, N]
   */
  matmul(a: Tensor, b: Tensor, options?: MatmulOptions): Tensor {
    return matmul(this.engine, a, b, options);
  }

  /**
   * Gradients of {@link matmul} in the shapes of a and b. A factor that was broadcast gets the sum over the axes it was
   * repeated along, in ascending order and float64; one b for all of a is one product over all rows, unless a is read transposed.
   * @param dout Gradient with respect to the product, in its shape
   * @param a The first factor
   * @param b The second
   * @param options Those of the product
   *
   * @example
   * const product = la.matmul(q, k, { transposeB: true });
   * const { da, db } = la.matmulBackward(product, q, k, { transposeB: true });
   */
  matmulBackward(dout: Tensor, a: Tensor, b: Tensor, options?: MatmulOptions): MatmulGradients {
    return matmulBackward(this.engine, dout, a, b, options);
  }

  /**
   * Softmax along the last axis: out_j = exp(x_j) / sum exp(x), NaN for a row of -inf alone or with NaN or +inf. Any shape of rank 1 or more.
   *
   * @example
   * la.softmax(la.tensor(new Float32Array([0, 0, 0, 0]), [2, 2])).toArray(); // [0.5, 0.5, 0.5, 0.5]
   */
  softmax(x: Tensor): Tensor {
    return softmax(this.engine, x);
  }

  /**
   * Gradient of {@link softmax}: dx = out * (dout - sum(dout * out)), from the result `out`. All of one shape.
   *
   * @example const dx = la.softmaxBackward(dout, la.softmax(q));
   */
  softmaxBackward(dout: Tensor, out: Tensor): Tensor {
    return softmaxBackward(this.engine, dout, out);
  }

  /**
   * exp(x) elementwise, within 1 ulp over the whole float32 range, subnormal results included.
   *
   * @example la.exp(la.zeros([3])).toArray(); // [1, 1, 1]
   */
  exp(x: Tensor): Tensor {
    return exp(this.engine, x);
  }

  /**
   * Gradient of {@link exp}: dx = dout * out, from the result `out`. All of one shape.
   *
   * @example const dx = la.expBackward(dout, la.exp(q));
   */
  expBackward(dout: Tensor, out: Tensor): Tensor {
    return expBackward(this.engine, dout, out);
  }

  /**
   * Natural logarithm elementwise, within 1 ulp over the whole float32 range; log(0) = -inf, log of less is NaN.
   *
   * @example la.log(la.exp(q)).shape; // that of q
   */
  log(x: Tensor): Tensor {
    return log(this.engine, x);
  }

  /**
   * Gradient of {@link log}: dx = dout / x. All of one shape.
   *
   * @example
   * const x = la.exp(q);
   * const dx = la.logBackward(dout, x);
   */
  logBackward(dout: Tensor, x: Tensor): Tensor {
    return logBackward(this.engine, dout, x);
  }

  /**
   * Runs `fn` and releases every tensor that was made inside and not returned, also when it throws. Results may be nested
   * in arrays, maps, sets and objects (a saved object as well); tensors from outside are left alone. Scopes nest: what
   * an inner one returns belongs to the outer one. In a training step one releases nothing, if anything in it needs gradients.
   * @param fn Synchronous; returning a promise is a TypeError.
   *
   * @example
   * const { dq } = la.scope(() => la.attentionBackward(dout, la.attentionForward(q, k, v, { variant: "laser" })));
   */
  scope<R>(fn: () => R): R {
    check.callback("scope", fn);
    return scope(this.engine.space, fn);
  }

  /**
   * Runs both variants until their times are steady, for half a second at most: engines start kernels in a slow tier and
   * compile them well only after some calls.
   *
   * @example await la.warmup();
   */
  async warmup(): Promise<void> {
    await warmup(this.engine);
  }

  /**
   * Lets go of the memory and of every tensor in it, and ends the threads; a second call does nothing, any other use throws
   * a TypeError. Arrays taken from `data` keep the memory, and threads a forgotten instance: dispose it.
   *
   * @example
   * const other = createSync();
   * other.dispose();
   */
  dispose(): void {
    this.#engine.pool?.dispose();
    this.#arena.dispose();
    // What holds the engine (this instance, one for training, its tape) holds no memory by it.
    Object.assign(this.#engine, { kernels: undefined, problem: undefined, pool: undefined });
  }

  /** What it runs on, for the entries that build on it. @internal */
  get engine(): Engine {
    check.instance(this.#arena.disposed);
    return this.#engine;
  }

  #allocate(where: string, shape: Shape, dtype: DType): Tensor<DType> {
    const { space } = this.engine;
    check.dtype(where, dtype);
    return space.allocate(check.shape(where, shape, dtype), dtype);
  }
}

export interface LaserAttention extends Disposing {}
