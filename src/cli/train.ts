/** laser-attention train and compare. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { Argument, type Command } from "commander";
import { show } from "../check.js";
import { byteTokenizer } from "../data/text.js";
import type { Simd } from "../index.js";
import { checkHeld } from "../models/restore.js";
import type { Checkpoint } from "../nn/checkpoint.js";
import { checkRecipe, FAMILIES, type FamilyName, makeTask, type Recipe, recipeOf, Trainer } from "../train/index.js";
import { digestOf, naming, readData, readFrom } from "./data.js";
import { shellWord, UserError } from "./files.js";
import { begin, FIXED, readInit, spelled } from "./init.js";
import { CHECKPOINT, readCheckpoint } from "./model.js";
import {
  type Common,
  common,
  createNn,
  givenRecipe,
  path,
  recipeOptions,
  type Tokens,
  tokensOption,
  variantOption,
} from "./options.js";
import { BEST, digestOfFile, LAST, REPORT, type Run, runAll } from "./run.js";

const VARIANTS = ["standard", "laser"] as const;

interface Part {
  folder: string;
  given: Partial<Recipe>;
}

interface TrainOptions extends Common, Partial<Recipe> {
  tokens?: Tokens;
  data?: string;
  out?: string;
  resume?: boolean;
  init?: string;
}

/** The run that a checkpoint holds. Files written before there was a digest have none. */
interface Stored {
  checkpoint: Checkpoint;
  recipe: Recipe;
  family: FamilyName;
  data: string;
  simd: Simd;
  digest: string | undefined;
  /** What it began with, if not with drawn parameters. */
  init: string | undefined;
  /** Of the file, by `digestOfFile`. */
  last: string | undefined;
}

function stored(folder: string): Stored {
  const file = join(folder, LAST);
  const last = digestOfFile(file);
  const checkpoint = readCheckpoint(file);
  const { run, data, digest, init, simd } = checkpoint.extra as unknown as Partial<Stored> & {
    run?: Pick<Stored, "family" | "recipe"> | null;
  };
  if (!run?.recipe || typeof data !== "string") throw new UserError(`${file} holds no run to go on with`);
  const { family } = run;
  const recipe: Recipe = { ...run.recipe, dropout: run.recipe.dropout ?? 0 }; // files from before there was dropout have none
  try {
    checkRecipe(recipe);
    checkHeld(recipe, checkpoint.state);
  } catch (error) {
    throw new UserError(`${file}: ${(error as Error).message}`);
  }
  // Nothing but what a recipe has.
  return {
    ...{ checkpoint, family, recipe: givenRecipe(recipe) as Recipe, data, digest, init, last },
    simd: simd === "relaxed" ? simd : "plain", // files from before there was a choice have none
  };
}

/** Ends an error of --resume where --init would do. */
const START_ANEW = ". To start a new run from its checkpoint: --init";

const flag = (name: string): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** What --resume goes on with, a run for each part. One of a pair may have none: it was stopped before it was saved, and begins anew. */
function resumed(
  family: FamilyName,
  parts: readonly Part[],
  { tokens, simd }: Pick<TrainOptions, "tokens" | "simd">,
): (Stored | undefined)[] {
  const found = parts.map(({ folder }) => (existsSync(join(folder, LAST)) ? stored(folder) : undefined));
  if (found.every((one) => one === undefined)) {
    const { folder } = parts[0]!;
    if (VARIANTS.some((variant) => existsSync(join(folder, variant, LAST)))) {
      const pair = `those of compare are in its folders ${VARIANTS.join(" and ")}`;
      const again = `npx laser-attention compare ${family} --resume --out ${shellWord(folder)}`;
      throw new UserError(`${folder} holds no ${LAST}; ${pair}. Go on with both: ${again}`);
    }
    return [stored(folder)]; // says that there is none
  }
  for (const [n, { folder, given }] of parts.entries()) {
    const one = found[n];
    if (one === undefined) continue;
    const { recipe, family: other, checkpoint } = one;
    const file = join(folder, LAST);
    if (other !== family) throw new UserError(`${file} is a run of ${other}, not of ${family}`);
    checkTokens(tokens, file, checkpoint);
    for (const [name, value] of Object.entries({ ...given, simd })) {
      const own = { ...recipe, simd: one.simd }[name as keyof Recipe];
      if (value === own || value === undefined) continue;
      const hint = parts.length === 1 && !FIXED.includes(name) ? START_ANEW : "";
      throw new UserError(
        `--resume goes on with the recipe in ${file}, so ${flag(name)} must be ${own}, got ${value}${hint}`,
      );
    }
  }
  const [one, two] = found;
  if (one !== undefined && two !== undefined) {
    const all = ({ recipe, checkpoint, simd }: Stored) => ({ ...recipe, tokens: tokensOf(checkpoint), simd });
    checkPair(all(one), all(two));
  }
  return found;
}

