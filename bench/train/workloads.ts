/** The training steps that are measured, as data. */
import type { Variant } from "../../src/index.js";
import { variantName, variants } from "../tasks.js";

interface Sizes {
  width: number;
  heads: number;
  layers: number;
  batch: number;
}

/**
 * `gpt` and `bert` read tokens and score all of them; `vit` reads patches and scores the class token; `conformer` reads stacks
 * of frames and scores all of them, each by itself: no peer has a CTC loss.
 */
export type Task =
  | { family: "gpt" | "bert"; vocabulary: number; context: number }
  | { family: "vit"; side: number; patch: number; classes: number }
  | { family: "conformer"; mels: number; stack: number; context: number; classes: number; kernel: number };

export interface Workload {
  name: string;
  size: "small" | "middle" | "large";
  variant: Variant;
  sizes: Sizes;
  task: Task;
}

const CHANNELS = 3;

/** Numbers of a patch. */
export const patchSize = (patch: number): number => CHANNELS * patch * patch;

/** Tokens of a row, the class token included. */
export const tokensOf = ({ task }: Workload): number =>
  task.family === "vit" ? (task.side / task.patch) ** 2 + 1 : task.context;

const shapes: readonly Pick<Workload, "name" | "size" | "sizes" | "task">[] = [
  ...(["gpt", "bert"] as const).flatMap((family) =>
    (
      [
        ["small", 64, 2, 64],
        ["middle", 128, 4, 128],
        ["large", 192, 4, 256],
      ] as const
    ).map(([size, width, layers, context]) => ({
      name: `${family.toUpperCase()} d ${width}, ${layers} layers, context ${context}, batch 8`,
      size,
      sizes: { width, heads: 4, layers, batch: 8 },
      task: { family, vocabulary: 65, context },
    })),
  ),
  ...(
    [
      ["small", 64, 2, 8],
      ["middle", 128, 4, 4],
      ["large", 192, 4, 2],
    ] as const
  ).map(([size, width, layers, patch]) => ({
    name: `ViT d ${width}, ${layers} layers, ${(32 / patch) ** 2 + 1} tokens, batch 16`,
    size,
    sizes: { width, heads: 4, layers, batch: 16 },
    task: { family: "vit" as const, side: 32, patch, classes: 10 },
  })),
  ...(
    [
      ["small", 64, 2, 40],
      ["middle", 128, 4, 120],
      ["large", 192, 4, 240],
    ] as const
  ).map(([size, width, layers, context]) => ({
    name: `Conformer d ${width}, ${layers} layers, context ${context}, batch 8`,
    size,
    sizes: { width, heads: 4, layers, batch: 8 },
    task: { family: "conformer" as const, mels: 40, stack: 4, context, classes: 11, kernel: 15 },
  })),
];

export const workloads: readonly Workload[] = shapes.flatMap((shape) =>
  variants.map((variant) => ({ ...shape, name: `${shape.name}, ${variantName(variant)}`, variant })),
);
