/**
 * Memory of a training step of this package, on one thread: four numbers for each parameter (value, gradient, two moments), the
 * results of all operations, which wait for their backward passes, and little more.
 */
import { scoredRows, sum } from "./flops.js";
import type { OwnTrainer } from "./own.js";
import { patchSize, tokensOf, type Workload } from "./workloads.js";

/**
 * Floats of the activations where they are most: in a GPT and a Conformer in the backward pass of the last block's second
 * feed-forward layer, unless the vocabulary is larger than 1.5 C. T tokens, L blocks of width C and H heads. A block keeps of each
 * token
 *
 *   two norms C + 2, qkv 3 C, attention C + 2 H (row sums, with what rounding took from them), proj C, fc 4 C, gelu 4 C, out C,
 *   two residual sums C:  18 C + 2 H + 4,  of which the last sum, C, is gone by then.
 *
 * There are the two results of the embedding, and the gradients of the last sum, which is that of out, and of gelu: 2 C + 5 C.
 *
 * Behind attention the last block of a BERT and a ViT has the rows that are scored alone. Most is in the backward pass of its product
 * for k and v, which has the norm before it, itself, its gradient, and those of the norm and of the block's input: 7 C + 2; and of
 * rows that are scored the norm, its product for q, and the gradient of that: 3 C.
 */
export function activations(workload: Workload): number {
  const { width: C, heads: H, layers: L, batch } = workload.sizes;
  const T = batch * tokensOf(workload);
  const block = T * (18 * C + 2 * H + 4);
  const last = T * (7 * C + 2) + 3 * C * sum(scoredRows(workload));
  const tokens = T * (2 * C + 1); // ids, tokens, with places
  switch (workload.task.family) {
    case "gpt":
      return tokens + L * block + 4 * C * T;
    case "bert":
      return tokens + (L - 1) * block + last;
    case "vit": // patches and their product; with the class token, with places
      return (T - batch) * (patchSize(workload.task.patch) + C) + 2 * C * T + (L - 1) * block + last;
    case "conformer": {
      // A block keeps 41 C + 2 H + 12; half of the last sum's gradient, which is out's, is C more; a byte of each token says whether it counts.
      const { mels, stack } = workload.task;
      return T * (mels * stack + 6 * C - 2 + L * (41 * C + 2 * H + 12)) + T / 4;
    }
  }
}

const PAGE = 65536;

/** What bytes may exceed theory by. */
export function slack(workload: Workload, theory: number): number {
  const { width, batch } = workload.sizes;
  /** Of both factors of a product as its kernel packs them: 256 numbers of 4 C columns and of 64 rows. */
  const packing = 4 * 256 * (4 * width + 64);
  /** The first step has no plan: holes between its blocks, less in all (measured) than its largest result, 4 C wide. */
  const holes = 4 * 4 * width * batch * tokensOf(workload);
  /** Memory grows by an eighth more than is asked for, 4 MiB at most (src/arena.ts). */
  const growth = Math.min(4 << 20, (theory + packing + holes) / 8);
  /** Static data of the kernels, ends of blocks of 64 bytes, and the end of the last page. */
  return packing + holes + growth + 2 * PAGE;
}

/** Bytes. */
export interface Memory {
  bytes: number;
  parameters: number;
  activations: number;
  /** The most that `bytes` may be. */
  most: number;
}

export function memoryOf(workload: Workload, { nn, parameters }: Pick<OwnTrainer, "nn" | "parameters">): Memory {
  const bytes = { parameters: 16 * parameters, activations: 4 * activations(workload) };
  const theory = bytes.parameters + bytes.activations;
  return { bytes: nn.la.memory.bytes, ...bytes, most: theory + slack(workload, theory) };
}
