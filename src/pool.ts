import type { Arena } from "./arena.js";
import { Field } from "./generated/problem.js";
import { host, type Memory, type Module, nodeModule, type WorkerHandle } from "./host.js";
import type { Problem } from "./problem.js";
import {
  ARGUMENTS,
  type ArgumentsOf,
  DONE,
  END,
  FAILED,
  failure,
  JOB_STEP,
  JOBS,
  type Job,
  type Jobs,
  PAGES,
  READY,
  SLOT,
  SPINS,
} from "./protocol.js";
import { PAGE } from "./shape.js";
import { type Kernels, lanes } from "./wasm.js";
import type { WorkerStart } from "./worker.js";

/** Taken now: tests of a program may replace its timers. */
const { setTimeout } = host;

/** ms of waiting after which to give up: on workers that do not start, and on a call without any progress of any thread. */
const LIMITS_MS = { start: 10_000, progress: 10_000 };

/**
 * Whether a worker that is terminated ends at once, also in the middle of a kernel: in Node, where 20 has no navigator. In Deno, Bun and
 * Chromium it writes on for seconds.
 */
export const endsAtOnce = /^(undefined|Node\.js)/.test(String(host.navigator?.userAgent));

/** The longest wait from one look at what is waited for to the next. */
const LOOK_MS = 100;

/** Whether `limit` ms of waiting are over. However long ago the last look was, one wait counts: the process may have been stopped meanwhile. */
function patience(limit: number): () => boolean {
  let [last, waited] = [host.performance.now(), 0];
  return () => {
    const now = host.performance.now();
    waited += Math.min(now - last, LOOK_MS);
    last = now;
    return waited > limit;
  };
}

/**
 * ms that the calling thread spins before it sleeps. A worker that Linux woke on the same processor must wait beside
 * it for a tick or two before the idle one takes it over; were the calling thread to sleep at once, both would take turns
 * on one processor for good: two threads as slow as one, for seconds, on this project's machine.
 */
const JOIN_MS = 10;

/** Floating-point operations that a thread must have to do: about 50 us, of the size of what waking it takes (SPINS in protocol.ts). */
const WORTH = 2.5e6;

/**
 * Operations of a call that waits for workers that are still starting: some 0.1 s of one thread. Waiting takes a third of that.
 */
const WORTH_WAITING = 4e9;

/** Starts a worker of the host; `failed` is called when it ends or breaks down. */
export type StartWorker = (start: WorkerStart, failed: (reason: string) => void) => WorkerHandle;

/** What makes the pool of an instance, of so many threads. */
export interface PoolMaker {
  readonly members: number;
  make(arena: Arena, problem: Problem): Pool;
}

/**
 * The workers of an instance. A call that is worth it runs on all members (the calling thread is member 0): the kernels of
 * attention divide the work themselves (assembly/team.ts), that of all others is divided by the caller. The calling thread works too, then waits.
 */
export class Pool {
  readonly #arena: Arena;
  readonly #problem: Problem;
  readonly #kernels: Jobs;
  /** The control words, as integers and as arguments. Growth of shared memory leaves views of it as they are. */
  readonly #words: Int32Array;
  readonly #arguments: Float64Array;
  readonly #workers: WorkerHandle[] = [];
  /** Whether this thread may sleep: a browser's main thread may not. */
  readonly maySleep: boolean;
  /** Whether workers start while it sleeps: in Chromium not before a thread that starts one, itself a worker, comes back to its event loop. */
  readonly #mayWait: boolean;
  readonly #warn: (reason: string) => void;
  readonly #limits: typeof LIMITS_MS;
  /** Starts the workers; undefined once it was called. `#starting`: it is running, or was cut off. */
  #begin: (() => void) | undefined;
  #starting = false;
  #jobs = 0;
  /** The last job, and whether workers may still run it. */
  #job = 0;
  #open = false;
  /** Whether it is known if all workers have started. */
  #settled = false;
  #broken: string | undefined;
  #reported = false;

