/**
 * laser-attention: standard and LASER attention, forward and backward, as WebAssembly SIMD kernels.
 *
 * @module laser-attention
 */
import type { LaserAttention } from "./facade.js";
import { open, openSync } from "./open.js";
import { plain } from "./plain.js";
import type { CreateOptions, KernelSource } from "./types.js";

export type { LaserAttention, Simd } from "./facade.js";
export type { AnyTensor, Tensor } from "./tensor.js";
export type * from "./types.js";

/**
 * A new instance, at once. Some browsers compile only very small binaries at once on the main thread: use `create` there.
 * @throws Error when the engine has no WebAssembly SIMD; RangeError or TypeError for wrong options; see {@link CreateOptions.wasm}.
 *
 * @example
 * const la = createSync({ maxMemory: 256 * 2 ** 20 });
 */
export function createSync(options?: CreateOptions<KernelSource>): LaserAttention {
  return openSync([plain], options);
}

/**
 * A new instance, compiled off the main thread where the engine does so. Rejects where `createSync` throws.
 *
 * @example
 * const la = await create();
 */
export function create(options?: CreateOptions): Promise<LaserAttention> {
  return open([plain], options);
}
