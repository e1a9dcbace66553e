/** laser-attention/relaxed for edge workers; their engines have relaxed SIMD. */

import type { LaserAttention } from "../facade.js";
import kernels from "../kernels.relaxed.wasm?module";
import { open, openSync } from "../open.js";
import type { CreateOptions, KernelSource } from "../types.js";

const relaxed = { simd: "relaxed", binary: { module: kernels } } as const;

export const createSync = (options?: CreateOptions<KernelSource>): LaserAttention => openSync([relaxed], options);
export const create = (options?: CreateOptions): Promise<LaserAttention> => open([relaxed], options);
