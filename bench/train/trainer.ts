/** What this package and every peer look like to the benchmark of training. */
import type { Workload } from "./workloads.js";

/** A model with its optimiser and one batch. */
export interface Trainer {
  /** Forward, backward and AdamW; the loss is that before the step. */
  step(): number | Promise<number>;
  dispose(): void | Promise<void>;
}

/** The first parameters, by PyTorch's names, the same for all. */
export type Start = ReadonlyMap<string, { shape: readonly number[]; data: Float32Array }>;

export interface Library {
  name: string;
  packages: readonly string[];
  /** Imports the library and makes it ready; what it returns makes trainers. */
  open(): Promise<(workload: Workload, start: Start) => Trainer | Promise<Trainer>>;
}

/** AdamW of all, in the order of operations of torch.optim.AdamW. Every parameter decays. */
export const adamw = { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0.05 } as const;

/** Of layer norms, as in PyTorch. */
export const EPS = 1e-5;
