/** How long a run takes: the median step after a few, times the steps of the recipe, and one evaluation for every `every`. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { create } from "../../src/nn/index.js";
import { type Data, type FamilyName, makeTask, recipeOf, Trainer } from "../../src/train/index.js";
import type { Variant } from "../../src/types.js";
import { environment } from "../machine.js";
import { median } from "../measure.js";
import { variants } from "../tasks.js";

const [WARMUP, STEPS] = [10, 40];
/** Committed. */
const FILE = "bench/evidence/times.json";

interface Row {
  family: FamilyName;
  variant: Variant;
  threads: number;
  /** ms */
  step: number;
  evaluation: number;
  minutes: number;
}

interface Times {
  machine: string;
  runtime: string;
  date: string;
  rows: Row[];
}

export const readTimes = (): Times | undefined =>
  existsSync(FILE) ? (JSON.parse(readFileSync(FILE, "utf8")) as Times) : undefined;

const timed = (run: () => unknown): number => {
  const start = performance.now();
  run();
  return performance.now() - start;
};

async function measure(family: FamilyName, variant: Variant, data: Data, threads?: number): Promise<Row> {
  const nn = await create(threads === undefined ? {} : { threads });
  const { steps, every } = recipeOf(family);
  const recipe = recipeOf(family, { variant, every: WARMUP + STEPS + 1 }); // no evaluation among the steps
  const task = makeTask(nn, family, recipe, data);
  const trainer = new Trainer(nn, family, task, recipe);
  for (let n = 0; n < WARMUP; n++) trainer.step();
  const step = median(Array.from({ length: STEPS }, () => timed(() => trainer.step())));
  const evaluation = timed(() => task.evaluate());
  const minutes = (steps * step + (steps / every) * evaluation) / 60_000;
  const row = { family, variant, threads: nn.la.threads, step, evaluation, minutes };
  nn.dispose();
  return row;
}

/** Measures, prints and keeps the times of these families. */
export async function measureTimes(
  families: readonly FamilyName[],
  read: (family: FamilyName) => Data,
  threads?: number,
): Promise<void> {
  const rows: Row[] = [];
  for (const family of families) {
    const data = read(family);
    for (const variant of variants) {
      const row = await measure(family, variant, data, threads);
      rows.push(row);
      const { step, evaluation, minutes } = row;
      console.log(
        `${family} ${variant}: ${step.toFixed(0)} ms a step, ${evaluation.toFixed(0)} ms an evaluation, ` +
          `${minutes.toFixed(1)} minutes a run on ${row.threads} threads`,
      );
    }
  }
  const { machine, runtime, date } = environment;
  writeFileSync(FILE, `${JSON.stringify({ machine, runtime, date, rows }, null, 2)}\n`);
}
