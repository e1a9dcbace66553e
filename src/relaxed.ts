/**
 * laser-attention with relaxed SIMD: multiply and add in one instruction where the processor has one, hence faster, and in
 * the last bits not the same on every engine. Engines without relaxed SIMD get the plain kernels; `la.simd` says which.
 *
 * @module laser-attention/relaxed
 */
import type { LaserAttention } from "./facade.js";
import { hex } from "./generated/kernels.relaxed.js";
import { open, openSync } from "./open.js";
import { plain } from "./plain.js";
import type { CreateOptions, KernelSource } from "./types.js";

export type { LaserAttention, Simd } from "./facade.js";
export type { AnyTensor, Tensor } from "./tensor.js";
export type * from "./types.js";

const relaxed = { simd: "relaxed", binary: { hex } } as const;

/**
 * A new instance, at once; see `createSync` of the main entry.
 * @throws As that does
 *
 * @example
 * import { createSync } from "laser-attention/relaxed";
 * const la = createSync();
 * la.simd; // "relaxed", or "plain" where the engine has no relaxed SIMD
 */
export function createSync(options?: CreateOptions<KernelSource>): LaserAttention {
  return openSync([relaxed, plain], options);
}

/**
 * A new instance, compiled off the main thread where the engine does so. Rejects where `createSync` throws.
 *
 * @example
 * import { create } from "laser-attention/relaxed";
 * const la = await create();
 */
export function create(options?: CreateOptions): Promise<LaserAttention> {
  return open([relaxed, plain], options);
}
