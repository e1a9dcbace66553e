/** The builds of the package that are measured. */
import { createSync, type LaserAttention } from "../src/index.js";
import { createSync as createRelaxed } from "../src/relaxed.js";
import { createSync as createThreads } from "../src/threads.js";
import { lanes } from "../src/wasm.js";
import { relaxedSupported } from "../test/support/kernels.js";

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
