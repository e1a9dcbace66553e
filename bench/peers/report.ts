/** What the benchmark of the peers prints. */
import { NOISY } from "../measure.js";
import { printMachine, time } from "../report.js";
import { variantName } from "../tasks.js";
import type { Cost, Growth } from "./costs.js";
import type { WorkloadResult } from "./run.js";

const line = (label: string, cells: readonly string[], note = ""): void =>
  console.log(`    ${label.padEnd(30)}${cells.map((x) => x.padStart(12)).join("")}  ${note}`.trimEnd());

/** Megabytes in two digits or more. */
export const megabytes = (bytes: number): string => {
  const mega = bytes / 1e6;
  return mega === 0 ? "0" : mega >= 10 ? mega.toFixed(0) : mega.toPrecision(2);
};

export function printEnvironment(): void {
  printMachine();
  console.log(
    "Median ms of one call, one thread; of each peer the fastest formulation. x: over the time of a build of ours.\n",
  );
}

export function printWorkload({ name, results, missing }: WorkloadResult): void {
  const builds = Object.keys(results[0]?.ratios ?? {});
  console.log(name);
  line("", ["ms", ...builds.map((build) => `x ${build.split("/")[1] ?? "plain"}`)]);
  for (const { peer, formulation, median, spread, error, ratios } of results) {
    const cells = builds.map((build) => (build === peer ? "" : `${ratios[build]!.toFixed(2)}`));
    const noisy = spread > NOISY ? ", noisy" : "";
    line(peer, [time(median), ...cells], `${formulation}, error ${error.toExponential(1)}${noisy}`);
  }
  for (const peer of missing) line(peer, ["-"]);
}

export function printCosts(costs: readonly Cost[]): void {
  if (costs.length === 0) return;
  console.log("\nInstalled size with all dependencies, and a first result in a cold process");
  for (const { peer, version, bytes, start } of costs) {
    line(`${peer} ${version}`, [bytes > 0 ? `${megabytes(bytes)} MB` : "", `${time(start)} ms`]);
  }
}

export function printGrowth(grown: readonly Growth[]): void {
  if (grown.length === 0) return;
  const lengths = [...new Set(grown.map(({ N }) => N))];
  console.log("\nForward, H 4, D 64: ms a call and MB above a bare process, as N grows");
  line("", lengths.map(String));
  const names = new Set(grown.map(({ peer, variant }) => `${peer} ${variantName(variant)}`));
  for (const name of names) {
    const own = grown.filter(({ peer, variant }) => `${peer} ${variantName(variant)}` === name);
    const cells = (value: (one: Growth) => string) =>
      lengths.map((N) => own.filter((one) => one.N === N).map(value)[0] ?? "");
    line(
      name.replace("laser-attention", "la"),
      cells(({ ms }) => time(ms)),
      "ms",
    );
    line(
      "",
      cells(({ bytes }) => megabytes(bytes)),
      "MB",
    );
  }
}
