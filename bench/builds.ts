/** The builds of the package that are measured, and the loop that gives the machine's peak. */
import { createSync, type LaserAttention } from "../src/index.js";
import { createSync as createRelaxed } from "../src/relaxed.js";
import { createSync as createThreads } from "../src/threads.js";
import { lanes } from "../src/wasm.js";
import { loadProbe, relaxedSupported } from "../test/support/kernels.js";
import type { Call } from "./measure.js";

export interface Build {
  name: string;
  open(): LaserAttention;
  /** Its file in dist/. */
  entry: string;
  /** Rows of a group in its kernels (`Tile.rows` in assembly/microkernel.ts). */
  rows: number;
}

/** Threads are measured with the faster kernels that the engine has. */
const simd = relaxedSupported ? "relaxed" : "plain";
const relaxedRows = lanes & 2 ? 4 : 6;
const rows = relaxedSupported ? relaxedRows : 4;

/** A build more is an entry more. */
const all: readonly (Build & { supported: boolean })[] = [
  { name: "plain", open: createSync, entry: "index", rows: 4, supported: true },
  { name: "relaxed", open: createRelaxed, entry: "relaxed", rows: relaxedRows, supported: relaxedSupported },
  { name: "2 threads", open: () => createThreads({ threads: 2, simd }), entry: "threads", rows, supported: true },
];

/** Those that this engine runs. */
export const builds: readonly Build[] = all.filter(({ supported }) => supported);
export const missing: readonly string[] = all.filter(({ supported }) => !supported).map(({ name }) => name);

/** Multiply-adds in registers and nothing else (assembly/probe.ts), as separate operations or fused. */
export interface Peak {
  name: string;
  call: Call;
}

const STEPS = 20_000;
export const PEAK_FLOPS = STEPS * 104;

export async function openPeaks(): Promise<Peak[]> {
  const targets = [
    { name: "multiply and add", target: "release" },
    { name: "relaxed multiply-add", target: "relaxed" },
  ] as const;
  const peaks: Peak[] = [];
  for (const { name, target } of targets) {
    if (target === "relaxed" && !relaxedSupported) continue;
    const { exports } = await loadProbe(target);
    peaks.push({ name, call: () => exports.peak!(STEPS, 0.5) });
  }
  return peaks;
}