/** Two runs to compare differ in the variant alone. Of other steps, one would wait for the other for ever. */
function checkPair(one: Record<string, unknown>, two: Record<string, unknown>): void {
  const names = Object.keys({ ...one, ...two });
  const differs = names.find((name) => name !== "variant" && !isDeepStrictEqual(one[name], two[name]));
  if (differs === undefined) return;
  const values = `${show(one[differs])} and ${show(two[differs])}`;
  throw new UserError(`the runs to compare must have one recipe, got ${flag(differs)} ${values}`);
}

/** Trains the variants of one family: from the beginning, or from what is in the folders. */
async function start(command: string, family: FamilyName, options: TrainOptions, parts: Part[]): Promise<void> {
  if (family === "vit" && parts.some(({ given }) => given.context !== undefined)) {
    throw new UserError("--context is not for vit: its context are the patches of an image");
  }
  if (family !== "lm" && options.tokens !== undefined)
    throw new UserError("--tokens is for lm only: bert has characters");
  if (options.init !== undefined && options.resume === true) {
    throw new UserError("--init starts a run and --resume goes on with one: leave one of them out");
  }
  const before = options.resume === true ? resumed(family, parts, options) : [];
  const kept = before.find((one) => one !== undefined);
  const out = options.out!;
  const files = [LAST, BEST].flatMap((name) => parts.map(({ folder }) => join(folder, name)));
  const taken = [...files, join(out, REPORT)].find((file) => existsSync(file));
  if (kept === undefined && taken !== undefined) {
    const none = taken.endsWith(BEST) ? "it has no run to go on with" : "a new run would write over it";
    const on = taken.endsWith(LAST) ? "go on with --resume" : `${none}, so remove it`;
    throw new UserError(`${taken} is there already: ${on}, or give another --out`);
  }
  const data = options.data ?? kept?.data;
  if (data === undefined) throw new UserError("--data PATH is missing: what to train on");
  const init = options.init === undefined ? undefined : readInit(options.init, family, parts[0]!.given);
  if (init !== undefined) checkTokens(options.tokens, init.file, init.checkpoint);
  const simd = kept?.simd ?? options.simd ?? "plain";
  const runs: Run[] = [];
  const read = readFrom(options.data, data, (path) => readData(family, path));
  let digest: string | undefined;
  for (const [n, { folder, given }] of parts.entries()) {
    const own = before[n];
    const recipe =
      own?.recipe ?? (kept ? { ...kept.recipe, ...given } : recipeOf(family, { ...init?.sizes, ...given }));
    const nn = await createNn(options.threads, simd);
    const known = own ?? kept ?? init;
    const asked = options.tokens === "bytes" ? byteTokenizer() : undefined;
    const [content, tokenizer] = known === undefined ? [read, asked] : spelled(read, known.checkpoint);
    digest ??= digestOf(content); // labels as they are trained on
    if (own !== undefined && (own.digest ?? digest) !== digest) {
      const hint = parts.length === 1 ? START_ANEW : "";
      throw new UserError(`${data} is not what the run was trained on: its contents differ${hint}`);
    }
    // Of a run that goes on, the digest says that its model knows all characters. Here one that it does not know names the file.
    if (init !== undefined) naming(data, () => tokenizer?.encode(content as string));
    const task = makeTask(nn, family, recipe, content, tokenizer);
    const trainer = new Trainer(nn, family, task, recipe);
    if (own !== undefined) trainer.resume(own.checkpoint);
    if (init !== undefined) begin(task.model, init);
    runs.push({ trainer, folder, last: own?.last });
  }
  const again = `npx laser-attention ${command} ${family} --resume --out ${shellWord(out)}`;
  const notes = { data, digest, init: kept?.init ?? init?.file, simd };
  await runAll(runs, { json: options.json, out, notes, again });
  for (const { trainer } of runs) trainer.nn.dispose();
}

