/** What the benchmark prints: machine, tables, doubts. */
import { arch, availableParallelism, cpus, platform, totalmem } from "node:os";
import manifest from "../package.json";
import { clockStep, type Measurement, NOISY } from "./measure.js";
import type { Ratio } from "./recompute.js";
import type { Task } from "./tasks.js";

export interface Result extends Measurement {
  name: string;
  simd: string;
  /** Work per second in `unit`, at the median. */
  rate: number;
  unit: Task["unit"];
}

export const environment = {
  machine: `${cpus()[0]?.model.trim() ?? "unknown processor"}, ${availableParallelism()} threads, ${Math.round(totalmem() / 2 ** 30)} GiB, ${platform()} ${arch()}`,
  runtime: `Node ${process.versions.node}, V8 ${process.versions.v8}`,
  versions: {
    "laser-attention": manifest.version,
    assemblyscript: manifest.devDependencies.assemblyscript,
    tinybench: manifest.devDependencies.tinybench,
  },
  clockStep,
};

export function printEnvironment(): void {
  console.log(environment.machine);
  const versions = Object.entries(environment.versions).map(([name, version]) => `${name} ${version}`);
  console.log(`${environment.runtime}; ${versions.join(", ")}; one thread; clock step ${time(clockStep)} ms\n`);
}

/** Four digits at most, three significant ones where there are that many. */
const time = (ms: number): string => (ms >= 100 ? ms.toFixed(0) : ms.toPrecision(3));

function doubtful({ spread }: Measurement): string {
  return spread > NOISY ? "  noisy" : "";
}

const columns = (label: string, cells: string[]): string =>
  label.padEnd(56) + cells.map((x) => x.padStart(12)).join("");

export function printHeader(simd: string): void {
  console.log(columns(`${simd} SIMD`, ["best ms", "median ms", "spread", "rate"]));
}

export function printResult(result: Result): void {
  const { name, best, median, spread, rate, unit } = result;
  const cells = [time(best), time(median), `${(100 * spread).toFixed(1)} %`, rate.toFixed(2)];
  console.log(`${columns(name, cells)} ${unit}${doubtful(result)}`);
}

export function printRatios(ratios: readonly Ratio[]): void {
  if (ratios.length === 0) return;
  console.log(
    `\n${columns("LASER's exact recompute, all elements", ["best, usual", "best, worst", "ratio", "limit"])}  recomputed`,
  );
  for (const { name, ordinary, worst, ratio, limit, elements } of ratios) {
    const cells = [time(ordinary.best), time(worst.best), ratio.toFixed(2), String(limit)];
    const counts = `${elements.ordinary} and ${elements.worst} of ${elements.all}`;
    console.log(`${columns(name, cells)}  ${counts}${doubtful(ordinary) || doubtful(worst)}`);
  }
}

export function printDoubts(measurements: readonly Measurement[]): void {
  const noisy = measurements.filter(({ spread }) => spread > NOISY).length;
  if (noisy === 0) return;
  console.log(
    `\nWarning: ${noisy} of ${measurements.length} times have a median more than ${100 * NOISY} % above the best. ` +
      "Something else may be running on this machine: stop it and measure again.",
  );
}
