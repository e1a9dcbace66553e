/** The exports of the nn kernels: all there is, and the list that test/kernels.test.ts checks. */

/** First byte behind the static data of this module. */
export function heapBase(): usize {
  return __heap_base;
}

export { act } from "./activation";
export { adamw } from "./adamw";
export { columnSum } from "./column-sum";
export { crossEntropy } from "./cross-entropy";
export { ctc, ctcScratch } from "./ctc";
export { depthwise, depthwiseBackward, depthwiseParams, depthwiseScratch } from "./depthwise";
export { dropout } from "./dropout";
export { addRows, addScaled, multiply, scale } from "./elementwise";
export { embedding, embeddingBackward } from "./embedding";
export { glu, gluBackward } from "./glu";
export { maskedMean, maskedMeanBackward, maskRows } from "./mask";
export {
  layerNorm,
  layerNormBackward,
  layerNormParams,
  rmsNorm,
  rmsNormBackward,
  rmsNormParams,
} from "./norm";
export { sum64, sumSquares } from "./row-sum";
