import type { Tensor } from "./tensor.js";

/**
 * Element type of a tensor: 32-bit float, or unsigned byte for masks.
 *
 * @example
 * const mask = la.zeros([1, 1, 1, N], "u8");
 */
export type DType = "f32" | "u8";

/**
 * The typed array that holds elements of type `T`.
 *
 * @example
 * const elements: Data<"f32"> = q.toArray(); // a Float32Array
 */
export type Data<T extends DType = "f32"> = T extends "u8" ? Uint8Array : Float32Array;

/**
 * The same of a copy, which shares memory with nothing: what Blob, Response and crypto.subtle take, by the types of TypeScript 5.7 and newer.
 *
 * @example
 * const file = new Blob([q.toArray()]);
 */
export type Copied<T extends DType = "f32"> = T extends "u8"
  ? ReturnType<Uint8Array["slice"]>
  : ReturnType<Float32Array["slice"]>;

/**
 * A WebAssembly.Module, by that name where the program's types have it. It is an empty type there, which anything matches, so
 * what is no object is kept out, and what only `create` takes: promises, addresses and responses.
 *
 * @example
 * import type { KernelModule } from "laser-attention";
 * import { createSync } from "laser-attention/slim";
 * const open = (wasm: KernelModule) => createSync({ wasm });
 */
export type KernelModule = (typeof globalThis extends { WebAssembly: { Module: { prototype: infer M } } }
  ? M
  : unknown) &
  object & {
    readonly then?: never;
    readonly href?: never;
    readonly arrayBuffer?: never;
  };

/**
 * Kernels that the caller brings to `createSync`: one of the package's .wasm files, as a module or as bytes.
 *
 * @example
 * import { readFileSync } from "node:fs";
 * const wasm: KernelSource = readFileSync(new URL(import.meta.resolve("laser-attention/kernels.wasm")));
 * createSync({ wasm });
 */
export type KernelSource = KernelModule | ArrayBuffer | ArrayBufferView;

/**
 * What `create` takes as well: where to fetch the file, the response of a fetch, or a promise of any of them.
 *
 * @example
 * const wasm: AsyncKernelSource = new URL(import.meta.resolve("laser-attention/kernels.wasm"));
 * await create({ wasm });
 */
export type AsyncKernelSource = KernelSource | Address | Answer | PromiseLike<KernelSource | Address | Answer>;

/**
 * An address: a string, or a URL object.
 *
 * @example
 * const worker: Address = "/assets/worker.js";
 */
export type Address =
  | string
  | {
      /** The address in full. */
      readonly href: string;
    };

/**
 * The part of a `Response` that is used.
 *
 * @example
 * const answer: Promise<Answer> = fetch("/kernels.wasm");
 */
export interface Answer {
  /** Whether the status is 200 to 299. */
  readonly ok: boolean;
  /** The status, for error messages. */
  readonly status: number;
  /** The address, for error messages. */
  readonly url: string;
  /**
   * The bytes of the file.
   *
   * @example
   * const wasm = await (await fetch("/kernels.wasm")).arrayBuffer();
   */
  arrayBuffer(): Promise<ArrayBuffer>;
}

/**
 * How an instance is created.
 *
 * @example
 * const options: CreateOptions = { maxMemory: 256 * 2 ** 20 };
 * const la = await create(options);
 */
export interface CreateOptions<Source = AsyncKernelSource> {
  /**
   * The most bytes that the linear memory may grow to, kernels included: 1 MiB to 4 GiB. Default 4 GiB; with threads less, down to 512 MiB,
   * where the host has no room for that: `la.memory.limit`.
   */
  maxMemory?: number | undefined;
  /**
   * Kernels to use instead of those inside the entry, so that a page compiles them once for all its workers:
   * `laser-attention/kernels.wasm` or `kernels.relaxed.wasm` of this very version; in the entry with threads
   * `kernels.threads.wasm` or `kernels.threads-relaxed.wasm`, which are left unused where memory cannot be shared. `la.simd` tells which.
   * @throws TypeError for another kind of thing, RangeError for another module or bytes that do not compile, Error when
   * the file cannot be fetched.
   */
  wasm?: Source | undefined;
}

/**
 * `standard`: out = P v. `laser`: out = log(P exp(v)), arXiv 2411.03493. P is the softmax of the scores.
 *
 * @example
 * const variant: Variant = "laser";
 * la.attention(q, k, v, { variant });
 */
export type Variant = "standard" | "laser";

/**
 * Options of an attention call, all of which combine. B batch, H query heads, N queries, M keys, D key width; i is a query, j
 * a key. A wrong type, a text that is none of the choices and an unknown option are a TypeError, a wrong number or shape a RangeError.
 *
 * @example
 * const options: AttentionOptions = { variant: "laser", causal: true, window: [128, 0], alibi: true };
 * la.attention(q, k, v, options);
 */
