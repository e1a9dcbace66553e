import { hex } from "./generated/kernels.js";

/** The kernels in plain SIMD, which entries without `simd: "relaxed"` run, and the others fall back to. */
export const plain = { simd: "plain", binary: { hex } } as const;
