/** laser-attention train and compare. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Argument, type Command } from "commander";
import { type Checkpoint, loadCheckpoint } from "../nn/checkpoint.js";
import { type Data, FAMILIES, type FamilyName, makeTask, type Recipe, recipeOf, Trainer } from "../train/index.js";
import { readData } from "./data.js";
import { readBytes, UserError } from "./files.js";
import { type Common, common, createNn, givenRecipe, recipeOptions, variantOption } from "./options.js";
import { LAST, type Run, runAll } from "./run.js";

const VARIANTS = ["standard", "laser"] as const;

interface TrainOptions extends Common, Partial<Recipe> {
  data?: string;
  out?: string;
  resume?: boolean;
}

/** The run that a checkpoint holds. */
function stored(folder: string): { checkpoint: Checkpoint; recipe: Recipe; family: FamilyName; data: string } {
  const file = join(folder, LAST);
  const checkpoint = readCheckpoint(file);
  const { run, data } = checkpoint.extra as unknown as { run?: { family: FamilyName; recipe: Recipe }; data?: string };
  if (run === undefined || data === undefined) throw new UserError(`${file} holds no run to go on with`);
  return { checkpoint, ...run, data };
}

export function readCheckpoint(file: string): Checkpoint {
  const bytes = readBytes(file, "Train one first: laser-attention train --help");
  try {
    return loadCheckpoint(bytes);
  } catch (error) {
    throw new UserError(`${file}: ${(error as Error).message}`);
  }
}

/** Trains `folders.length` variants of one family: from the beginning, or from what is in the folders. */
async function start(
  command: string,
  family: FamilyName,
  options: TrainOptions,
  parts: { folder: string; given: Partial<Recipe> }[],
): Promise<void> {
  const out = options.out!;
  const runs: Run[] = [];
  let { data } = options;
  let read: Data | undefined;
  for (const { folder, given } of parts) {
    const before = options.resume === true ? stored(folder) : undefined;
    const [extra] = Object.keys(given).filter((name) => name !== "variant");
    if (before !== undefined && extra !== undefined) {
      throw new UserError(`--resume goes on with the recipe of the run, so no other can be given, got ${extra}`);
    }
    if (before === undefined && existsSync(join(folder, LAST))) {
      throw new UserError(`${join(folder, LAST)} is there already: go on with --resume, or give another --out`);
    }
    if (before !== undefined && before.family !== family) {
      throw new UserError(`${join(folder, LAST)} is a run of ${before.family}, not of ${family}`);
    }
    data ??= before?.data;
    if (data === undefined) throw new UserError("--data PATH is missing: what to train on");
    const recipe = before?.recipe ?? recipeOf(family, given);
    const nn = await createNn(options.threads);
    read ??= readData(family, data);
    const task = makeTask(nn, family, recipe, read);
    const trainer = new Trainer(nn, family, task, recipe);
    if (before !== undefined) {
      for (const [name, value] of Object.entries(task.extra)) {
        if (JSON.stringify(before.checkpoint.extra[name]) !== JSON.stringify(value)) {
          throw new UserError(`${data} is not what the run was trained on: its ${name} differs`);
        }
      }
      trainer.resume(before.checkpoint);
    }
    runs.push({ trainer, folder });
  }
  const again = `npx laser-attention ${command} ${family} --resume --out ${out}`;
  await runAll(runs, { json: options.json, out, notes: { data }, again });
  for (const { trainer } of runs) trainer.nn.dispose();
}

const familyArgument = () => new Argument("<family>", "which model").choices(FAMILIES);

export function addTrain(program: Command): void {
  const train = program.command("train").description("train a model").addArgument(familyArgument());
  recipeOptions(common(train))
    .option(
      "--data <path>",
      "a text (lm, bert), a folder of CIFAR-10 (vit), a folder of wav files or a list (conformer)",
    )
    .option("--out <folder>", "where checkpoints and report.html go; default FAMILY-VARIANT")
    .option("--resume", "go on with the run in --out")
    .addOption(variantOption.default("laser"))
    .action(async (family: FamilyName, options: TrainOptions) => {
      const out = options.out ?? `${family}-${options.variant}`;
      await start("train", family, { ...options, out }, [{ folder: out, given: givenRecipe(options) }]);
    });
}

export function addCompare(program: Command): void {
  const compare = program
    .command("compare")
    .description("train both variants with the same seeds and batches, side by side")
    .addArgument(familyArgument());
  recipeOptions(common(compare))
    .option("--data <path>", "as for train")
    .option("--out <folder>", "where checkpoints and report.html go; default FAMILY-compare")
    .option("--resume", "go on with the runs in --out")
    .action(async (family: FamilyName, options: TrainOptions) => {
      const out = options.out ?? `${family}-compare`;
      const parts = VARIANTS.map((variant) => ({
        folder: join(out, variant),
        given: { ...givenRecipe(options), variant },
      }));
      await start("compare", family, { ...options, out }, parts);
    });
}
