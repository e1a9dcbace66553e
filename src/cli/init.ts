/** train --init: a run that begins with the parameters of a trained model, for more steps or on other data. */
import { isDeepStrictEqual } from "node:util";
import { show } from "../check.js";
import type { Tokenizer } from "../data/text.js";
import type { ModelConfig } from "../models/config.js";
import { checkHeld } from "../models/restore.js";
import type { Checkpoint, Saved } from "../nn/checkpoint.js";
import type { Data, FamilyName, Recipe, Recording } from "../train/index.js";
import { naming } from "./data.js";
import { UserError } from "./files.js";
import { checkFamily, fileOf, readCheckpoint, stringsOf, tokenizerOf } from "./model.js";

/** A checkpoint to begin with, and what of a recipe is as there. */
export interface Init {
  file: string;
  checkpoint: Checkpoint;
  sizes: Partial<Recipe>;
}

/** Sizes of a recipe that are in a config too. A vit has no context there. */
const SIZES = ["width", "heads", "layers", "context"] as const;

/** What of a recipe a run with --init has from its checkpoint; of these only the variant may be given otherwise. */
export const FIXED: readonly string[] = [...SIZES, "variant"];

/** What a config means that leaves these out. */
const DEFAULTS = { activation: "gelu", eps: 1e-5 };

/** The checkpoint at `path`. @throws UserError when it is none of the family, or the options ask for other sizes */
export function readInit(path: string, family: FamilyName, given: Partial<Recipe>): Init {
  const file = fileOf(path);
  const checkpoint = readCheckpoint(file);
  checkFamily(file, checkpoint, family === "lm" ? "gpt" : family);
  const config = configOf(checkpoint);
  naming(file, () => checkHeld(config, checkpoint.state));
  const sizes: Partial<Recipe> = { variant: (config as unknown as ModelConfig).variant };
  for (const name of SIZES) {
    const own = config[name];
    if (typeof own !== "number") continue;
    sizes[name] = own;
    if (given[name] === undefined || given[name] === own) continue;
    throw new UserError(`--${name} must be ${own}, as in ${file}, got ${given[name]}`);
  }
  return { file, checkpoint, sizes };
}

const configOf = ({ config }: Checkpoint): { readonly [name: string]: unknown } => ({ ...(config as object) });

/** Gives the model the parameters. @throws UserError when the command makes no such model: of another activation, for example */
export function begin(model: Saved, { file, checkpoint }: Init): void {
  const theirs = { ...DEFAULTS, ...configOf(checkpoint) } as Record<string, unknown>;
  const own = { ...DEFAULTS, ...(model.config as object) } as Record<string, unknown>;
  const name = Object.keys({ ...theirs, ...own }).find(
    (name) => name !== "seed" && name !== "variant" && !isDeepStrictEqual(theirs[name], own[name]),
  );
  if (name !== undefined) {
    throw new UserError(`${file}: ${name} must be ${show(own[name])} for this run, got ${show(theirs[name])}`);
  }
  naming(file, () => model.loadStateDict(checkpoint.state));
}

/**
 * The data in the symbols of a checkpoint, and for a text its tokenizer: those of the data may be fewer, or in another order.
 * @throws UserError when the checkpoint has not all symbols of the data, or has none
 */
export function spelled(data: Data, checkpoint: Checkpoint): [data: Data, tokenizer?: Tokenizer] {
  const { family, extra } = checkpoint;
  const { vocabulary, classes } = configOf(checkpoint) as { vocabulary: number; classes: number };
  if (typeof data === "string") {
    return [data, tokenizerOf(extra, family as "gpt" | "bert", vocabulary)];
  }
  if (!("symbols" in data)) return [data];
  const symbols = stringsOf(extra, "symbols", classes - 1);
  const missing = data.symbols.find((symbol) => !symbols.includes(symbol));
  if (missing !== undefined) {
    throw new UserError(`the checkpoint's symbols must have those of the data, got none that is ${show(missing)}`);
  }
  const labels = data.symbols.map((symbol) => symbols.indexOf(symbol) + 1);
  const relabel = (all: readonly Recording[]) =>
    all.map((one) => ({ ...one, labels: one.labels.map((label) => labels[label - 1]!) }));
  return [{ ...data, symbols, train: relabel(data.train), test: relabel(data.test) }];
}
