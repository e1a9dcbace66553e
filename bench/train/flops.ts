/** What a training step computes: rows and operations. */
import { tokenBatch } from "./batch.js";
import { patchSize, tokensOf, type Workload } from "./workloads.js";

/** How many rows of each batch entry are scored: of these the last block has queries, and what is behind attention. */
export function scoredRows(workload: Workload): number[] {
  const { sizes, task } = workload;
  if (task.family === "bert") return tokenBatch(workload).targets.map((row) => row.filter((id) => id >= 0).length);
  return Array<number>(sizes.batch).fill(task.family === "vit" ? 1 : tokensOf(workload));
}

export const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);

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
  const scored = sum(scoredRows(workload));
  // Of width^2: 2 for k and v; 1 for q, and 9 behind attention.
  const blocks = width * width * (2 * layers * rows + 10 * ((layers - 1) * rows + scored));
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
  const queries = (layers - 1) * batch * N + sum(scoredRows(workload));
  return matmulFlops(workload) + 12 * queries * N * width;
}