const tokensOf = ({ extra }: Checkpoint): Tokens => (extra.tokens === "bytes" ? "bytes" : "characters");

/** A model keeps its tokens. */
function checkTokens(given: Tokens | undefined, file: string, checkpoint: Checkpoint): void {
  const own = tokensOf(checkpoint);
  if (given === undefined || given === own) return;
  throw new UserError(`--tokens must be ${own}, as in ${file}, got ${given}: that takes a new run, without --init`);
}

const NOTES = `
Data of lm and bert: a text in UTF-8, of which the last tenth is held out.
Data of vit: a folder of files *.bin of CIFAR-10, of which test*.bin are held out.
Data of conformer: a folder of DIGIT_SPEAKER_TAKE.wav, of which takes 0 to 4 are held out; or a list with a line for each wav
file, PATH, tab, TRANSCRIPT, with paths relative to the list, of which every tenth is held out.

last.safetensors, which --resume goes on with, is written after the second step, at every evaluation, and when the run is stopped
(ctrl-C, SIGTERM, SIGHUP, or nobody reads the output); if it fails before that, with what it began with. best.safetensors is written at
every evaluation that is the best so far. Both hold all losses, and the path of the data as it was given. A run keeps its recipe, its
number of steps included, and its kernels.`;

const familyArgument = () => new Argument("<family>", "which model").choices(FAMILIES);

export function addTrain(program: Command): void {
  const train = program.command("train").description("train a model").addArgument(familyArgument());
  recipeOptions(common(train))
    .option(
      "--data <path>",
      "a text (lm, bert), a folder of CIFAR-10 (vit), a folder of wav files or a list (conformer)",
      path,
    )
    .option(
      "--out <folder>",
      "where checkpoints and report.html go (default: FAMILY-VARIANT; needed with --init)",
      path,
    )
    .option("--resume", "continue the run in --out")
    .option("--init <path>", `start a new run from a checkpoint: ${CHECKPOINT}`, path)
    .addOption(variantOption("; with --init or --resume that of the checkpoint, unless given"))
    .addOption(tokensOption)
    .addHelpText("after", NOTES)
    .action(async (family: FamilyName, options: TrainOptions) => {
      const out = options.out ?? `${family}-${options.variant}`;
      const { variant, ...given } = givenRecipe(options);
      // Not the default, but what is gone on with.
      const free =
        train.getOptionValueSource("variant") === "default" && (options.resume || options.init !== undefined);
      const own = free ? {} : { variant };
      if (options.init !== undefined && options.out === undefined) {
        throw new UserError("--out FOLDER is missing: a run that starts from a checkpoint needs a folder of its own");
      }
      await start("train", family, { ...options, out }, [
        { folder: out, given: { ...given, ...own } as Partial<Recipe> },
      ]);
    });
}

export function addCompare(program: Command): void {
  const compare = program
    .command("compare")
    .description("train both variants with the same seeds and batches, side by side")
    .addArgument(familyArgument());
  recipeOptions(common(compare))
    .option("--data <path>", "as for train", path)
    .option("--out <folder>", "where checkpoints and report.html go (default: FAMILY-compare)", path)
    .option("--resume", "continue the runs in --out")
    .addOption(tokensOption)
    .addHelpText("after", NOTES)
    .action(async (family: FamilyName, options: TrainOptions) => {
      const out = options.out ?? `${family}-compare`;
      const parts = VARIANTS.map((variant) => ({
        folder: join(out, variant),
        given: { ...givenRecipe(options), variant },
      }));
      await start("compare", family, { ...options, out }, parts);
    });
}
