/** What the loop needs to know of a family: a model, its batches, its loss, and how good it is on held-out data. */

import type { Random } from "../data/random.js";
import type { DropoutOptions } from "../models/dropout.js";
import type { Saved } from "../nn/checkpoint.js";
import type { Loss } from "../nn/loss.js";
import type { Variant } from "../types.js";

export const FAMILIES = ["lm", "bert", "vit", "conformer"] as const;
export type FamilyName = (typeof FAMILIES)[number];

/** The most steps of a run, and the largest seed: the batch of a step is drawn with seed * STEPS + step, a safe integer. */
export const STEPS = 2 ** 24;
const MOST_SEED = 2 ** 29 - 1;

/** Sizes of a model and of a run. The defaults of each family are in recipe.ts. */
export interface Recipe {
  width: number;
  heads: number;
  layers: number;
  /** Tokens in a row (lm, bert), or the most stacked frames (conformer). */
  context: number;
  batch: number;
  steps: number;
  lr: number;
  warmup: number;
  weightDecay: number;
  clip: number;
  /** How likely an element is to be dropped in training; see `loss` of the models. */
  dropout: number;
  /** Evaluate after so many steps, and after the last one. */
  every: number;
  /** Held-out batches of an evaluation, at most. */
  evaluations: number;
  seed: number;
  variant: Variant;
}

/** The least and the most of what a recipe counts. Layers, a batch: more than memory holds, and few enough for arrays of them. */
export const COUNTS = {
  ...{ width: [1], heads: [1], layers: [1, 65_536], context: [1], batch: [1, 65_536], steps: [1, STEPS] },
  ...{ warmup: [0], every: [1], evaluations: [1], seed: [0, MOST_SEED] },
} as const satisfies Partial<Record<keyof Recipe, readonly [least: number, most?: number]>>;

/** The most that dropout may drop. */
export const MOST_DROPOUT = 0.99;

/** One training batch, ready to run. */
export interface Batch {
  /** Tokens, patches or frames in it: for the speed. */
  readonly tokens: number;
  /** The forward pass, to be called inside of `nn.step`. */
  loss(options: DropoutOptions): Loss;
}

export interface Task {
  readonly model: Saved;
  /** What `evaluate` returns; smaller is better. */
  readonly measure:
    | "validation loss"
    | "validation loss of a byte"
    | "masked validation loss"
    | "test error"
    | "word error rate"
    | "character error rate";
  /** What a token is: for the speed. */
  readonly unit: "tokens" | "bytes" | "patches" | "frames";
  /** What is needed beside the model to use it: vocabulary, names of classes, symbols. */
  readonly extra: { readonly [name: string]: unknown };
  batch(random: Random): Batch;
  evaluate(): number;
  /** A few lines that show what the model does: text, filled places, classes, transcripts. */
  sample(): string;
}
