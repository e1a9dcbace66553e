import type { Arena } from "./arena.js";
import { host, type Memory, type Module, type WorkerHandle } from "./host.js";
import type { Problem } from "./problem.js";
import { DONE, FAILED, JOB_KERNELS, type JobKernel, READY, SLOT, SPINS } from "./protocol.js";
import type { Kernels } from "./wasm.js";
import type { WorkerStart } from "./worker.js";

/** ms without any progress of any thread after which a call gives up. */
const PATIENCE_MS = 10_000;

/** ms that workers may take to start. */
const START_MS = 10_000;

/** Floating-point operations that a thread must have to do: about 50 us, five times what waking it takes. */
const WORTH = 2.5e6;

/** Starts a worker of the host; `failed` is called when it ends or breaks down. */
export type StartWorker = (start: WorkerStart, failed: (reason: string) => void) => WorkerHandle;

/**
 * The workers of an instance. A call that is worth it is described once for each member (the calling thread is member 0) and
 * runs on all of them; the kernels divide the work (assembly/team.ts). The calling thread works too, then waits.
 */
export class Pool {
  readonly #arena: Arena;
  readonly #problem: Problem;
  readonly #kernels: Kernels;
  readonly #control: number;
  readonly #bytes: number;
  readonly #workers: WorkerHandle[] = [];
  /** Whether this thread may sleep: a browser's main thread may not. */
  readonly maySleep: boolean;
  #jobs = 0;
  #broken: string | undefined;
  #reported = false;

  constructor(arena: Arena, problem: Problem, kernels: Kernels, size: number, maySleep: boolean) {
    this.#arena = arena;
    this.#problem = problem;
    this.#kernels = kernels;
    this.#bytes = size * SLOT * 4;
    this.#control = arena.allocate(this.#bytes);
    this.#words.fill(0);
    this.maySleep = maySleep;
  }

  /** Threads that a call may use, the calling one included. */
  get size(): number {
    return this.#broken === undefined ? this.#workers.length + 1 : 1;
  }

  start(module: Module, memory: Memory, size: number, startWorker: StartWorker): void {
    for (let member = 1; member < size; member++) {
      const problem = this.#problem.of(member);
      const start = { module, memory, control: this.#control, bytes: this.#bytes, problem, member };
      this.#workers.push(startWorker(start, (reason) => this.#break(reason)));
    }
  }

  /** Blocks until all workers have started. */
  ready(): void {
    const end = host.performance.now() + START_MS;
    while (!this.#started(end)) Atomics.wait(this.#words, READY, Atomics.load(this.#words, READY), 10);
  }

  /** Resolves when all workers have started. */
  async started(): Promise<void> {
    const end = host.performance.now() + START_MS;
    while (!this.#started(end)) await new Promise<void>((resolve) => host.setTimeout(resolve, 1));
  }

  #started(end: number): boolean {
    const count = Atomics.load(this.#words, READY);
    if (this.#broken !== undefined) throw this.#giveUp(this.#broken);
    if (count < this.#workers.length && host.performance.now() > end) {
      throw this.#giveUp(`${count} of ${this.#workers.length} workers started within ${START_MS} ms`);
    }
    return count === this.#workers.length;
  }

  /** How many threads a call of so many floating-point operations is worth. */
  members(work: number): number {
    if (this.#broken !== undefined && !this.#reported) {
      this.#reported = true;
      throw new Error(`laser-attention: ${this.#broken}; later calls run on one thread`);
    }
    return Math.max(1, Math.min(this.size, Math.floor(work / WORTH)));
  }

  /** Runs a kernel on the Problems of `members` members, this thread's included. */
  run(kernel: JobKernel, members: number): void {
    const words = this.#words;
    Atomics.store(words, DONE, 0);
    this.#jobs = (this.#jobs + 2) | 0;
    const job = this.#jobs + JOB_KERNELS.indexOf(kernel);
    for (let member = 1; member < members; member++) {
      Atomics.store(words, member * SLOT, job);
      Atomics.notify(words, member * SLOT);
    }
    try {
      this.#kernels[kernel](this.#problem.ptr);
    } catch {
      throw this.#giveUp(`no thread made any progress for ${PATIENCE_MS} ms, a worker has died`);
    }
    this.#join(words, members);
  }

  #join(words: Int32Array, members: number): void {
    for (let n = 0; n < SPINS; n++) if (Atomics.load(words, DONE) === members - 1) break;
    let progress = -1;
    let end = 0;
    for (;;) {
      const done = Atomics.load(words, DONE);
      if (Atomics.load(words, FAILED) !== 0) throw this.#giveUp(`worker ${Atomics.load(words, FAILED)} broke down`);
      if (done === members - 1) return;
      if (this.maySleep) Atomics.wait(words, DONE, done, 100);
      const now = host.performance.now();
      const ticks = this.#problem.read("ticks").reduce((sum, count) => sum + count, done);
      if (ticks !== progress) {
        progress = ticks;
        end = now + PATIENCE_MS;
      } else if (now > end) {
        throw this.#giveUp(`no thread made any progress for ${PATIENCE_MS} ms, a worker has died`);
      }
    }
  }

  dispose(): void {
    this.#broken ??= "disposed";
    for (const worker of this.#workers) worker.terminate();
    this.#workers.length = 0;
  }

  /** A worker ended by itself: the next call says so. */
  #break(reason: string): void {
    if (this.#broken === undefined) {
      this.#broken = reason;
      for (const worker of this.#workers) worker.terminate();
    }
  }

  /** Ends all workers and gives the error to throw. */
  #giveUp(reason: string): Error {
    this.#broken ??= reason;
    this.#reported = true;
    for (const worker of this.#workers) worker.terminate();
    return new Error(`laser-attention: ${reason}; it goes on on one thread`);
  }

  get #words(): Int32Array {
    return this.#arena.i32(this.#control, this.#bytes / 4);
  }
}
