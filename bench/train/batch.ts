/** One batch of every workload, the same in each run and for each peer. */
import { Random } from "../../src/data/random.js";
import { patchSize, tokensOf, type Workload } from "./workloads.js";

export interface TokenBatch {
  ids: Int32Array[];
  /** -1: no target. */
  targets: Int32Array[];
}

export interface ImageBatch {
  /** [batch, patches, numbers of a patch] */
  patches: Float32Array;
  labels: Int32Array;
}

export interface SpeechBatch {
  /** [batch, frames, mels] */
  features: Float32Array;
  /** Of each utterance: all have full length. */
  frames: readonly number[];
  /** A class for each stack of frames, in place of the labels that CTC would take. */
  targets: Int32Array;
}

/** What a masked language model has to find again: 15 % of the tokens. */
const HIDDEN = 0.15;

export function tokenBatch({ sizes, task }: Workload): TokenBatch {
  if (task.family === "vit" || task.family === "conformer") throw new Error(`a ${task.family} reads no tokens`);
  const { vocabulary, context, family } = task;
  const random = new Random(1);
  const rows = Array.from({ length: sizes.batch }, () =>
    Int32Array.from({ length: context + 1 }, () => random.int(vocabulary - 1)),
  );
  if (family === "gpt") return { ids: rows.map((row) => row.slice(0, -1)), targets: rows.map((row) => row.slice(1)) };
  const targets = rows.map((row) => row.slice(0, -1).map((id) => (random.uniform() < HIDDEN ? id : -1)));
  const ids = rows.map((row, b) => row.slice(0, -1).map((id, n) => (targets[b]![n]! < 0 ? id : vocabulary - 1)));
  return { ids, targets };
}

export function imageBatch(workload: Workload): ImageBatch {
  const { sizes, task } = workload;
  if (task.family !== "vit") throw new Error(`a ${task.family} reads no patches`);
  const random = new Random(1);
  const numbers = sizes.batch * (tokensOf(workload) - 1) * patchSize(task.patch);
  return {
    patches: random.uniforms(numbers, -1, 1),
    labels: Int32Array.from({ length: sizes.batch }, () => random.int(task.classes)),
  };
}

export function speechBatch({ sizes, task }: Workload): SpeechBatch {
  if (task.family !== "conformer") throw new Error(`a ${task.family} reads no frames`);
  const { mels, stack, context, classes } = task;
  const random = new Random(1);
  return {
    features: random.uniforms(sizes.batch * context * stack * mels, -1, 1),
    frames: Array.from({ length: sizes.batch }, () => context * stack),
    targets: Int32Array.from({ length: sizes.batch * context }, () => random.int(classes)),
  };
}
