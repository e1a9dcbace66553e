/** laser-attention/nn for edge workers, which have no threads: one, and one warning that says so. */
import relaxedKernels from "../kernels.relaxed.wasm";
import plainKernels from "../kernels.wasm";
import { Nn } from "../nn/nn.js";
import relaxedMore from "../nn.relaxed.wasm";
import plainMore from "../nn.wasm";
import { open, openSync } from "../open.js";
import { type Build, compile, compileSync } from "../source.js";
import { checkThreadsOptions, type ThreadsOptions, warn } from "../threads-options.js";
import type { KernelSource } from "../types.js";
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
  const build = wanted("createSync", options);
  if (options?.wasm !== undefined) compileSync("createSync", [], "shared", options.wasm); // left unused, but checked
  return new Nn(openSync([build], { maxMemory: options?.maxMemory }, more));
}

export async function create(options?: ThreadsOptions): Promise<Nn> {
  const build = wanted("create", options);
  if (options?.wasm !== undefined) await compile("create", [], "shared", options.wasm);
  return new Nn(await open([build], { maxMemory: options?.maxMemory }, more));
}

function wanted(where: string, options: ThreadsOptions = {}): Build {
  checkThreadsOptions(where, options);
  if (options.threads !== 1) warn("this host has no threads");
  return builds[options.simd ?? "plain"];
}
