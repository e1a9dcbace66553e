/**
 * The words through which the calling thread and the workers talk, 32 bits each in shared memory. Member r has a slot (whole cache
 * lines) of its own; slot 0 is the calling thread's. The first word of a slot is the member's job: a number that changes with
 * each job and whose low bits say which kernel to run. The second is how many arguments the kernel takes; they follow as
 * float64, which holds addresses, sizes and float32 alike.
 */
import type { Kernels } from "./generated/kernel-types.js";
import type { NnKernels } from "./generated/nn-kernel-types.js";

/** Words from one slot to the next: room for a sentence (`fail`). */
export const SLOT = 128;

/** Word of the slot where the arguments begin: 8 bytes in, with room for 63. */
export const ARGUMENTS = 2;

/**
 * In slot 0: workers that are done with the current job, workers that have started, a worker that has no kernels or whose kernel
 * trapped (0: none), and the pages of memory at the time of the job.
 */
export const DONE = 0;
export const READY = 1;
export const FAILED = 2;
export const PAGES = 3;

/** The kernels that workers run, by number: those of attention, and those of src/nn. */
export const JOBS = [
  "attentionForward",
  "attentionBackward",
  "matmul",
  "matmulThin",
  "act",
  "adamw",
  "addRows",
  "addScaled",
  "columnSum",
  "crossEntropy",
  "ctc",
  "depthwise",
  "depthwiseBackward",
  "depthwiseParams",
  "dropout",
  "embedding",
  "embeddingBackward",
  "glu",
  "gluBackward",
  "layerNorm",
  "layerNormBackward",
  "layerNormParams",
  "maskRows",
  "multiply",
  "rmsNorm",
  "rmsNormBackward",
  "rmsNormParams",
  "scale",
] as const;
export type Job = (typeof JOBS)[number];

/** What a kernel takes, one by one: none can be missing. */
export type ArgumentsOf<K extends Job> = Parameters<(Kernels & NnKernels)[K]>;

/** The same kernels, so that TypeScript holds the name of one and its arguments together. */
export type Jobs = { readonly [K in Job]: (...args: ArgumentsOf<K>) => void };

/** Instead of a job: the worker is to end. Deno's `terminate` does not end a thread that sleeps in Atomics.wait. */
export const END = -1;

/** From one job number to the next, so that the rest is the number of the kernel. */
export const JOB_STEP = 64;

/**
 * Spins before a thread goes to sleep, about 1 ms: waking a sleeper takes 6 to 110 us, one that spins less than 1. Between the shared
 * operations of a training step lie up to some hundred us of the calling thread alone; with 50 us of spinning, workers slept through
 * many of them.
 */
export const SPINS = 100_000;

/** A worker says what it failed of: a character a word, where its job's arguments lie. */
export function fail(words: Int32Array, member: number, error: unknown): void {
  const text = String(error).slice(0, SLOT - ARGUMENTS);
  const slot = member * SLOT;
  words[slot + 1] = text.length;
  for (let n = 0; n < text.length; n++) words[slot + ARGUMENTS + n] = text.charCodeAt(n);
  Atomics.compareExchange(words, FAILED, 0, member);
}

/** The first worker that failed, and of what: others may have failed of waiting for it. */
export function failure(words: Int32Array): { member: number; reason: string } | undefined {
  const member = Atomics.load(words, FAILED);
  if (member === 0) return undefined;
  const from = member * SLOT + ARGUMENTS;
  return { member, reason: String.fromCharCode(...words.subarray(from, from + words[from - 1]!)) };
}
