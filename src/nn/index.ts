/**
 * laser-attention/nn: what the four model families of the paper are made of, forward and backward, on the memory of an
 * instance with attention; gradients, an optimiser, modules.
 */
import { start, startSync } from "../start.js";
import type { ThreadsOptions } from "../threads-options.js";
import type { KernelSource } from "../types.js";
import { more } from "./kernels.js";
import { Nn } from "./nn.js";

export { AdamW, type AdamWOptions, type AdamWState } from "./adamw.js";
export { add } from "./add.js";
export { type SelfAttentionOptions, selfAttention } from "./attention.js";
export { AttentionCache, cachedAttention } from "./cached-attention.js";
export { type Checkpoint, loadCheckpoint, type Saved, saveCheckpoint } from "./checkpoint.js";
export { crossEntropy } from "./cross-entropy.js";
export { type CtcOptions, ctcLoss } from "./ctc.js";
export { depthwise } from "./depthwise.js";
export { dropout } from "./dropout.js";
export { addPositions, embedding } from "./embedding.js";
export { checkFinite } from "./finite.js";
export { glu } from "./glu.js";
export type { Json } from "./json.js";
export { Depthwise, Embedding, LayerNorm, Linear, RmsNorm, SelfAttention } from "./layers.js";
export { type Activation, linear } from "./linear.js";
export type { Loss } from "./loss.js";
export { maskedMean, maskRows } from "./mask.js";
export { Module, type StateDict } from "./module.js";
export type { Nn } from "./nn.js";
export { layerNorm, rmsNorm } from "./norm.js";
export { Random, type RandomState } from "./random.js";
export { prepend, takeRow } from "./rows.js";
export { scale } from "./scale.js";
export { silu } from "./silu.js";
export type { Parameter, Value } from "./value.js";

/**
 * A new instance for training, at once; a browser's main thread may not wait for threads and gets one.
 *
 * @example const nn = createSync({ threads: 2, simd: "relaxed" });
 */
export function createSync(options?: ThreadsOptions<KernelSource>): Nn {
  return new Nn(startSync(options, more));
}

/**
 * A new instance for training, with its threads. Rejects where `createSync` throws.
 *
 * @example const nn = await create({ simd: "relaxed" });
 */
export async function create(options?: ThreadsOptions): Promise<Nn> {
  return new Nn(await start(options, more));
}
