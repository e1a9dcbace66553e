/** One run of the evidence: a family, a variant and a seed, trained by the command's own loop, and what is kept of it. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../src/cli/files.js";
import { readCheckpoint } from "../../src/cli/model.js";
import { LAST, runAll } from "../../src/cli/run.js";
import type { Nn } from "../../src/nn/index.js";
import { type FamilyName, makeTask, type Recipe, recipeOf, Trainer } from "../../src/train/index.js";
import type { Variant } from "../../src/types.js";
import { TRAINING } from "../../test/portable/bits.js";
import { environment } from "../machine.js";
import type { Source } from "./source.js";

export interface Result {
  family: FamilyName;
  recipe: Recipe;
  measure: string;
  /** After the last step. */
  value: number;
  evaluations: { step: number; value: number }[];
  /** Mean training loss of so many first steps: a test does them again. */
  start: { steps: number; loss: number };
  /** SHA-256 of the files of data. */
  data: string;
  /** SHA-256 of what the run's sources compute in the tests' training (test/portable/bits.ts); runs before 28 November 2026 did not keep it. */
  bits?: string;
  machine: string;
  runtime: string;
  date: string;
}

export interface Job {
  family: FamilyName;
  variant: Variant;
  seed: number;
}

/** Finished runs, committed. */
const RESULTS = "bench/evidence/results";
/** Runs that are under way: checkpoints, not committed. */
const WORK = "build/evidence";
const START = 20;

const nameOf = ({ family, variant, seed }: Job): string => `${family}-${variant}-${seed}`;
const fileOf = (job: Job): string => join(RESULTS, `${nameOf(job)}.json`);

export const isDone = (job: Job): boolean => existsSync(fileOf(job));

/** @throws UserError where a run is one of other settings or other data than those of today */
function checkSame<T extends object>(file: string, found: T, wanted: T): void {
  for (const key of Object.keys(wanted) as (keyof T & string)[]) {
    if (found[key] === wanted[key]) continue;
    const what = `${file}: ${key} must be ${wanted[key]}, got ${found[key]}`;
    throw new UserError(`${what}. Remove the file, or go on with the sources and data that it was made with`);
  }
}

/** Whether a run's kernels and layers sum as those of today. */
export const isCurrent = ({ bits }: Result): boolean => bits === TRAINING;

/** All finished runs, by name. @throws UserError for one of another recipe */
export function readResults(): Result[] {
  if (!existsSync(RESULTS)) return [];
  const names = readdirSync(RESULTS).filter((name) => name.endsWith(".json"));
  return names.sort().map((name) => {
    const file = join(RESULTS, name);
    const result = JSON.parse(readFileSync(file, "utf8")) as Result;
    const { family, recipe } = result;
    checkSame(file, recipe, recipeOf(family, { variant: recipe.variant, seed: recipe.seed }));
    return result;
  });
}

/** Begins a run or goes on with it. Returns false when a signal stopped it: its checkpoint is saved. */
export async function runJob(job: Job, nn: Nn, { content, hash }: Source): Promise<boolean> {
  const { family, variant, seed } = job;
  const recipe = recipeOf(family, { variant, seed });
  const trainer = new Trainer(nn, family, makeTask(nn, family, recipe, content), recipe);
  const folder = join(WORK, nameOf(job));
  const last = join(folder, LAST);
  if (existsSync(last)) {
    const checkpoint = readCheckpoint(last);
    const { run, data, bits } = checkpoint.extra as unknown as { run: { recipe: Recipe }; data: string; bits?: string };
    checkSame(last, { ...run.recipe, data, bits }, { ...recipe, data: hash, bits: TRAINING });
    trainer.resume(checkpoint);
  }
  const options = { json: false, out: folder, notes: { data: hash, bits: TRAINING }, again: "the same command" };
  if (!(await runAll([{ trainer, folder }], options))) return false;
  const { losses, evaluations } = trainer.history;
  const loss = losses.slice(0, START).reduce((a, b) => a + b) / START;
  const { machine, runtime, date } = environment;
  const result: Result = {
    ...{ family, recipe, measure: trainer.task.measure, value: evaluations.at(-1)!.value, evaluations },
    ...{ start: { steps: START, loss }, data: hash, bits: TRAINING, machine, runtime, date },
  };
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(fileOf(job), `${JSON.stringify(result)}\n`);
  return true;
}
