/** The exports of the kernels: all there is, and the list that test/kernels.test.ts checks. */

/** First byte of memory that is free for tensors. */
export function heapBase(): usize {
  return __heap_base;
}

export { attentionForward, attentionForwardScratch } from "./attention";
export { attentionBackward, attentionBackwardScratch } from "./attention-backward";
export { exp, expBackward } from "./exp";
export { log, logBackward } from "./log";
export { matmul, matmulScratch } from "./matmul";
export { useLanes } from "./microkernel";
export { packRows } from "./pack";
export { softmax, softmaxBackward } from "./softmax";
export { matmulThin } from "./thin-product";
