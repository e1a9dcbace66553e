/** A trained model out of a file. */
import { show } from "../check.js";
import type { Checkpoint } from "../nn/checkpoint.js";
import type { Nn } from "../nn/nn.js";
import { Bert, type BertConfig } from "./bert.js";
import { Conformer, type ConformerConfig } from "./conformer.js";
import { Gpt, type GptConfig } from "./gpt.js";
import { Vit, type VitConfig } from "./vit.js";

/**
 * The model of a checkpoint, with its parameters. `family` tells the four apart.
 *
 * @example
 * const restored = restore(nn, loadCheckpoint(saveCheckpoint(model))); // or of readFile
 * if (restored.family === "gpt") restored.config.vocabulary;
 *
 * @throws RangeError when the file names no family, as a state dict alone does not, or does not fit its config; TypeError or
 * RangeError for a config that does not fit
 */
export function restore(nn: Nn, { family, config, state }: Checkpoint): Gpt | Bert | Vit | Conformer {
  const given = config as unknown;
  const make = {
    gpt: () => new Gpt(nn, given as GptConfig),
    bert: () => new Bert(nn, given as BertConfig),
    vit: () => new Vit(nn, given as VitConfig),
    conformer: () => new Conformer(nn, given as ConformerConfig),
  };
  if (family === undefined || !Object.hasOwn(make, family)) {
    throw new RangeError(`restore: family must be ${Object.keys(make).join(", ")}, got ${show(family)}`);
  }
  const model = make[family as keyof typeof make]();
  model.loadStateDict(state);
  return model;
}
