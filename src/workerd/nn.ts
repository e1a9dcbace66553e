/** laser-attention/nn for edge workers, on one thread. */
import relaxed from "../kernels.relaxed.wasm?module";
import plain from "../kernels.wasm?module";
import { Nn } from "../nn/nn.js";
import relaxedMore from "../nn.relaxed.wasm?module";
import plainMore from "../nn.wasm?module";
import type { ThreadsOptions } from "../threads-options.js";
import type { KernelSource } from "../types.js";
import { openUnshared, openUnsharedSync } from "../unshared.js";
import { wanted } from "./alone.js";

export * from "../nn/public.js";

const more = {
  alone: [
    { simd: "plain", binary: { module: plainMore } },
    { simd: "relaxed", binary: { module: relaxedMore } },
  ],
  shared: [],
} as const;

export function createSync(options?: ThreadsOptions<KernelSource>): Nn {
  return new Nn(openUnsharedSync(wanted("createSync", options, { plain, relaxed }), options, more));
}

export async function create(options?: ThreadsOptions): Promise<Nn> {
  return new Nn(await openUnshared(wanted("create", options, { plain, relaxed }), options, more));
}
