/**
 * Speed of training beside other libraries.
 *
 *   npm run bench:train -- [--filter NAME] [--time MS] [--quick] [--profile] [--json FILE [--resume]] [--assert]
 *
 * --filter   only the workloads with NAME in their line ("GPT d 128", "LASER", "forward")
 * --time     ms of measuring that each library gets for each workload (default 2000)
 * --quick    little time, no large sizes, no memory of peers: to see that it works
 * --profile  instead: where the time of a step of this package goes
 * --json     writes all numbers to FILE, again after each workload
 * --resume   goes on with a run that was stopped: workloads that FILE has already are not measured again
 * --assert   exit code 1 when a ratio misses its target (targets.ts)
 *
 * Shares the peers of `npm run bench:peers`, which are installed on first use. Node 22 or newer. No peer has a CTC loss, so
 * the Conformer's steps are scored by cross-entropy here, by this package too. onnxruntime-web, which has no gradients, takes
 * part in the forward pass at batch 1.
 */
import { existsSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Environment, environment, inPlace, writeJson } from "../machine.js";
import { inChild } from "../peers/child.js";
import { install, installed } from "../peers/install.js";
import { onnxruntimeWeb } from "../peers/ort.js";
import { Progress, printDoubts, printTargets } from "../report.js";
import { forwards, measureForward } from "./forward.js";
import { jaxJs } from "./jax-js.js";
import { own, relaxed } from "./own.js";
import { type Profile, profile } from "./profile.js";
import * as report from "./report.js";
import { measureResidence, printResidence, type Residence } from "./residence.js";
import { measureWorkload, type Opened, type WorkloadResult } from "./run.js";
import { stepBeside } from "./side-by-side.js";
import type { TrainFile } from "./table.js";
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
  resume: { type: "boolean", default: false },
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

/** What `train.js child workload NAME TIME` does: prints a WorkloadResult. */
async function printResult([name, time]: readonly string[]): Promise<void> {
  const workload = [...workloads, ...forwards].find((one) => one.name === name)!;
  const measure = forwards.includes(workload) ? measureForward : measureStep;
  console.log(JSON.stringify(await measure(workload, Number(time))));
}

async function measureStep(workload: Workload, time: number): Promise<WorkloadResult> {
  const opened: Opened[] = [];
  for (const library of [...own, ...peers]) opened.push({ library, make: await library.open() });
  return measureWorkload(workload, opened, own, time);
}

/**
 * All results, those of `earlier` included; `keep` gets what there is after each. A process for each workload: jax-js holds
 * memory of those before, and ends at the 4 GiB that it can have.
 */
function measure(
  chosen: readonly Workload[],
  earlier: readonly WorkloadResult[],
  time: number,
  keep: (results: readonly WorkloadResult[]) => void,
): WorkloadResult[] {
  const results = [...earlier];
  const open = chosen.filter(({ name }) => !earlier.some((one) => one.name === name));
  const progress = new Progress(open.length);
  for (const { name } of open) {
    progress.begin(name);
    const result = inChild<WorkloadResult>("workload", name, time);
    progress.clear();
    report.printWorkload(result);
    results.push(result);
    keep(results);
  }
  return results;
}

/** What a file has, if it is there; of the same machine, runtime and versions. */
function readResults(file: string): WorkloadResult[] {
  if (!existsSync(inPlace(file))) return [];
  const made = JSON.parse(readFileSync(inPlace(file), "utf8")) as TrainFile;
  const told = ({ machine, runtime, versions }: Environment): string => JSON.stringify({ machine, runtime, versions });
  if (told(made) !== told(environment)) throw new Error(`${file} was made elsewhere or with other versions`);
  return made.workloads;
}

/** Memory hardly differs between the variants. */
async function measureMemory(chosen: readonly Workload[]): Promise<Residence[]> {
  const all: Residence[] = [];
  for (const workload of chosen.filter(({ variant }) => variant === "standard")) {
    all.push(...(await measureResidence(workload, [relaxed, ...peers])));
  }
  report.printResidence(all);
  return all;
}

export async function main(): Promise<void> {
  const [job, ...rest] = process.argv.slice(2);
  if (job === "beside") return stepBeside(rest);
  if (job === "child") {
    const [what, ...names] = rest;
    await (what === "memory" ? printResidence([...own, ...peers], names) : printResult(names));
    process.exit(0); // peers leave workers behind
  }
  const { values: args } = parseArgs({ options });
  if (Number(process.versions.node.split(".")[0]) < 22) {
    console.error(`jax-js and relaxed SIMD need Node 22 or newer. This is Node ${process.versions.node}.`);
    process.exitCode = 1;
    return;
  }
  const choose = (all: readonly Workload[]): Workload[] =>
    all.filter(
      ({ name, size }) => name.toLowerCase().includes(args.filter.toLowerCase()) && !(args.quick && size === "large"),
    );
  const [steps, forward] = [choose(workloads), choose(forwards)];
  if (steps.length + forward.length === 0) console.log(`Nothing has "${args.filter}" in its line.`);
  if (args.profile) {
    report.printEnvironment();
    const profiles = await printProfiles(steps, args.quick ? 5 : 20);
    if (args.json) writeJson(args.json, { ...environment, profiles });
    return;
  }
  install();
  for (const { name, packages } of [...peers, onnxruntimeWeb]) environment.versions[name] = installed(packages).version;
  report.printEnvironment();
  const write = (workloads: readonly WorkloadResult[], memory: readonly Residence[] = []): void => {
    if (args.json) writeJson(args.json, { ...environment, workloads, memory });
  };
  const earlier = args.resume && args.json ? readResults(args.json) : [];
  const results = measure([...steps, ...forward], earlier, args.quick ? 300 : Number(args.time), write);
  const memory = args.quick ? [] : await measureMemory(steps);
  const checked = results.flatMap((result) => result.checked);
  printTargets(checked, ({ least }) => String(least));
  printDoubts(results.flatMap((result) => result.results));
  write(results, memory);
  if (args.assert && checked.some(({ holds }) => !holds)) process.exitCode = 1;
}
