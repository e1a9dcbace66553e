/**
 * laser-attention on several threads: the same names, the same bits at any number of threads. Node, Deno and Bun need nothing more; browsers
 * need a cross-origin isolated page, and `create`. Where threads can't be had the instance runs on one thread and says why, once, with
 * console.warn.
 *
 * @module laser-attention/threads
 */
import type { LaserAttention } from "./facade.js";
import { start, startSync } from "./start.js";
import type { ThreadsOptions } from "./threads-options.js";
import type { KernelSource } from "./types.js";

export type { LaserAttention, Simd } from "./facade.js";
export type { AnyTensor, Tensor } from "./tensor.js";
export type { ThreadsOptions } from "./threads-options.js";
export type * from "./types.js";

/**
 * A new instance, at once. Its workers start with the first call that is worth them, or when the program comes back to its event loop; until
 * all have, calls run on one thread, unless they are so long that it pays to wait. `la.threads` waits. In a browser's worker nothing waits: its
 * own workers may start only when it comes back to its event loop. A browser's main thread gets one thread.
 * @throws Error when the engine has no WebAssembly SIMD; RangeError or TypeError for wrong options.
 *
 * @example
 * import { createSync } from "laser-attention/threads";
 * const la = createSync({ threads: 2 });
 * la.dispose(); // ends them
 */
export function createSync(options?: ThreadsOptions<KernelSource>): LaserAttention {
  return startSync(options);
}

/**
 * A new instance with its threads, which start while this waits. Rejects where `createSync` throws.
 *
 * @example
 * import { create } from "laser-attention/threads";
 * const la = await create({ threads: 2, simd: "relaxed" });
 * la.threads; // 2
 */
export function create(options?: ThreadsOptions): Promise<LaserAttention> {
  return start(options);
}
