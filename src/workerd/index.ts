/** laser-attention where nothing compiles from bytes: edge workers, whose bundler makes a module of the imported file. */

import type { LaserAttention } from "../facade.js";
import kernels from "../kernels.wasm?module";
import { open, openSync } from "../open.js";
import type { CreateOptions, KernelSource } from "../types.js";

const plain = { simd: "plain", binary: { module: kernels } } as const;

export const createSync = (options?: CreateOptions<KernelSource>): LaserAttention => openSync([plain], options);
export const create = (options?: CreateOptions): Promise<LaserAttention> => open([plain], options);
