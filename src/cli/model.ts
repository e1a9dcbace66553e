/** The model of a checkpoint, and what it needs beside it. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { show } from "../check.js";
import { byteTokenizer, characterTokenizer, type Tokenizer } from "../data/text.js";
import { restore } from "../models/restore.js";
import { type Checkpoint, loadCheckpoint } from "../nn/checkpoint.js";
import type { Nn } from "../nn/nn.js";
import { readBytes, UserError } from "./files.js";
import { type Common, common, createNn, path } from "./options.js";
import { BEST, LAST } from "./run.js";

type Model = ReturnType<typeof restore>;
type Family = Model["family"];

/** What a checkpoint holds beside the model: a file may hold anything there. */
type Extra = { readonly [name: string]: unknown };

export const CHECKPOINT =
  "a file that train wrote, or its folder: the best checkpoint there (the last, before there is a best)";

/** Options of a command that uses a trained model. */
export interface Usage extends Common {
  checkpoint: string;
}

/** Such a command. */
export const usage = (program: Command, name: string, description: string): Command =>
  common(program.command(name).description(description)).requiredOption("--checkpoint <path>", CHECKPOINT, path);

/** A family as train names it. */
const named = (family = "none"): string => (family === "gpt" ? "lm" : family);

export function readCheckpoint(file: string): Checkpoint {
  const bytes = readBytes(file, "Train one first: laser-attention train --help");
  try {
    return loadCheckpoint(bytes);
  } catch (error) {
    throw new UserError(`${file}: ${(error as Error).message}`);
  }
}

/** @throws UserError when the file holds a model of another family, or none */
export function checkFamily(file: string, checkpoint: Checkpoint, family: Family): void {
  if (checkpoint.family === family) return;
  throw new UserError(`${file} must hold a model of the family ${named(family)}, got ${named(checkpoint.family)}`);
}

/** The file, or that in a folder of train which --checkpoint or --init says. */
export function fileOf(path: string): string {
  const file = [BEST, LAST].map((name) => join(path, name)).find((file) => existsSync(file));
  if (file === undefined && statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UserError(
      `${path} holds neither ${BEST} nor ${LAST}; those of compare are in its folders laser and standard`,
    );
  }
  return file ?? path;
}

/** Runs `use` with the model in the file, which must be of this family. */
export async function withModel<F extends Family>(
  options: Pick<Usage, "checkpoint" | "threads" | "simd">,
  family: F,
  use: (nn: Nn, model: ReturnType<typeof restore<F>>, extra: Extra) => void | Promise<void>,
): Promise<void> {
  const file = fileOf(options.checkpoint);
  const checkpoint = readCheckpoint(file);
  checkFamily(file, checkpoint, family);
  const nn = await createNn(options.threads, options.simd);
  try {
    await use(nn, restore(nn, checkpoint, family), checkpoint.extra);
  } finally {
    nn.dispose();
  }
}

/** The tokenizer that a model was trained with, by the `vocabulary` of its config, of which the last id of bert hides others. */
export function tokenizerOf({ vocabulary, tokens }: Extra, family: "gpt" | "bert", ids: number): Tokenizer {
  const size = family === "bert" ? ids - 1 : ids;
  if (tokens !== undefined) {
    const bytes = byteTokenizer();
    if (family === "gpt" && tokens === "bytes" && size === bytes.size) return bytes;
    const what = `a model of the family lm with ${bytes.size} ids`;
    throw new UserError(
      `the checkpoint's tokens must be "bytes", of ${what}, got ${show(tokens)} of ${named(family)} with ${ids}`,
    );
  }
  if (typeof vocabulary !== "string")
    throw new UserError(
      'the checkpoint has neither a vocabulary nor tokens: "bytes" in its extra, where train puts them',
    );
  const tokenizer = characterTokenizer(vocabulary);
  if (tokenizer.size === size) return tokenizer;
  throw new UserError(
    `the checkpoint's vocabulary must have the ${size} characters of its model, got ${tokenizer.size}`,
  );
}

/** The strings of this name in a checkpoint, as many as the model has a use for. */
export function stringsOf(extra: Extra, name: string, count: number): string[] {
  const found = extra[name];
  if (found === undefined) throw new UserError(`the checkpoint has no ${name}: train wrote none`);
  if (Array.isArray(found) && found.length === count && found.every((one) => typeof one === "string")) return found;
  const got = `${Array.isArray(found) ? `${found.length}: ` : ""}${show(found)}`;
  throw new UserError(`the checkpoint's ${name} must be the ${count} strings of its model, got ${got}`);
}
