/** What the benchmark of training prints. */
import { NOISY } from "../measure.js";
import { percent, printMachine, time } from "../report.js";
import type { Profile } from "./profile.js";
import type { Residence } from "./residence.js";
import type { WorkloadResult } from "./run.js";

const line = (label: string, cells: readonly string[], note = ""): void =>
  console.log(`    ${label.padEnd(22)}${cells.map((x) => x.padStart(11)).join("")}  ${note}`.trimEnd());
const mega = (bytes: number): string => (bytes / 1e6).toFixed(1);

export function printEnvironment(): void {
  printMachine();
  console.log(
    "Median ms of forward, backward and AdamW, or of forward alone where it is said; one thread unless said. " +
      "Share: of the faster peak loop, one thread. x: over relaxed. Forward alone: after `model.pack()` unless said.\n",
  );
}

export function printWorkload({ name, work, checks, results, memory, two }: WorkloadResult): void {
  console.log(`${name}: ${work.toPrecision(3)} GFLOP`);
  line("", ["ms", "GFLOP/s", "share", "x"]);
  for (const { library, median, rate, share, ratio, error, spread } of results) {
    const noisy = spread > NOISY ? ", noisy" : "";
    const cells = [time(median), rate.toFixed(1), percent(share), ratio.toFixed(2)];
    line(library, cells, `${checks} within ${error.toExponential(1)}${noisy}`);
  }
  if (two !== undefined)
    console.log(`    two instances of one thread, side by side: ${two.toFixed(2)} times the steps of one`);
  if (memory === undefined) return;
  const { bytes, parameters, activations, most } = memory;
  const parts = `parameters x 4 ${mega(parameters)}, activations ${mega(activations)}`;
  console.log(
    `    memory: ${mega(bytes)} MB; theory ${mega(parameters + activations)} (${parts}), with slack ${mega(most)}: ` +
      (bytes <= most ? "holds" : "MISS"),
  );
}

export function printResidence(all: readonly Residence[]): void {
  if (all.length === 0) return;
  console.log("\nMost resident memory in three steps, MB above a process that only reads the first parameters");
  for (const name of new Set(all.map(({ workload }) => workload))) {
    const cells = all
      .filter(({ workload }) => workload === name)
      .map(({ library, bytes }) => `${library} ${mega(bytes)}`);
    console.log(`    ${name}: ${cells.join(", ")}`);
  }
}

export function printProfile({ name, total, parts }: Profile): void {
  console.log(`${name}: ${time(total)} ms a step, relaxed, one thread`);
  line("", ["ms", "share", "calls"]);
  for (const { part, ms, calls } of parts) {
    line(part, [time(ms), percent(ms / total, 1), calls > 0 ? calls.toFixed(0) : ""]);
  }
}
