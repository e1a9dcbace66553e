/** laser-attention/nn for edge workers, which have no threads: one, and one warning that says so. */
import relaxedKernels from "../kernels.relaxed.wasm";
import plainKernels from "../kernels.wasm";
import { Nn } from "../nn/nn.js";
import relaxedMore from "../nn.relaxed.wasm";
import plainMore from "../nn.wasm";
import type { Build } from "../source.js";
import { checkThreadsOptions, type ThreadsOptions, warn } from "../threads-options.js";
import type { KernelSource } from "../types.js";
import { openUnshared, openUnsharedSync } from "../unshared.js";
import { Binary } from "../wasm.js";

export * from "../nn/public.js";

const builds = {
  plain: { simd: "plain", binary: /* @__PURE__ */ new Binary(plainKernels) },
  relaxed: { simd: "relaxed", binary: /* @__PURE__ */ new Binary(relaxedKernels) },
} as const;

const more = {
  alone: [
    { simd: "plain", binary: /* @__PURE__ */ new Binary(plainMore) },
    { simd: "relaxed", binary: /* @__PURE__ */ new Binary(relaxedMore) },
  ],
  shared: [],
} as const;

export function createSync(options?: ThreadsOptions<KernelSource>): Nn {
  return new Nn(openUnsharedSync(wanted("createSync", options), options, more));
}

export async function create(options?: ThreadsOptions): Promise<Nn> {
  return new Nn(await openUnshared(wanted("create", options), options, more));
}

function wanted(where: string, options: ThreadsOptions = {}): Build {
  checkThreadsOptions(where, options);
  if (options.threads !== 1) warn("this host has no threads");
  return builds[options.simd ?? "plain"];
}
