/** laser-attention/threads for edge workers, on one thread. */
import type { LaserAttention } from "../facade.js";
import relaxed from "../kernels.relaxed.wasm?module";
import plain from "../kernels.wasm?module";
import type { ThreadsOptions } from "../threads-options.js";
import type { KernelSource } from "../types.js";
import { openUnshared, openUnsharedSync } from "../unshared.js";
import { wanted } from "./alone.js";

export function createSync(options?: ThreadsOptions<KernelSource>): LaserAttention {
  return openUnsharedSync(wanted("createSync", options, { plain, relaxed }), options);
}

export async function create(options?: ThreadsOptions): Promise<LaserAttention> {
  return openUnshared(wanted("create", options, { plain, relaxed }), options);
}
