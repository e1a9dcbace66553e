/**
 * Speed of training beside other libraries.
 *
 *   npm run bench:train -- [--filter NAME] [--time MS] [--quick] [--profile] [--json FILE] [--assert]
 *
 * --filter   only the workloads with NAME in their line ("GPT d 128", "LASER")
 * --time     ms of measuring that each library gets for each workload (default 2000)
 * --quick    little time, no large sizes: to see that it works
 * --profile  instead: where the time of a step of this package goes
 * --json     writes all numbers to FILE
 * --assert   exit code 1 when a ratio misses its target (targets.ts)
 *
 * Shares the peers of `npm run bench:peers`, which are installed on first use. Node 22 or newer. Not measured: the Conformer,
 * for no peer has a CTC loss, and onnxruntime-web, which has no gradients.
 */
import { parseArgs } from "node:util";
import { environment, writeJson } from "../machine.js";
import { install, installed } from "../peers/install.js";
import { printDoubts } from "../report.js";
import { jaxJs } from "./jax-js.js";
import { own } from "./own.js";
import { type Profile, profile } from "./profile.js";
import * as report from "./report.js";
import { measureWorkload, type Opened, type WorkloadResult } from "./run.js";
import { tfjs } from "./tfjs.js";
import type { Library } from "./trainer.js";
import { type Workload, workloads } from "./workloads.js";

const peers: readonly Library[] = [tfjs, jaxJs];

const options = {
  filter: { type: "string", default: "" },
  time: { type: "string", default: "2000" },
  quick: { type: "boolean", default: false },
  profile: { type: "boolean", default: false },
  json: { type: "string" },
  assert: { type: "boolean", default: false },
} as const;

async function printProfiles(chosen: readonly Workload[], steps: number): Promise<Profile[]> {
  const profiles: Profile[] = [];
  for (const workload of chosen) {
    const one = await profile(workload, steps);
    report.printProfile(one);
    profiles.push(one);
  }
  return profiles;
}

async function measure(chosen: readonly Workload[], time: number): Promise<WorkloadResult[]> {
  const opened: Opened[] = [];
  for (const library of [...own, ...peers]) opened.push({ library, make: await library.open() });
  const progress = new report.Progress(chosen.length);
  const results: WorkloadResult[] = [];
  for (const workload of chosen) {
    progress.begin(workload.name);
    const result = await measureWorkload(workload, opened, own, { time });
    progress.clear();
    report.printWorkload(result);
    results.push(result);
  }
  const checked = results.flatMap((result) => result.checked);
  report.printTargets(checked);
  printDoubts(results.flatMap((result) => result.results));
  return results;
}

export async function main(): Promise<void> {
  const { values: args } = parseArgs({ options });
  if (Number(process.versions.node.split(".")[0]) < 22) {
    console.error(`jax-js and relaxed SIMD need Node 22 or newer. This is Node ${process.versions.node}.`);
    process.exitCode = 1;
    return;
  }
  const wanted = workloads.filter(({ name }) => name.toLowerCase().includes(args.filter.toLowerCase()));
  const chosen = args.quick ? wanted.filter(({ size }) => size !== "large") : wanted;
  if (chosen.length === 0) console.log(`Nothing has "${args.filter}" in its line.`);
  if (args.profile) {
    report.printEnvironment();
    const profiles = await printProfiles(chosen, args.quick ? 5 : 20);
    if (args.json) writeJson(args.json, { ...environment, profiles });
    return;
  }
  install();
  for (const { name, packages } of peers) environment.versions[name] = installed(packages).version;
  report.printEnvironment();
  const results = await measure(chosen, args.quick ? 300 : Number(args.time));
  if (args.json) writeJson(args.json, { ...environment, workloads: results });
  const missed = results.some(({ checked }) => checked.some(({ holds }) => !holds));
  process.exit(args.assert && missed ? 1 : 0); // peers leave workers behind
}
