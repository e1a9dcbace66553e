/** Options that several commands share. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Simd } from "../index.js";
import { create, type Nn } from "../nn/index.js";
import { COUNTS, FAMILIES, MOST_DROPOUT, type Recipe, recipeOf } from "../train/index.js";
import { UserError } from "./files.js";

export function integer(least: number, most = Number.MAX_SAFE_INTEGER) {
  return (text: string): number => {
    const value = Number(text);
    if (Number.isSafeInteger(value) && value >= least && value <= most && text.trim() !== "") return value;
    const range = most === Number.MAX_SAFE_INTEGER ? `of ${least} or more` : `from ${least} to ${most}`;
    throw new InvalidArgumentError(`It must be an integer ${range}.`);
  };
}

export function character(text: string): string {
  if (Array.from(text).length === 1) return text;
  throw new InvalidArgumentError("It must be one character.");
}

export function real(least: number, most = Number.POSITIVE_INFINITY) {
  return (text: string): number => {
    const value = Number(text);
    if (Number.isFinite(value) && value >= least && value <= most && text.trim() !== "") return value;
    const range = most === Number.POSITIVE_INFINITY ? `${least} or more` : `${least} to ${most}`;
    throw new InvalidArgumentError(`It must be a number, ${range}.`);
  };
}

export function path(text: string): string {
  if (text !== "") return text;
  throw new InvalidArgumentError("It must be a path.");
}

/** A number above 0. */
export function positive(text: string): number {
  const value = real(0)(text);
  if (value > 0) return value;
  throw new InvalidArgumentError("It must be a number above 0.");
}

export interface Common {
  threads?: number | undefined;
  simd?: Simd | undefined;
  json: boolean;
}

/** --threads, --simd and --json. */
export const common = (command: Command): Command =>
  command
    .option(
      "--threads <n>",
      "threads, at most 64 (default: what the machine runs at once, 8 at most); the results have the same bits with any number",
      integer(1, 64),
    )
    .addOption(
      new Option(
        "--simd <build>",
        "which kernels: plain, with the same bits in every runtime, or relaxed, faster where the engine has relaxed SIMD (default: plain)",
      ).choices(["plain", "relaxed"] satisfies Simd[]),
    )
    .option("--json", "JSON for programs", false);

export const variantOption = (of: string): Option =>
  new Option("--variant <name>", `which attention${of}`).choices(["laser", "standard"]).default("laser");

export type Tokens = "characters" | "bytes";

export const tokensOption = new Option(
  "--tokens <kind>",
  "of lm: the characters of the text, or bytes of UTF-8, so that a prompt may have any character (default: characters, or those of the checkpoint)",
).choices(["characters", "bytes"] satisfies Tokens[]);

/** What the recipes have: that of lm, and of each family that has another. */
function defaults(name: keyof Recipe): string {
  const usual = recipeOf("lm")[name];
  const others = FAMILIES.filter(
    (family) => recipeOf(family)[name] !== usual && !(family === "vit" && name === "context"),
  );
  return `(default: ${[usual, ...others.map((family) => `${family} ${recipeOf(family)[name]}`)].join(", ")})`;
}

/** Sizes of the model and the run; what is left out is the recipe's, which commander must not see as given. */
export function recipeOptions(command: Command): Command {
  const add = (flags: string, name: keyof Recipe, what: string, parse: (text: string) => number) =>
    command.option(flags, `${what} ${defaults(name)}`, parse);
  const count = (name: keyof typeof COUNTS, what: string) => {
    const [least, most]: readonly [number, number?] = COUNTS[name];
    return add(`--${name} <n>`, name, what, integer(least, most));
  };
  count("width", "width of the model");
  count("heads", "attention heads");
  count("layers", "blocks");
  count("context", "tokens in a row, or stacked frames of speech");
  count("batch", "rows, images or utterances per step");
  count("steps", "steps");
  add("--lr <rate>", "lr", "the peak learning rate", real(0));
  count("warmup", "steps up to that rate; in a short run a tenth of all");
  add("--weight-decay <rate>", "weightDecay", "weight decay", real(0));
  add("--clip <norm>", "clip", "clip the norm of all gradients to this", positive);
  add(
    "--dropout <p>",
    "dropout",
    "probability that an element of what a block adds is dropped; training losses include it",
    real(0, MOST_DROPOUT),
  );
  count("every", "evaluate and save every this many steps");
  count("evaluations", "most held-out batches per evaluation");
  return count("seed", "seed of parameters and batches");
}

const NAMES = Object.keys(recipeOf("lm"));

/** What of the options belongs to the recipe. */
export const givenRecipe = (options: object): Partial<Recipe> =>
  Object.fromEntries(Object.entries(options).filter(([name]) => NAMES.includes(name)));

/**
 * Unless asked for another, the plain build: its bits are the same in every runtime.
 * @throws UserError where the engine has no relaxed SIMD: a run says which kernels it has
 */
export async function createNn(threads?: number, simd: Simd = "plain"): Promise<Nn> {
  const nn = await create({ threads, simd });
  if (nn.la.simd === simd) return nn;
  nn.dispose();
  throw new UserError("this engine has no relaxed SIMD, which --simd relaxed needs, and a run that was begun with it");
}
