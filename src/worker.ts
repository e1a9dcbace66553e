/**
 * A worker thread: its own instance of the kernels on the shared memory, waiting for jobs. On servers this file runs as a
 * string (src/generated/worker.ts), so that no bundler loses it; browsers load it as a file, as their CSP wants.
 */
import { host, type Memory, type Module, nodeModule } from "./host.js";
import { DONE, FAILED, JOB_KERNELS, READY, SLOT, SPINS } from "./protocol.js";
import type { Kernels } from "./wasm.js";

/** What a worker is started with. */
export interface WorkerStart {
  readonly module: Module;
  readonly memory: Memory;
  /** Byte address of the control words (protocol.ts). */
  readonly control: number;
  /** Bytes of the control words. */
  readonly bytes: number;
  /** Byte address of this member's Problem. */
  readonly problem: number;
  readonly member: number;
}

function serve({ module, memory, control, bytes, problem, member }: WorkerStart): never {
  const words = new Int32Array(memory.buffer, control, bytes / 4);
  let kernels: Kernels;
  try {
    kernels = new host.WebAssembly!.Instance(module, { env: { memory } }).exports as Kernels;
  } catch (error) {
    Atomics.store(words, FAILED, member); // a calling thread that sleeps hears of no error event
    throw error;
  }
  const mine = member * SLOT;
  let job = 0;
  Atomics.add(words, READY, 1);
  Atomics.notify(words, READY);
  for (;;) {
    for (let n = 0; n < SPINS && Atomics.load(words, mine) === job; n++);
    while (Atomics.load(words, mine) === job) Atomics.wait(words, mine, job);
    job = Atomics.load(words, mine);
    try {
      kernels[JOB_KERNELS[job & 1]!](problem);
    } catch {
      Atomics.store(words, FAILED, member);
    }
    Atomics.add(words, DONE, 1);
    Atomics.notify(words, DONE);
  }
}

const threads = nodeModule("node:worker_threads");
if (threads?.workerData) serve(threads.workerData as WorkerStart);
else host.onmessage = ({ data }) => serve(data as WorkerStart);