export interface AttentionOptions {
  /** Which attention to compute. Required: neither is a default. */
  variant: Variant;
  /** Query i sees key j only when j <= i'. i' = i + M - N, or i with `align: "top-left"`. Default false. */
  causal?: boolean | undefined;
  /** `[left, right]`: query i sees key j when i' - left <= j <= i' + right. A negative side or Infinity is unlimited. */
  window?: readonly [left: number, right: number] | undefined;
  /** Which corner of the score matrix `causal`, `window` and `alibi` are aligned to. Default "bottom-right". */
  align?: "bottom-right" | "top-left" | undefined;
  /** u8 [B or 1, H or 1, N or 1, M], last axis contiguous: 0 hides a key, anything else shows it. */
  mask?: Tensor<"u8"> | undefined;
  /** f32 [B or 1, H or 1, N or 1, M], last axis contiguous, added to the scores after softcap. -inf hides a key. */
  bias?: Tensor | undefined;
  /** Factor of q . k, at most 2.35e38 in size; with a softcap, scale / softcap must be a finite float32. Default 1 / sqrt(D). */
  scale?: number | undefined;
  /** score = softcap * tanh(score / softcap), after `scale`, before `bias` and masks. Above 0, at most 2.35e38. */
  softcap?: number | undefined;
  /**
   * score -= slope * |i' - j|. true: slope 2^(-8 (h + 1) / H) for query head h, H any number; or one slope per query head, at most 2.35e38
   * in size. No gradient.
   */
  alibi?: boolean | Float32Array | undefined;
  /** Axis order of q, k, v, out and their gradients. lse stays [B, H, N], mask and bias stay [B, H, N, M]. Default "BHND". */
  layout?: "BHND" | "BNHD" | undefined;
  /** Where to write out. It shares no element with an input; interleaved views of one base are fine. */
  out?: Tensor | undefined;
}

/**
 * What {@link LaserAttention.attentionBackward} needs to know about a forward call.
 *
 * @example
 * const saved: SavedAttention = la.attentionForward(q, k, v, { variant: "laser" });
 * la.attentionBackward(dout, saved);
 */
export interface SavedAttention {
  /** Of shape [B, H, N, E], or [B, N, H, E] in layout "BNHD". */
  readonly out: Tensor;
  /** Of shape [B, H, N]: natural logarithm of the sum of exp of the scores; -inf for a row that sees no key. */
  readonly lse: Tensor;
  /** The q of the call, not a copy. */
  readonly q: Tensor;
  /** The k of the call, not a copy. */
  readonly k: Tensor;
  /** The v of the call, not a copy. */
  readonly v: Tensor;
  /** The options of the call without `out`; an `alibi` array is a copy. */
  readonly options: Readonly<Omit<AttentionOptions, "out">>;
}

/**
 * Names of the gradients of an attention call.
 *
 * @example
 * const names: GradientName[] = ["dq", "dk", "dv"];
 */
export type GradientName = "dq" | "dk" | "dv" | "dbias";

/**
 * Which gradients are wanted. Left out or true: wanted. false: not computed.
 *
 * @example
 * const needs = { dq: false } satisfies Needs;
 */
export type Needs = { readonly [name in GradientName]?: boolean | undefined };

/**
 * Options of {@link LaserAttention.attentionBackward}.
 *
 * @example
 * const saved = la.attentionForward(q, k, v, { variant: "laser" });
 * const options: AttentionBackwardOptions = { into: { dq: la.empty([B, H, N, D]) } };
 * la.attentionBackward(dout, saved, options);
 */
export interface AttentionBackwardOptions {
  /**
   * Tensors to write gradients into, for example views of one dqkv. They are overwritten and share no element with an input or
   * with each other.
   */
  into?: { readonly [name in GradientName]?: Tensor | undefined } | undefined;
  /** Which gradients to compute. Default: all. */
  needs?: Needs | undefined;
}

type Wanted<N extends Needs, K extends GradientName> = N extends unknown
  ? K extends keyof N
    ? N[K] extends false
      ? undefined
      : N[K] extends true
        ? Tensor
        : Tensor | undefined
    : Tensor
  : never;

/**
 * Gradients of an attention call: undefined where not needed.
 *
 * @example
 * const saved = la.attentionForward(q, k, v, { variant: "laser" });
 * const { dk, dv }: AttentionGradients<{ dq: false }> = la.attentionBackward(dout, saved, { needs: { dq: false } });
 */
export interface AttentionGradients<N extends Needs = Record<never, never>> {
  /** In the shape of q. */
  readonly dq: Wanted<N, "dq">;
  /** In the shape of k, summed over the query heads that read a key head. */
  readonly dk: Wanted<N, "dk">;
  /** In the shape of v, summed likewise. */
  readonly dv: Wanted<N, "dv">;
  /** In the shape of the bias, summed over the axes where it is 1; undefined where there was none. */
  readonly dbias: Tensor | undefined;
}

/**
 * Options of {@link LaserAttention.matmul}.
 *
 * @example
 * const options: MatmulOptions = { transposeB: true };
 * la.matmul(q, k, options);
 */
export interface MatmulOptions {
  /** Read the last two axes of a as [K, M] instead of [M, K]. Default false. */
  transposeA?: boolean | undefined;
  /** Read the last two axes of b as [N, K] instead of [K, N]. Default false. */
  transposeB?: boolean | undefined;
}

/**
 * Gradients of {@link LaserAttention.matmul}.
 *
 * @example
 * const { da, db }: MatmulGradients = la.matmulBackward(la.matmul(q, k, { transposeB: true }), q, k, { transposeB: true });
 */
export interface MatmulGradients {
  /** In the shape of a, summed over the axes along which a was repeated. */
  da: Tensor;
  /** In the shape of b, summed likewise. */
  db: Tensor;
}

/**
 * What {@link LaserAttention.memory} tells.
 *
 * @example
 * const { used, limit }: MemoryUse = la.memory;
 */
export interface MemoryUse {
  /** Bytes of linear memory now. */
  readonly bytes: number;
  /** Bytes of it that tensors and the instance itself hold. */
  readonly used: number;
  /** The most bytes it may grow to. */
  readonly limit: number;
}

/**
 * What {@link LaserAttention.recomputed} tells.
 *
 * @example
 * const { elements }: Recomputed = la.recomputed;
 */
export interface Recomputed {
  /** How many elements of the result were computed again. */
  readonly elements: number;
  /** The first query row among them, -1 if there are none. */
  readonly firstRow: number;
  /** The last query row among them, -1 if there are none. */
  readonly lastRow: number;
}
