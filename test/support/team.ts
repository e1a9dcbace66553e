/** Instances with threads for the tests: every call may use all of them, however small, and workers may be made to misbehave. */
import { Worker } from "node:worker_threads";
import { LaserAttention, type Simd } from "../../src/facade.js";
import type { Kernels } from "../../src/generated/kernel-types.js";
import { hex as plain } from "../../src/generated/kernels.threads.js";
import { hex as relaxed } from "../../src/generated/kernels.threads-relaxed.js";
import { program } from "../../src/generated/worker.js";
import { Pool, type StartWorker } from "../../src/pool.js";
import { READY, SLOT } from "../../src/protocol.js";
import { ADDRESS_SPACE } from "../../src/shape.js";
import { type Binary, createSharedMemory, instantiateSync, moduleSync, lanes as usual } from "../../src/wasm.js";
import type { WorkerStart } from "../../src/worker.js";

const binaries: Record<Simd, Binary> = { plain: { hex: plain }, relaxed: { hex: relaxed } };

/** A pool that finds every call worth all its threads. */
class EagerPool extends Pool {
  override members(): number {
    return super.members(Number.POSITIVE_INFINITY);
  }
}

export interface Team {
  readonly la: LaserAttention;
  readonly workers: readonly Worker[];
  /** What the pool warned of: why there is one thread only, if so. */
  readonly broken: string | undefined;
}

export interface TeamOptions {
  simd?: Simd;
  /** 3: all threads take products by lanes, 0: none does. Default: what this runtime does. */
  lanes?: number;
  /** false: calls that are not worth their threads stay on one, as in the package. Default true. */
  eager?: boolean;
  /** ms after which the pool gives up on its workers. Default: ten seconds. */
  limits?: { start?: number; progress?: number };
  /** What the calling thread runs, made from its kernels. */
  kernels?: (own: Kernels) => Kernels;
  /** The program of a worker, and what it starts with. */
  program?: string;
  start?: (start: WorkerStart) => WorkerStart;
}

/** An instance with `threads` threads whose workers run in this runtime's worker_threads. */
export function makeTeam(threads: number, options: TeamOptions = {}): Team {
  const {
    simd = "plain",
    lanes = usual,
    eager = true,
    limits,
    kernels: replaced = (own) => own,
    program: text = program,
    start = (given) => given,
  } = options;
  const memory = createSharedMemory(ADDRESS_SPACE);
  const module = moduleSync(binaries[simd]);
  const own = instantiateSync([module], memory);
  own.useLanes(lanes);
  const kernels = replaced(own);
  const workers: Worker[] = [];
  const startWorker: StartWorker = (given, failed) => {
    const worker = new Worker(text, { eval: true, workerData: start({ ...given, lanes }) });
    worker.unref();
    worker.on("error", (error) => failed(error.message));
    worker.on("exit", () => failed("a worker has ended"));
    workers.push(worker);
    return worker;
  };
  let pool!: Pool;
  let broken: string | undefined;
  const warn = (reason: string): void => {
    broken = reason;
  };
  const la = new LaserAttention(kernels, memory, simd, undefined, {
    members: threads,
    make(arena, problem) {
      pool = new (eager ? EagerPool : Pool)(arena, problem, kernels, threads, true, warn, {
        start: 10_000,
        progress: 10_000,
        ...limits,
      });
      pool.start([module], memory, startWorker);
      return pool;
    },
  });
  pool.ready();
  return { la, workers, broken };
}

/** A worker that says it is there and then runs `then`. `job` waits for its first job, `pause` for some ms or for ever. */
export const pretender = (then: string): string => `
  const { workerData: { memory, control, bytes, member } } = process.getBuiltinModule("node:worker_threads");
  const words = new Int32Array(memory.buffer, control, bytes / 4);
  const pause = (ms) => Atomics.wait(words, words.length - 1, 0, ms);
  const job = () => Atomics.wait(words, member * ${SLOT}, 0);
  Atomics.add(words, ${READY}, 1);
  Atomics.notify(words, ${READY});
  ${then}
  pause();`;
