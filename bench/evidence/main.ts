/**
 * LASER beside standard attention on real data: trains both variants of the four families with the recipes of
 * src/train/recipe.ts, one run after the other, and writes docs/evidence.md from all that have finished.
 *
 *   npm run evidence -- [--family NAME]... [--seeds N] [--data FOLDER] [--threads N] [--time] [--report] [--assert]
 *
 * --family   lm, bert, vit, conformer; default all
 * --seeds    seeds 1 to N (default 3)
 * --data     a folder with tinyshakespeare/input.txt, cifar10/ and fsdd/ (default ../shared/data)
 * --threads  default: what create() of laser-attention/nn takes. Results have the same bits with any number
 * --time     instead: how long a run of each family and variant takes, from the median of a few steps
 * --report   instead: only the table and docs/evidence.md
 * --assert   exit code 1 when a mean misses its limit (reference.ts)
 *
 * Ctrl-C saves; the same command goes on. Finished runs are in bench/evidence/results/ and are not done again. Two commands for
 * different families can run side by side with --threads 1, which takes less time for both than two threads for each in turn.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readData } from "../../src/cli/data.js";
import { UserError } from "../../src/cli/files.js";
import { create } from "../../src/nn/index.js";
import { type Data, FAMILIES, type FamilyName } from "../../src/train/index.js";
import { inPlace } from "../machine.js";
import { variants } from "../tasks.js";
import { publish } from "./publish.js";
import { isDone, type Job, readResults, runJob } from "./runs.js";
import { measureTimes } from "./times.js";

const { values: args } = parseArgs({
  options: {
    family: { type: "string", multiple: true, default: [...FAMILIES] },
    seeds: { type: "string", default: "3" },
    data: { type: "string" },
    threads: { type: "string" },
    time: { type: "boolean", default: false },
    report: { type: "boolean", default: false },
    assert: { type: "boolean", default: false },
  },
});

const folders: Readonly<Record<FamilyName, string>> = {
  lm: "tinyshakespeare/input.txt",
  bert: "tinyshakespeare/input.txt",
  vit: "cifar10",
  conformer: "fsdd",
};

function familiesOf(names: readonly string[]): FamilyName[] {
  const unknown = names.find((name) => !FAMILIES.includes(name as FamilyName));
  if (unknown !== undefined) throw new UserError(`--family must be one of ${FAMILIES.join(", ")}, got ${unknown}`);
  return names as FamilyName[];
}

function integerOf(name: string, value: string): number {
  if (!/^[1-9]\d*$/.test(value)) throw new UserError(`--${name} must be an integer of 1 or more, got ${value}`);
  return Number(value);
}

const read = (family: FamilyName): Data =>
  readData(family, join(args.data === undefined ? "../shared/data" : inPlace(args.data), folders[family]));

/** Seed by seed, so that all families have something to show early. Returns whether it came to the end. */
async function runAllJobs(families: readonly FamilyName[], seeds: number, threads?: number): Promise<boolean> {
  const jobs: Job[] = Array.from({ length: seeds }, (_, n) => n + 1).flatMap((seed) =>
    families.flatMap((family) => variants.map((variant) => ({ family, variant, seed }))),
  );
  const open = jobs.filter((job) => !isDone(job));
  for (const [n, job] of open.entries()) {
    console.log(`${n + 1} of ${open.length}: ${job.family}, ${job.variant}, seed ${job.seed}`);
    const nn = await create(threads === undefined ? {} : { threads });
    try {
      if (!(await runJob(job, nn, read(job.family)))) return false;
    } finally {
      nn.dispose();
    }
  }
  return true;
}

async function main(): Promise<void> {
  const families = familiesOf(args.family);
  const threads = args.threads === undefined ? undefined : integerOf("threads", args.threads);
  if (args.time) return measureTimes(families, read, threads);
  if (!args.report && !(await runAllJobs(families, integerOf("seeds", args.seeds), threads))) return;
  const held = publish(readResults());
  if (args.assert && !held) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
