/** Options that several commands share. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { create, type Nn } from "../nn/index.js";
import { type Recipe, recipeOf } from "../train/index.js";

export function integer(least: number) {
  return (text: string): number => {
    const value = Number(text);
    if (Number.isSafeInteger(value) && value >= least && text.trim() !== "") return value;
    throw new InvalidArgumentError(`It must be an integer of ${least} or more.`);
  };
}

export function real(least: number, most = Number.POSITIVE_INFINITY) {
  return (text: string): number => {
    const value = Number(text);
    if (Number.isFinite(value) && value >= least && value <= most && text.trim() !== "") return value;
    const range = most === Number.POSITIVE_INFINITY ? `${least} or more` : `${least} to ${most}`;
    throw new InvalidArgumentError(`It must be a number, ${range}.`);
  };
}

export interface Common {
  threads?: number;
  json: boolean;
}

/** --threads and --json. */
export const common = (command: Command): Command =>
  command
    .option("--threads <n>", "threads; the results have the same bits with any number", integer(1))
    .option("--json", "JSON for programs", false);

export const variantOption = new Option("--variant <name>", "which attention").choices(["laser", "standard"]);

/** Sizes of the model and the run; what is left out is the recipe's. */
export const recipeOptions = (command: Command): Command =>
  command
    .option("--width <n>", "width of the model", integer(1))
    .option("--heads <n>", "attention heads", integer(1))
    .option("--layers <n>", "blocks", integer(1))
    .option("--context <n>", "tokens in a row, or stacked frames of speech", integer(1))
    .option("--batch <n>", "rows, images or utterances of a step", integer(1))
    .option("--steps <n>", "steps", integer(1))
    .option("--lr <rate>", "the highest learning rate", real(0))
    .option("--warmup <n>", "steps up to it", integer(0))
    .option("--weight-decay <rate>", "weight decay", real(0))
    .option("--clip <norm>", "the most that the norm of all gradients may be", real(0))
    .option("--every <n>", "evaluate and save after so many steps", integer(1))
    .option("--evaluations <n>", "held-out batches of an evaluation, at most", integer(1))
    .option("--seed <n>", "seed of parameters and batches", integer(0));

const NAMES = Object.keys(recipeOf("lm"));

/** What of the options belongs to the recipe. */
export const givenRecipe = (options: object): Partial<Recipe> =>
  Object.fromEntries(Object.entries(options).filter(([name]) => NAMES.includes(name)));

/** The plain build: its bits are the same in every runtime. */
export const createNn = (threads?: number): Promise<Nn> => create(threads === undefined ? {} : { threads });
