import { hex } from "./generated/kernels.js";

/** The kernels in plain SIMD, which both entries have. */
export const plain = { simd: "plain", binary: { hex } } as const;