  constructor(
    arena: Arena,
    problem: Problem,
    kernels: Kernels,
    size: number,
    maySleep: boolean,
    warn: (reason: string) => void,
    limits: typeof LIMITS_MS = LIMITS_MS,
  ) {
    this.#arena = arena;
    this.#problem = problem;
    this.#kernels = kernels as Kernels & Jobs; // those of src/nn are called where there are any
    this.#words = arena.i32(arena.allocate(size * SLOT * 4), size * SLOT);
    this.#words.fill(0);
    this.#arguments = new Float64Array(this.#words.buffer, this.#words.byteOffset, this.#words.length / 2);
    this.maySleep = maySleep;
    this.#mayWait = maySleep && nodeModule("node:worker_threads") !== undefined;
    this.#warn = warn;
    this.#limits = limits;
    arena.writers = this;
  }

  /** Threads that a call may use, the calling one included: waits until all have started, where it may. */
  get size(): number {
    this.ready();
    return this.#settled && this.#broken === undefined ? this.#workers.length + 1 : 1;
  }

  /**
   * Has workers start: with the first call that is worth them, or when this thread comes back to its event loop. Small calls before that
   * do not wait for it: a first result in a cold Node came after 15 ms where a worker was started at once, after 12 without (`npm run bench`).
   */
  start(modules: readonly Module[], memory: Memory, startWorker: StartWorker): void {
    this.#begin = () => {
      this.#begin = undefined;
      this.#starting = true;
      const { byteOffset, byteLength } = this.#words;
      try {
        for (let member = 1; member < this.#words.length / SLOT; member++) {
          const start = { modules, memory, control: byteOffset, bytes: byteLength, member, lanes };
          this.#workers.push(startWorker(start, (reason) => this.#break(reason)));
        }
      } catch (error) {
        this.#break(`a worker could not be started: ${(error as Error).message}`);
      }
      this.#starting = false;
    };
    setTimeout(() => this.#begin?.(), 0).unref?.(); // a program that ends before that starts none
  }

