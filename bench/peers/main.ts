/**
 * Speed, memory, start and size beside what else computes attention in JavaScript and WebAssembly.
 *
 *   npm run bench:peers -- [--filter NAME] [--time MS] [--quick] [--json FILE] [--assert]
 *
 * --filter  only the workloads with NAME in their line ("ViT", "LASER forward", "matmul"); "costs" for the last tables alone
 * --time    ms of measuring that each peer gets for each workload (default 400)
 * --quick   little time, few processes, no long sequences: to see that it works
 * --json    writes all numbers to FILE
 * --assert  exit code 1 when a ratio misses its target (targets.ts)
 *
 * Installs the peers on first use, into bench/peers/node_modules. Node 22 or newer.
 */
import { parseArgs } from "node:util";
import { environment, writeJson } from "../machine.js";
import { Progress, printDoubts, printTargets } from "../report.js";
import { child } from "./child.js";
import { measureCosts, measureGrowth } from "./costs.js";
import { install, installed } from "./install.js";
import { others, own, peers } from "./peers.js";
import * as report from "./report.js";
import { measureWorkload, type Opened, type WorkloadResult } from "./run.js";
import { workloads } from "./workloads.js";

const { values: args, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    filter: { type: "string", default: "" },
    time: { type: "string", default: "400" },
    quick: { type: "boolean", default: false },
    json: { type: "string" },
    assert: { type: "boolean", default: false },
  },
});

async function main(): Promise<void> {
  install();
  for (const { name, packages } of others.filter(({ packages }) => packages.length > 0))
    environment.versions[name] = installed(packages).version;
  report.printEnvironment();
  const time = args.quick ? 30 : Number(args.time);
  const wanted = (line: string) => line.toLowerCase().includes(args.filter.toLowerCase());
  const chosen = workloads.filter(({ name }) => wanted(name));
  const opened: Opened[] = [];
  for (const peer of chosen.length > 0 ? peers : []) opened.push({ peer, formulate: await peer.open() });
  const progress = new Progress(chosen.length);
  const results: WorkloadResult[] = [];
  for (const workload of chosen) {
    progress.begin(workload.name);
    const result = await measureWorkload(workload, opened, own, time);
    progress.clear();
    report.printWorkload(result);
    results.push(result);
  }
  const costs = wanted("costs") ? measureCosts(args.quick) : [];
  report.printCosts(costs);
  const grown = wanted("costs") ? measureGrowth(results, args.quick) : [];
  report.printGrowth(grown);

  const checked = results.flatMap(({ checked }) => checked);
  printTargets(checked, ({ least, peer }) => `${least.toFixed(2)} x ${peer}`);
  printDoubts(results.flatMap(({ results }) => results));
  if (chosen.length + costs.length === 0) console.log(`Nothing has "${args.filter}" in its line.`);
  if (args.json) writeJson(args.json, { ...environment, workloads: results, costs, growth: grown });
  if (args.assert && checked.some(({ holds }) => !holds)) process.exitCode = 1;
}

if (positionals[0] === "child") await child(peers, positionals.slice(1));
else if (Number(process.versions.node.split(".")[0]) < 22) {
  console.error(
    `The peers need Node 22 or newer, for jax-js and for relaxed SIMD. This is Node ${process.versions.node}.`,
  );
  process.exitCode = 1;
} else {
  await main();
  process.exit(); // peers leave workers behind
}
