/** All of laser-attention/nn but the creation of instances, which edge workers do in their own way (src/workerd/nn.ts). */

export { Random, type RandomState } from "../data/random.js";
export type { Tensor } from "../tensor.js";
export type { AttentionOptions } from "../types.js";
export { type Activation, activation } from "./activation.js";
export { AdamW, type AdamWOptions, type AdamWState, type AdamWStepOptions } from "./adamw.js";
export { add } from "./add.js";
export { attention, selfAttention, type ValueAttentionOptions } from "./attention.js";
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
export {
  Depthwise,
  Embedding,
  LayerNorm,
  Linear,
  type LinearLayerOptions,
  type NormLayerOptions,
  RmsNorm,
} from "./layers.js";
export { type LinearOptions, linear } from "./linear.js";
export type { Loss } from "./loss.js";
export { maskedMean, maskRows } from "./mask.js";
export { Module, type ParameterValues, type StateDict } from "./module.js";
export { multiply } from "./multiply.js";
export type { Nn } from "./nn.js";
export { layerNorm, rmsNorm } from "./norm.js";
export { loss, type Operation, operation } from "./operation.js";
export { prepend, takeRow, takeRows } from "./rows.js";
export {
  readSafetensors,
  type Safetensors,
  type SafetensorsData,
  type SafetensorsInput,
  type SafetensorsTensor,
  type SafetensorsType,
  type WriteSafetensorsOptions,
  writeSafetensors,
} from "./safetensors.js";
export { scale } from "./scale.js";
export { constantRate, type DecayOptions, linearDecay, type Schedule, warmupCosine } from "./schedule.js";
export { type ForwardOptions, SelfAttention } from "./self-attention.js";
export type { Parameter, Value } from "./value.js";