  /** Blocks until all workers have started, or can't, where it may. */
  ready(): void {
    this.#begin?.();
    const late = patience(this.#limits.start);
    while (!this.#settle(late) && this.#mayWait) Atomics.wait(this.#words, READY, Atomics.load(this.#words, READY), 10);
  }

  /** The same without blocking; how many threads there are then. */
  async started(): Promise<number> {
    this.#begin?.();
    const late = patience(this.#limits.start);
    while (!this.#settle(late)) await new Promise<void>((resolve) => setTimeout(resolve, 1));
    return this.size;
  }

  /** Whether it is known if all workers have started. Where they can't, there is one thread, and a warning in place of a call's error. */
  #settle(late = () => false): boolean {
    if (this.#settled) return true;
    if (this.#begin !== undefined) return false;
    // As by a timeout of node:vm. One that was started and is in no list hears of the end by its slot.
    if (this.#starting) this.#break("the start of workers was cut off");
    const count = Atomics.load(this.#words, READY);
    const failed = failure(this.#words);
    if (failed !== undefined) this.#break(`worker ${failed.member} could not be started: ${failed.reason}`);
    if (this.#broken === undefined && count < this.#workers.length) {
      if (!late()) return false;
      this.#break(`${count} of ${this.#workers.length} workers started within ${this.#limits.start} ms`);
    }
    this.#settled = true;
    this.#reported = this.#broken !== undefined;
    if (this.#broken !== undefined) this.#warn(this.#broken);
    return true;
  }

  /** How many threads a call of so many floating-point operations is worth, of those that have started: until all have, one. */
  members(work: number): number {
    this.settle();
    if (work >= 2 * WORTH) this.#begin?.();
    if (work > WORTH_WAITING) this.ready();
    if (!this.#settle()) return 1;
    if (this.#broken !== undefined && !this.#reported) throw this.#giveUp(this.#broken, 0);
    return Math.max(1, Math.min(this.size, Math.floor(work / WORTH)));
  }

  /** Runs a kernel with the arguments of each of `members` members, this thread's included. */
  run<K extends Job>(kernel: K, members: number, argumentsOf: (member: number) => ArgumentsOf<K>): void {
    const words = this.#words;
    Atomics.store(words, DONE, 0);
    words[PAGES] = this.#arena.buffer.byteLength / PAGE;
    do {
      this.#jobs = (this.#jobs + JOB_STEP) % 2 ** 30;
      this.#job = this.#jobs + JOBS.indexOf(kernel);
    } while (this.#isOld(members)); // to a worker that had no job for a whole round the number would be none
    this.#open = true;
    try {
      for (let member = 1; member < members; member++) {
        const args = argumentsOf(member);
        const slot = member * SLOT;
        words[slot + 1] = args.length;
        this.#arguments.set(args, (slot + ARGUMENTS) / 2);
        Atomics.store(words, slot, this.#job);
        Atomics.notify(words, slot);
      }
      this.#kernels[kernel](...argumentsOf(0));
    } catch (error) {
      // So a kernel says that no other thread makes progress (assembly/team.ts). Anything else is told as on one thread.
      if ((error as Error).name === "RuntimeError" && /unreachable/i.test(`${error}`))
        throw this.#giveUp(this.#reason, members - 1, error);
      this.settle();
      throw error;
    }
    const done = this.#join(members - 1);
    this.#open = false;
    if (!done || failure(words) !== undefined) throw this.#giveUp(this.#reason, members - 1);
  }

  #isOld(members: number): boolean {
    for (let member = 1; member < members; member++)
      if (Atomics.load(this.#words, member * SLOT) === this.#job) return true;
    return false;
  }

  /**
   * Ends the work of others on a call that was cut off: by a full stack, which may leave no room for this either, or from outside, as by a
   * timeout of node:vm, where not even `finally` runs. Called before memory is handed out and before another call, since an error gives
   * back what they write to; until then they may still write to a caller's own `out`. Where they can't end, the next call says so.
   */
  settle(): void {
    if (!this.#open) return;
    const words = this.#words;
    let given = 0;
    for (let member = 1; member <= this.#workers.length; member++) {
      const slot = member * SLOT;
      if (Atomics.load(words, slot) !== this.#job) continue;
      Atomics.notify(words, slot);
      given++;
    }
    this.#problem.leave();
    if (this.#broken === undefined && this.#join(given)) Atomics.store(words, FAILED, 0);
    else {
      this.#problem.abandon();
      this.#break(this.#reason);
    }
    this.#open = false;
  }

  /** Waits until `given` workers are done, or no thread makes progress; returns whether they are. */
  #join(given: number): boolean {
    const words = this.#words;
    const start = host.performance.now();
    do {
      for (let n = 0; n < SPINS; n++) if (Atomics.load(words, DONE) >= given) break;
    } while (Atomics.load(words, DONE) < given && host.performance.now() < start + JOIN_MS);
    let progress = -1;
    let late = patience(this.#limits.progress);
    for (;;) {
      const done = Atomics.load(words, DONE);
      if (done >= given) break;
      if (this.maySleep) Atomics.wait(words, DONE, done, LOOK_MS);
      const ticks = this.#problem.read(Field.ticks).reduce((sum, count) => sum + count, done);
      if (ticks !== progress) {
        progress = ticks;
        late = patience(this.#limits.progress);
      } else if (late()) return false;
    }
    return true;
  }

  /** Why no thread makes progress, or why the result of a call is not whole. */
  get #reason(): string {
    const failed = failure(this.#words);
    if (failed !== undefined) return `worker ${failed.member} broke down: ${failed.reason}`;
    return `no thread made any progress for ${this.#limits.progress} ms, a worker has died`;
  }

  dispose(): void {
    this.#settled = true;
    this.#begin = undefined;
    this.#break("disposed");
  }

  /** Ends all workers, those too that a full stack kept from being ended before; the next call says so, unless it has been said. */
  #break(reason: string): void {
    this.#broken ??= reason;
    for (let slot = SLOT; slot < this.#words.length; slot += SLOT) {
      Atomics.store(this.#words, slot, END);
      Atomics.notify(this.#words, slot);
    }
    for (let worker = this.#workers.at(-1); worker !== undefined; worker = this.#workers.at(-1)) {
      worker.terminate();
      this.#workers.pop();
    }
  }

  /** Ends all workers and gives the error to throw. `given`: how many of them had the call. */
  #giveUp(reason: string, given: number, cause?: unknown): Error {
    if (Atomics.load(this.#words, DONE) < given) {
      this.#problem.leave();
      if (!endsAtOnce) this.#arena.abandon(); // they may be slow, and not dead
      this.#problem.abandon();
    }
    this.#break(reason);
    this.#reported = true;
    return new Error(`laser-attention: ${this.#broken}; later calls run on one thread`, { cause });
  }
}
