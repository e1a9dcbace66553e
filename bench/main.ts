/**
 * Speed of the package through its public calls.
 *
 *   npm run bench -- [--filter NAME] [--long] [--time MS] [--engines] [--json FILE] [--assert] [--strict]
 *
 * --filter   only what has NAME in its line ("ViT", "LASER forward", "matmul", "relaxed", "recompute"; case is ignored)
 * --long     also the sizes that take seconds a call
 * --time     ms of measuring that each call gets (default 200): more for numbers to publish
 * --engines  then the same in Deno, in Bun and with V8's 256-bit vectors, against the peak of this run
 * --json     writes all numbers to FILE
 * --assert   exit code 1 when forward at the required shape is too slow, or the recompute costs more than its limit
 * --strict   exit code 1 when anything misses its target (targets.ts)
 */
import { parseArgs } from "node:util";
import { checkFloor, checkRecompute } from "./assert.js";
import { builds, missing } from "./builds.js";
import { measureEngines } from "./engines.js";
import { comparisons, groups } from "./groups.js";
import { environment, writeJson } from "./machine.js";
import { openPeaks } from "./peak.js";
import { measureRecompute, type Ratio } from "./recompute.js";
import * as report from "./report.js";
import { type Compared, type GroupResult, measureComparison, measureGroup } from "./run.js";
import { measureStart, type Start, type Starter } from "./start.js";

const { values: args } = parseArgs({
  options: {
    filter: { type: "string", default: "" },
    long: { type: "boolean", default: false },
    time: { type: "string", default: "200" },
    engines: { type: "boolean", default: false },
    json: { type: "string" },
    assert: { type: "boolean", default: false },
    strict: { type: "boolean", default: false },
  },
});
const time = Number(args.time);
const wanted = (line: string) => line.toLowerCase().includes(args.filter!.toLowerCase());
const anyBuild = (line: string) => builds.some(({ name }) => wanted(`${line} ${name}`));

/** Tables of calls: standard beside LASER, a line a build. */
async function runGroups(misses: string[]): Promise<GroupResult[]> {
  const chosen = groups.filter(({ long, tasks }) => (args.long || !long) && tasks.some(({ name }) => anyBuild(name)));
  const progress = new report.Progress(chosen.length);
  const peaks = await openPeaks();
  const results: GroupResult[] = [];
  if (chosen.length > 0) report.printGroupHeader();
  for (const group of chosen) {
    progress.begin(group.name);
    const result = await measureGroup(group, builds, peaks, wanted, time);
    progress.clear();
    misses.push(...report.printGroup(group, result));
    results.push(result);
  }
  report.printPeaks(results);
  return results;
}

/** Tables of ratios between shapes. */
async function runComparisons(misses: string[]): Promise<Compared[]> {
  const all: Compared[] = [];
  const progress = new report.Progress(comparisons.length);
  for (const comparison of comparisons) {
    const shapes = comparison.shapes.filter(({ long }) => args.long || !long);
    progress.begin(comparison.name);
    const results = await measureComparison({ ...comparison, shapes }, builds, wanted, time);
    progress.clear();
    if (results.length === 0) continue;
    report.printComparison(comparison, results);
    const missed = results.filter(({ holds }) => !holds);
    misses.push(...missed.map(({ name, build, ratio }) => `${name}: ${build}: ratio ${ratio.toFixed(2)}`));
    all.push(...results);
  }
  return all;
}

async function runRecompute(): Promise<Ratio[]> {
  const all: Ratio[] = [];
  for (const build of builds) all.push(...(await measureRecompute(build, wanted, time)));
  report.printRatios(all);
  return all;
}

async function runStart(misses: string[]): Promise<Start[]> {
  const all: Start[] = [];
  const starters: Starter[] = [...builds, { name: "slim", entry: "slim", wasm: "kernels.wasm" }];
  for (const one of starters.filter(({ name }) => wanted(`start ${name}`))) all.push(await measureStart(one));
  misses.push(...report.printStart(all));
  return all;
}

report.printEnvironment();
for (const { open } of builds) {
  const la = open();
  await la.warmup();
  la.dispose();
}
const misses: string[] = [];
const failures: string[] = [];
const results = await runGroups(misses);
const compared = await runComparisons(misses);
const recompute = await runRecompute();
const start = environment.engine === "node" ? await runStart(misses) : [];
const engines = args.engines ? await measureEngines(time, misses) : [];
if (args.assert) failures.push(...(await checkFloor(time)), ...(await checkRecompute(recompute, time)));
if (args.strict) failures.push(...misses);

const rows = results.flatMap(({ rows }) => rows);
if (missing.length > 0) console.log(`\nNot in this engine: ${missing.join(", ")}.`);
if (rows.length + compared.length + recompute.length + start.length === 0) {
  console.log(`Nothing has "${args.filter}" in its line.`);
}
if (misses.length > 0) console.log(`\n${misses.length} targets are missed (MISS above).`);
report.printDoubts([...rows, ...compared]);
if (args.json) {
  const peaks = results.flatMap(({ peaks }) => peaks);
  writeJson(args.json, { ...environment, peaks, rows, compared, recompute, start, engines, misses });
}
if (failures.length > 0) {
  console.error(`\n${failures.join("\n")}`);
  process.exitCode = 1;
}
