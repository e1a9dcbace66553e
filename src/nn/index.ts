/**
 * laser-attention/nn: what the four model families of the paper are made of, forward and backward, on the memory of an
 * instance with attention; gradients, an optimiser, modules.
 */
import { start, startSync } from "../start.js";
import type { ThreadsOptions } from "../threads-options.js";
import type { KernelSource } from "../types.js";
import { more } from "./kernels.js";
import { Nn } from "./nn.js";

export * from "./public.js";

/**
 * A new instance for training, as soon as its threads have started; in a browser neither the main thread nor a worker may wait for
 * threads, and both get one: use `create` there.
 *
 * @throws TypeError or RangeError for options that do not fit, as `createSync` of `laser-attention/threads`
 *
 * @example const nn = createSync({ threads: 2, simd: "relaxed" });
 */
export function createSync(options?: ThreadsOptions<KernelSource>): Nn {
  return new Nn(startSync(options, more));
}

/**
 * A new instance for training, with its threads. Rejects where `createSync` throws.
 *
 * @example const nn = await create({ simd: "relaxed" });
 */
export async function create(options?: ThreadsOptions): Promise<Nn> {
  return new Nn(await start(options, more));
}
