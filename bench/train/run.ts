/** Measures a training step: all libraries from the same parameters, checked by their losses, then interleaved. */

import { type Call, interleave, type Measurement, ratio, type Series } from "../measure.js";
import { openPeaks, PEAK_FLOPS } from "../peak.js";
import { stepFlops } from "./flops.js";
import { type Memory, memoryOf } from "./memory.js";
import { type OwnTrainer, startOf } from "./own.js";
import { sideBySide } from "./side-by-side.js";
import { type Target, targets } from "./targets.js";
import type { Library, Start, Trainer } from "./trainer.js";
import type { Workload } from "./workloads.js";

export interface Opened {
  library: Library;
  make(workload: Workload, start: Start): Trainer | Promise<Trainer>;
}

export interface Result extends Measurement {
  library: string;
  own: boolean;
  /** Difference from the first library: the largest of a loss, relative to it, or that of all logits, of their norm. */
  error: number;
  /** Time over that of the relaxed build: median over the rounds. */
  ratio: number;
  /** GFLOP/s, and their share of the faster peak loop. */
  rate: number;
  share: number;
}

export interface Checked extends Omit<Target, "workloads"> {
  workload: string;
  ratio: number;
  holds: boolean;
}

export interface WorkloadResult {
  name: string;
  work: number;
  /** What the errors of the results are of. */
  checks: "loss" | "logits";
  results: Result[];
  /** Of the relaxed build. */
  memory?: Memory | undefined;
  /** How many times the steps of one instance two make that share nothing (side-by-side.ts). */
  two?: number | undefined;
  checked: Checked[];
}

/** Losses of so many steps are compared: wrong gradients show from the second on, the least by 2e-4; right ones differ by 4e-6. */
const STEPS = 4;
const TOLERANCE = 1e-4;

/** What is timed, checked already. */
export interface Entry {
  library: string;
  own: boolean;
  call: Call;
  error: number;
}

async function enter({ library, make }: Opened, workload: Workload, start: Start, expected: number[]) {
  const trainer = await make(workload, start);
  const losses: number[] = [];
  for (let n = 0; n < STEPS; n++) losses.push(await trainer.step());
  if (expected.length === 0) expected.push(...losses);
  const error = Math.max(...losses.map((loss, n) => Math.abs(loss / expected[n]! - 1)));
  if (!(error < TOLERANCE)) {
    throw new Error(`${library.name}: ${workload.name}: losses are ${losses.join(", ")}, not ${expected.join(", ")}`);
  }
  return { library, trainer, error };
}

function check(
  name: string,
  results: readonly Result[],
  series: ReadonlyMap<string, Series>,
  memory: Memory | undefined,
): Checked[] {
  const peers = results.filter(({ own }) => !own).sort((a, b) => a.median - b.median);
  return targets.flatMap(({ workloads, ...target }) => {
    if (!workloads.test(name)) return [];
    const other = series.get(target.against === "peers" ? (peers[0]?.library ?? "") : target.against);
    const build = series.get(target.build);
    const times = other && build && ratio(other, build);
    const value = target.against === "memory" ? memory && memory.most / memory.bytes : times;
    if (value === undefined) return [];
    return [{ ...target, workload: name, ratio: value, holds: value >= target.least }];
  });
}

/** Times the entries in turn, beside the peak loops; `work` is in operations. */
export async function compare(
  name: string,
  work: number,
  entries: readonly Entry[],
  time: number,
  memory?: Memory,
): Promise<Omit<WorkloadResult, "checks">> {
  const all = await interleave([...entries, ...(await openPeaks())], time);
  const series = new Map(entries.map(({ library }, n) => [library, all[n]!]));
  const peak = PEAK_FLOPS / Math.min(...all.slice(entries.length).map(({ summary }) => summary.median));
  const results = entries.map(({ library, own, error }, n): Result => {
    const { summary } = all[n]!;
    const rate = work / summary.median;
    return {
      ...{ library, own, error, ...summary },
      ...{ ratio: ratio(all[n]!, series.get("relaxed") ?? all[0]!), rate: rate / 1e6, share: rate / peak },
    };
  });
  return { name, work: work / 1e9, results, memory, checked: check(name, results, series, memory) };
}

export async function measureWorkload(
  workload: Workload,
  opened: readonly Opened[],
  own: readonly Library[],
  time: number,
): Promise<WorkloadResult> {
  const start = await startOf(workload);
  const entered: Awaited<ReturnType<typeof enter>>[] = [];
  const expected: number[] = [];
  for (const one of opened) entered.push(await enter(one, workload, start, expected));
  const relaxed = entered.find(({ library }) => library.name === "relaxed")?.trainer as OwnTrainer | undefined;
  const entries = entered.map(
    ({ library, trainer, error }): Entry => ({
      ...{ library: library.name, own: own.includes(library), error },
      call: () => trainer.step(),
    }),
  );
  const memory = relaxed && memoryOf(workload, relaxed);
  const result = await compare(workload.name, stepFlops(workload), entries, time, memory);
  const two = relaxed && workload.size !== "small" ? await sideBySide(workload, relaxed) : undefined;
  for (const { trainer } of entered) await trainer.dispose();
  return { ...result, two, checks: "loss" };
}
