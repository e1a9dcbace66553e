/**
 * A worker thread: its own instances of the kernels on the shared memory, waiting for jobs. On servers this file runs as a
 * string (src/generated/worker.ts), so that no bundler loses it; browsers load it as a file, as their CSP wants.
 */
import { host, type Memory, type Module, nodeModule } from "./host.js";
import { ARGUMENTS, DONE, END, fail, JOB_STEP, JOBS, type Job, PAGES, READY, SLOT, SPINS } from "./protocol.js";
import { instantiateSync, type Kernels } from "./wasm.js";

/** What a worker is started with. */
export interface WorkerStart {
  readonly modules: readonly Module[];
  readonly memory: Memory;
  /** Byte address of the control words (protocol.ts). */
  readonly control: number;
  /** Bytes of the control words. */
  readonly bytes: number;
  readonly member: number;
  /** As the calling thread's kernels: rows of a group, by which threads divide work, depend on it. */
  readonly lanes: number;
}

function serve({ modules, memory, control, bytes, member, lanes }: WorkerStart): void {
  const words = new Int32Array(memory.buffer, control, bytes / 4);
  let kernels: Kernels;
  try {
    kernels = instantiateSync(modules, memory);
    kernels.useLanes(lanes);
  } catch (error) {
    fail(words, member, error); // a calling thread that sleeps hears of no error event
    throw error;
  }
  const mine = member * SLOT;
  let job = 0;
  let pages = 0;
  Atomics.add(words, READY, 1);
  Atomics.notify(words, READY);
  for (;;) {
    for (let n = 0; n < SPINS && Atomics.load(words, mine) === job; n++);
    while (Atomics.load(words, mine) === job) Atomics.wait(words, mine, job);
    job = Atomics.load(words, mine);
    if (job === END) return;
    try {
      // V8 may lose a growth while a worker starts, whose memory.fill then traps beyond the old end; growth by nothing mends it.
      if (pages !== words[PAGES]) memory.grow(0);
      pages = words[PAGES]!;
      const from = control + 4 * (mine + ARGUMENTS);
      const args = new Float64Array(memory.buffer, from, words[mine + 1]!);
      (kernels as unknown as Record<Job, (...args: number[]) => void>)[JOBS[job % JOB_STEP]!](...args);
    } catch (error) {
      fail(words, member, error);
    }
    Atomics.add(words, DONE, 1);
    Atomics.notify(words, DONE);
  }
}

const threads = nodeModule("node:worker_threads");
if (threads?.workerData) serve(threads.workerData as WorkerStart);
else host.onmessage = ({ data }) => serve(data as WorkerStart);
