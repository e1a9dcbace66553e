/**
 * laser-attention without a binary inside: the caller brings `laser-attention/kernels.wasm` or `kernels.relaxed.wasm`, as a module, as bytes
 * or as an address, so that it is cached, shared between workers, or compiled by the host when it deploys.
 *
 * @module laser-attention/slim
 */
import type { LaserAttention } from "./facade.js";
import { open, openSync } from "./open.js";
import type { AsyncKernelSource, CreateOptions, KernelSource } from "./types.js";

export type { LaserAttention, Simd } from "./facade.js";
export type { AnyTensor, Tensor } from "./tensor.js";
export type * from "./types.js";

/**
 * How an instance of this entry is created: `wasm` is not optional here.
 *
 * @example
 * import { create, type SlimOptions } from "laser-attention/slim";
 * const options: SlimOptions = { wasm: new URL(import.meta.resolve("laser-attention/kernels.wasm")) };
 * const la = await create(options);
 */
export interface SlimOptions<Source = AsyncKernelSource> extends CreateOptions<Source> {
  /** `laser-attention/kernels.wasm` or `kernels.relaxed.wasm` of this very version; errors as in {@link CreateOptions.wasm}. */
  wasm: Source;
}

/**
 * A new instance of the kernels that are brought, at once.
 * @throws Error when the engine has no WebAssembly SIMD; RangeError or TypeError for wrong options; see {@link CreateOptions.wasm}.
 *
 * @example
 * import { createSync } from "laser-attention/slim";
 * import kernels from "laser-attention/kernels.wasm"; // a module, in edge workers
 * const la = createSync({ wasm: kernels });
 */
export function createSync(options: SlimOptions<KernelSource>): LaserAttention {
  return openSync([], options);
}

/**
 * A new instance of the kernels that are brought, fetched and compiled without blocking. Rejects where `createSync` throws.
 *
 * @example
 * import { create } from "laser-attention/slim";
 * const la = await create({ wasm: fetch("/kernels.wasm") });
 */
export function create(options: SlimOptions): Promise<LaserAttention> {
  return open([], options);
}
