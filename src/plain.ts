import { hex } from "./generated/kernels.js";
import { Binary } from "./wasm.js";

/** The kernels in plain SIMD, which both entries have. */
export const plain = { simd: "plain", binary: /* @__PURE__ */ new Binary(hex) } as const;
