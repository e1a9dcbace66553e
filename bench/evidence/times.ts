/** How long a run takes: the median step after a few, times the steps of the recipe, and one evaluation for every `every`. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { create } from "../../src/nn/index.js";
import { type Data, FAMILIES, type FamilyName, makeTask, recipeOf, Trainer } from "../../src/train/index.js";
import type { Variant } from "../../src/types.js";
import { environment } from "../machine.js";
import { median } from "../measure.js";
import { variants } from "../tasks.js";
import { readSource } from "./source.js";

const WARMUP = 10;
/** Steps that are timed. */
export const TIMED = 40;
/** Committed. */
const FILE = "bench/evidence/times.json";

interface Row {
  family: FamilyName;
  variant: Variant;
  /** ms */
  step: number;
  evaluation: number;
  minutes: number;
}

interface Times {
  machine: string;
  runtime: string;
  date: string;
  threads: number;
  rows: Row[];
}

export const readTimes = (): Times | undefined =>
  existsSync(FILE) ? (JSON.parse(readFileSync(FILE, "utf8")) as Times) : undefined;

const timed = (run: () => unknown): number => {
  const start = performance.now();
  run();
  return performance.now() - start;
};

async function measure(family: FamilyName, variant: Variant, data: Data, threads: number): Promise<Row> {
  const nn = await create({ threads });
  const { steps, every } = recipeOf(family);
  const recipe = recipeOf(family, { variant, every: WARMUP + TIMED + 1 }); // no evaluation among the steps
  const task = makeTask(nn, family, recipe, data);
  const trainer = new Trainer(nn, family, task, recipe);
  for (let n = 0; n < WARMUP; n++) trainer.step();
  const step = median(Array.from({ length: TIMED }, () => timed(() => trainer.step())));
  const evaluation = timed(() => task.evaluate());
  const minutes = (steps * step + (steps / every) * evaluation) / 60_000;
  nn.dispose();
  return { family, variant, step, evaluation, minutes };
}

/** Measures, prints and keeps the times of all families. */
export async function measureTimes(folder: string, threads: number): Promise<void> {
  const rows: Row[] = [];
  for (const family of FAMILIES) {
    const { content } = readSource(family, folder);
    for (const variant of variants) {
      const row = await measure(family, variant, content, threads);
      rows.push(row);
      console.log(`${family} ${variant}: ${row.step.toFixed(0)} ms a step, ${row.minutes.toFixed(1)} minutes a run`);
    }
  }
  const { machine, runtime, date } = environment;
  writeFileSync(FILE, `${JSON.stringify({ machine, runtime, date, threads, rows }, null, 2)}\n`);
}
