import { hex } from "../generated/nn-kernels.js";
import { hex as threads } from "../generated/nn-kernels.threads.js";
import { hex as threadsRelaxed } from "../generated/nn-kernels.threads-relaxed.js";
import type { More } from "../source.js";

/** The kernels of assembly/nn, which run beside those of attention on one memory. */
export const more: More = {
  alone: [{ simd: "plain", binary: { hex } }],
  shared: [
    { simd: "plain", binary: { hex: threads } },
    { simd: "relaxed", binary: { hex: threadsRelaxed } },
  ],
};
