/** A trained model out of a file. */
import { oneOf, show } from "../check.js";
import { CHANNELS } from "../data/patches.js";
import { unfilled } from "../nn/layers.js";
import { type StateDict, stateMap } from "../nn/module.js";
import type { Nn } from "../nn/nn.js";
import { whole } from "../nn/whole.js";
import { Bert } from "./bert.js";
import { Conformer, type ConformerConfig } from "./conformer.js";
import { Gpt, type GptConfig } from "./gpt.js";
import { Vit, type VitConfig } from "./vit.js";

type Model = Gpt | Bert | Vit | Conformer;

/**
 * What of a checkpoint {@link restore} needs.
 *
 * @example const source: ModelSource = { family: model.family, config: { ...model.config, variant: "standard" }, state: model.stateDict() };
 */
export interface ModelSource {
  /** "gpt", "bert", "vit" or "conformer". */
  family: string | undefined;
  /** What the model is made from. */
  config: object | undefined;
  /** All its parameters by name. */
  state: StateDict;
}

/**
 * The model of a checkpoint, with its parameters; or of any state dict, with a family and a config. `family` tells the four apart. Quicker than
 * making a model and loading into it, since no first matrices are drawn.
 *
 * @example
 * const restored = restore(nn, loadCheckpoint(saveCheckpoint(model))); // or of readFile
 * if (restored.family === "gpt") restored.config.vocabulary;
 *
 * @throws RangeError when the file names no family, as a state dict alone does not, or does not fit its config, of which nothing is
 * made when it asks for more than the file holds; TypeError or RangeError for a config that does not fit
 */
export function restore(nn: Nn, checkpoint: ModelSource): Gpt | Bert | Vit | Conformer;
/**
 * The same for a model whose family is known, and so its type.
 * @param checkpoint Of `loadCheckpoint`, or a state with a family and a config
 * @param expected "gpt", "bert", "vit" or "conformer"
 *
 * @example restore(nn, loadCheckpoint(saveCheckpoint(model)), "gpt").config.vocabulary;
 *
 * @throws RangeError as without it, and when the file has another family
 */
export function restore<F extends Model["family"]>(
  nn: Nn,
  checkpoint: ModelSource,
  expected: F,
): F extends "gpt" ? Gpt : F extends "bert" ? Bert : F extends "vit" ? Vit : Conformer;
export function restore(nn: Nn, checkpoint: ModelSource, expected?: Model["family"]): Model {
  const { family, config, state } = Object(checkpoint) as ModelSource; // nothing has no family, which is told below
  const given = config as never; // each checks it
  const make = {
    gpt: () => new Gpt(nn, given),
    bert: () => new Bert(nn, given),
    vit: () => new Vit(nn, given),
    conformer: () => new Conformer(nn, given),
  };
  if (family === undefined || !Object.hasOwn(make, family)) {
    throw new RangeError(`restore: family must be ${Object.keys(make).join(", ")}, got ${show(family)}`);
  }
  if (expected !== undefined && family !== expected) {
    oneOf("restore", "expected", expected, Object.keys(make));
    throw new RangeError(`restore: family must be ${show(expected)}, as expected, got ${show(family)}`);
  }
  checkHeld(config, state);
  return whole("restore", nn, () => {
    const model = unfilled<Model>(make[family as keyof typeof make]);
    model.loadStateDict(state);
    return model;
  });
}

/** All that a family may have in its config, as a file may have it. */
type Sizes = Omit<GptConfig & VitConfig & ConformerConfig, "variant" | "seed">;

/** A config may name any sizes: those that need more than the state has are refused before a model of them takes the memory. */
export function checkHeld(config: object | undefined, state: StateDict): void {
  const where = "restore";
  stateMap(where, state);
  const given = (config ?? {}) as unknown as Sizes;
  const { width, layers, mels, stack, patch, side, vocabulary, context, classes, kernel } = given;
  if (layers > state.size) {
    throw new RangeError(`${where}: layers must be at most the ${state.size} tensors of the state, got ${layers}`);
  }
  // What is no tensor counts nothing: loadStateDict refuses it.
  const elements = [...state.values()].reduce((sum, given) => sum + (given?.data?.length ?? 0), 0);
  // Rows of `width` that the model has at least. What is NaN, of another family or no number, is left to the family's own checks.
  const rows = {
    ...{ layers: 4 * width * layers, stack: mels * stack, patch: CHANNELS * patch ** 2, side: (side / patch) ** 2 },
    ...{ vocabulary, context, classes, kernel },
  };
  for (const [name, count] of Object.entries(rows)) {
    if (!(count * width > elements)) continue;
    const got = `${show(given[name as keyof Sizes])} with width ${show(width)}`;
    throw new RangeError(`${where}: ${name} must fit the ${elements} numbers of the state, got ${got}`);
  }
}
