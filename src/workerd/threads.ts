/** laser-attention/threads for edge workers, which have no threads: one, and one warning that says so. */
import type { LaserAttention } from "../facade.js";
import relaxedKernels from "../kernels.relaxed.wasm";
import plainKernels from "../kernels.wasm";
import type { Build } from "../source.js";
import { checkThreadsOptions, type ThreadsOptions, warn } from "../threads-options.js";
import type { KernelSource } from "../types.js";
import { openUnshared, openUnsharedSync } from "../unshared.js";
import { Binary } from "../wasm.js";

const builds = {
  plain: { simd: "plain", binary: /* @__PURE__ */ new Binary(plainKernels) },
  relaxed: { simd: "relaxed", binary: /* @__PURE__ */ new Binary(relaxedKernels) },
} as const;

export function createSync(options?: ThreadsOptions<KernelSource>): LaserAttention {
  return openUnsharedSync(wanted("createSync", options), options);
}

export async function create(options?: ThreadsOptions): Promise<LaserAttention> {
  return openUnshared(wanted("create", options), options);
}

function wanted(where: string, options: ThreadsOptions = {}): Build {
  checkThreadsOptions(where, options);
  if (options.threads !== 1) warn("this host has no threads");
  return builds[options.simd ?? "plain"];
}
