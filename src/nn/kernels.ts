import { hex } from "../generated/nn-kernels.js";
import { hex as threads } from "../generated/nn-kernels.threads.js";
import { hex as threadsRelaxed } from "../generated/nn-kernels.threads-relaxed.js";
import type { More } from "../source.js";
import { Binary } from "../wasm.js";

/** The kernels of assembly/nn, which run beside those of attention on one memory. */
export const more: More = {
  alone: [{ simd: "plain", binary: /* @__PURE__ */ new Binary(hex) }],
  shared: [
    { simd: "plain", binary: /* @__PURE__ */ new Binary(threads) },
    { simd: "relaxed", binary: /* @__PURE__ */ new Binary(threadsRelaxed) },
  ],
};
