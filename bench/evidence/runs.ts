/** One run of the evidence: a family, a variant and a seed, trained by the command's own loop, and what is kept of it. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { smooth } from "../../src/cli/chart.js";
import { LAST, runAll } from "../../src/cli/run.js";
import { readCheckpoint } from "../../src/cli/train.js";
import type { Nn } from "../../src/nn/index.js";
import { type Data, type FamilyName, makeTask, type Recipe, recipeOf, Trainer } from "../../src/train/index.js";
import type { Variant } from "../../src/types.js";
import { environment } from "../machine.js";

export interface Result {
  family: FamilyName;
  recipe: Recipe;
  measure: string;
  /** After the last step. */
  value: number;
  evaluations: { step: number; value: number }[];
  /** Means over parts of the run, with the last step of each part. */
  losses: [step: number, mean: number][];
  norms: [step: number, mean: number][];
  /** Of training and evaluations together. */
  seconds: number;
  threads: number;
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
/** Points of a curve that is kept. */
const PARTS = 80;

const nameOf = ({ family, variant, seed }: Job): string => `${family}-${variant}-${seed}`;
const fileOf = (job: Job): string => join(RESULTS, `${nameOf(job)}.json`);

export const isDone = (job: Job): boolean => existsSync(fileOf(job));

/** All finished runs, by name. */
export function readResults(): Result[] {
  if (!existsSync(RESULTS)) return [];
  const names = readdirSync(RESULTS).filter((name) => name.endsWith(".json"));
  return names.sort().map((name) => JSON.parse(readFileSync(join(RESULTS, name), "utf8")) as Result);
}

const rounded = (points: readonly [number, number][]): [number, number][] =>
  points.map(([step, mean]) => [step, Number(mean.toPrecision(5))]);

/** Begins a run or goes on with it. Returns false when a signal stopped it: its checkpoint is saved. */
export async function runJob(job: Job, nn: Nn, data: Data): Promise<boolean> {
  const { family, variant, seed } = job;
  const recipe = recipeOf(family, { variant, seed });
  const trainer = new Trainer(nn, family, makeTask(nn, family, recipe, data), recipe);
  const folder = join(WORK, nameOf(job));
  const last = join(folder, LAST);
  let before = 0;
  if (existsSync(last)) {
    const checkpoint = readCheckpoint(last);
    const { run, seconds } = checkpoint.extra as unknown as { run: { recipe: Recipe }; seconds: number };
    if (JSON.stringify(run.recipe) !== JSON.stringify(recipe)) {
      throw new RangeError(`${last} is a run of another recipe: remove it, or go on with the sources it was made with`);
    }
    trainer.resume(checkpoint);
    before = seconds;
  }
  const start = performance.now();
  const clock = {
    get seconds() {
      return before + (performance.now() - start) / 1000;
    },
  };
  await runAll([{ trainer, folder }], { json: false, out: folder, notes: clock, again: "the same command" });
  if (!trainer.done) return false;
  const { losses, norms, evaluations } = trainer.history;
  const { machine, runtime, date } = environment;
  const result: Result = {
    ...{ family, recipe, measure: trainer.task.measure, value: evaluations.at(-1)!.value, evaluations },
    ...{ losses: rounded(smooth(losses, PARTS)), norms: rounded(smooth(norms, PARTS)) },
    ...{ seconds: Math.round(clock.seconds), threads: nn.la.threads, machine, runtime, date },
  };
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(fileOf(job), `${JSON.stringify(result)}\n`);
  return true;
}
