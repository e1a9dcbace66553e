/** Operations of a training step. */
import { tokenBatch } from "./batch.js";
import { patchSize, tokensOf, type Workload } from "./workloads.js";

/** Rows of the batch that are scored: all that is computed behind the last block's attention. */
function scoredRows(workload: Workload): number {
  const { sizes, task } = workload;
  if (task.family === "vit") return sizes.batch;
  if (task.family !== "bert") return sizes.batch * tokensOf(workload);
  return tokenBatch(workload).targets.reduce((sum, row) => sum + row.filter((id) => id >= 0).length, 0);
}

/** Weights that are multiplied, for each token: of the blocks, and of what comes before and after them. */
function matmulFlops(workload: Workload): number {
  const { sizes, task } = workload;
  const { width, layers, batch } = sizes;
  const rows = batch * tokensOf(workload);
  if (task.family === "conformer") {
    const { mels, stack, classes, kernel } = task;
    // Of width^2: 8 for each half feed-forward layer, 4 for attention, 3 around the convolution.
    return 6 * rows * width * (layers * (23 * width + kernel) + mels * stack + classes);
  }
  const scored = scoredRows(workload);
  // Of width^2: 3 for q, k and v; 9 behind attention.
  const blocks = width * width * (3 * layers * rows + 9 * ((layers - 1) * rows + scored));
  if (task.family !== "vit") return 6 * (blocks + width * task.vocabulary * scored);
  const patches = batch * (tokensOf(workload) - 1);
  return 6 * (blocks + width * task.classes * scored + patchSize(task.patch) * width * patches);
}

/**
 * Operations of a step: three products for each weight and token, and for attention 12 N d a layer and query. All N keys count
 * where a causal mask hides half of them, as is usual.
 */
export function stepFlops(workload: Workload): number {
  const { width, layers, batch } = workload.sizes;
  const N = tokensOf(workload);
  const queries = (layers - 1) * batch * N + scoredRows(workload);
  return matmulFlops(workload) + 12 * queries * N * width;
}
