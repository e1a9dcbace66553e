import type { Engine } from "../engine.js";
import type { NnKernels } from "../generated/nn-kernel-types.js";
import type { Kernels } from "../wasm.js";

/** What the operations of `laser-attention/nn` run on: the engine of an instance whose kernels include theirs. */
export interface NnEngine extends Engine {
  readonly kernels: Kernels & NnKernels;
}
