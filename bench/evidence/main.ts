/**
 * LASER beside standard attention on real data: trains both variants of the four families with the recipes of
 * src/train/recipe.ts, one run after the other, and writes docs/evidence.md from all that have finished.
 *
 *   npm run evidence -- [--family NAME]... [--seeds N] [--data FOLDER] [--threads N] [--assert]
 *   npm run evidence -- --time [--threads N] [--data FOLDER]
 *   npm run evidence -- --report [--assert]
 *   npm run evidence -- --export FOLDER [--seeds N] [--data FOLDER]
 *
 * --family   lm, bert, vit, conformer; default all
 * --seeds    seeds 1 to N (default 3)
 * --data     a folder with tinyshakespeare/input.txt, cifar10/ and fsdd/ (default DATA of the environment, or ../shared/data)
 * --threads  default 2. Results have the same bits with any number
 * --time     instead: how long a run of each family and variant takes, from the median of a few steps
 * --report   instead: only the table and docs/evidence.md
 * --export   instead: first values and batches of BERT as files, for bench/evidence/pytorch.py
 * --assert   exit code 1 when a mean misses its limit (reference.ts) or a family has no run
 *
 * Ctrl-C saves; the same command goes on. Finished runs are in bench/evidence/results/ and are not done again. Commands for
 * different families can run side by side.
 */
import { parseArgs } from "node:util";
import { UserError } from "../../src/cli/files.js";
import { create } from "../../src/nn/index.js";
import { FAMILIES, type FamilyName } from "../../src/train/index.js";
import { inPlace } from "../machine.js";
import { variants } from "../tasks.js";
import { exportBert } from "./export.js";
import { publish, writePage } from "./publish.js";
import { isDone, type Job, runJob } from "./runs.js";
import { readSource } from "./source.js";
import { measureTimes } from "./times.js";

const { values: args } = parseArgs({
  options: {
    family: { type: "string", multiple: true, default: [...FAMILIES] },
    seeds: { type: "string", default: "3" },
    data: { type: "string" },
    threads: { type: "string", default: "2" },
    time: { type: "boolean", default: false },
    report: { type: "boolean", default: false },
    export: { type: "string" },
    assert: { type: "boolean", default: false },
  },
});

function familiesOf(names: readonly string[]): FamilyName[] {
  const unknown = names.find((name) => !FAMILIES.includes(name as FamilyName));
  if (unknown !== undefined) throw new UserError(`--family must be one of ${FAMILIES.join(", ")}, got ${unknown}`);
  return names as FamilyName[];
}

function integerOf(name: string, value: string): number {
  if (!/^[1-9]\d*$/.test(value)) throw new UserError(`--${name} must be an integer of 1 or more, got ${value}`);
  return Number(value);
}

const seedsOf = (count: string): number[] => Array.from({ length: integerOf("seeds", count) }, (_, n) => n + 1);

/** Seed by seed, so that all families have something to show early. Returns whether all means hold; undefined: stopped. */
async function runAllJobs(folder: string, threads: number): Promise<boolean | undefined> {
  const families = familiesOf(args.family);
  const seeds = seedsOf(args.seeds);
  const jobs: Job[] = seeds.flatMap((seed) =>
    families.flatMap((family) => variants.map((variant) => ({ family, variant, seed }))),
  );
  const open = jobs.filter((job) => !isDone(job));
  for (const [n, job] of open.entries()) {
    console.log(`${n + 1} of ${open.length}: ${job.family}, ${job.variant}, seed ${job.seed}`);
    const nn = await create({ threads });
    try {
      if (!(await runJob(job, nn, readSource(job.family, folder)))) return undefined;
    } finally {
      nn.dispose();
    }
    writePage();
  }
  return publish();
}

async function main(): Promise<void> {
  const folder = args.data === undefined ? (process.env.DATA ?? "../shared/data") : inPlace(args.data);
  const threads = integerOf("threads", args.threads);
  if (args.export !== undefined) {
    const { content } = readSource("bert", folder);
    return exportBert(content as string, seedsOf(args.seeds), inPlace(args.export));
  }
  if (args.time) await measureTimes(folder, threads);
  const held = args.time || args.report ? publish() : await runAllJobs(folder, threads);
  if (args.assert && held !== true) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
