/**
 * laser-attention on several threads: the same names, the same bits at any number of threads. Node, Deno and Bun start workers at
 * once; browsers need a cross-origin isolated page, and `create`. Where threads can't be had the instance runs on one
 * thread and says why, once, with console.warn.
 */
import type { Arena } from "./arena.js";
import * as check from "./check.js";
import { LaserAttention, type Simd } from "./facade.js";
import { base64 as threadsBase64 } from "./generated/kernels.threads.js";
import { base64 as threadsRelaxedBase64 } from "./generated/kernels.threads-relaxed.js";
import { program } from "./generated/worker.js";
import { host, type Memory, nodeModule } from "./host.js";
import { type Build, open, openSync } from "./open.js";
import { plain } from "./plain.js";
import { Pool, type StartWorker } from "./pool.js";
import type { Problem } from "./problem.js";
import { ADDRESS_SPACE } from "./shape.js";
import type { CreateOptions } from "./types.js";
import { Binary, createSharedMemory, instantiate, instantiateSync, type Kernels, type Module, probe } from "./wasm.js";

export type { LaserAttention, Simd } from "./facade.js";
export type { AnyTensor, Tensor } from "./tensor.js";
export type * from "./types.js";

/** A URL object. */
interface Address {
  readonly href: string;
}

// No ES2022 library declares these, which bundlers look for by name: new Worker(new URL(..., import.meta.url)).
declare const URL: new (path: string, base: string) => Address;
declare const Worker: NonNullable<typeof host.Worker>;
declare global {
  interface ImportMeta {
    url: string;
  }
}

/** How an instance with threads is created. */
export interface ThreadsOptions extends CreateOptions {
  /** Threads in all, the calling one included: 1 to 64. Default: as many as the machine runs at once, at most 8. */
  threads?: number | undefined;
  /** "relaxed": fused multiply-add where the engine has it, as in `laser-attention/relaxed`. Default "plain". */
  simd?: Simd | undefined;
  /** Browsers: where `laser-attention/worker.js` is served from, when the bundler does not find it. Same origin. */
  worker?: string | Address | undefined;
}

const builds = {
  plain: { simd: "plain", binary: /* @__PURE__ */ new Binary(threadsBase64) },
  relaxed: { simd: "relaxed", binary: /* @__PURE__ */ new Binary(threadsRelaxedBase64) },
} as const;

/**
 * A new instance with its threads, at once; a browser's main thread may not wait for them and gets one thread.
 *
 * @example const la = createSync({ threads: 2 });
 */
export function createSync(options?: ThreadsOptions): LaserAttention {
  const plan = planFor("createSync", options);
  if (plan === undefined) return openSync([plain], { maxMemory: options?.maxMemory });
  const { binary, simd } = probe(plan.builds);
  const module = binary.compileSync();
  const { la, pool } = assemble(plan, module, instantiateSync(module, plan.memory), simd);
  const reason = pool?.ready();
  if (reason !== undefined) warn(reason);
  return la;
}

/** A new instance with its threads, which start while this waits. Rejects where `createSync` throws. */
export async function create(options?: ThreadsOptions): Promise<LaserAttention> {
  const plan = planFor("create", options);
  if (plan === undefined) return open([plain], { maxMemory: options?.maxMemory });
  const { binary, simd } = probe(plan.builds);
  const module = await binary.compile();
  const { la, pool } = assemble(plan, module, await instantiate(module, plan.memory), simd);
  const reason = await pool?.started();
  if (reason !== undefined) warn(reason);
  return la;
}

/** How an instance will run; undefined where memory can't be shared at all. */
interface Plan {
  readonly members: number;
  readonly builds: readonly Build[];
  readonly memory: Memory;
  readonly maxMemory: number | undefined;
  readonly startWorker: StartWorker;
}

function planFor(where: "create" | "createSync", options: ThreadsOptions = {}): Plan | undefined {
  check.options(where, options, ["maxMemory", "threads", "simd", "worker"]);
  check.maxMemory(where, options.maxMemory);
  check.threads(where, options.threads);
  const { maxMemory, threads = Math.min(8, processors()), simd = "plain", worker } = options;
  check.oneOf(where, "simd", simd, ["plain", "relaxed"]);
  check.address(where, "worker", worker);
  let memory: Memory;
  try {
    memory = createSharedMemory(maxMemory ?? ADDRESS_SPACE);
  } catch (error) {
    // Less may do without sharing: see createMemory.
    if (threads > 1)
      warn(error instanceof RangeError ? "the host refused shared memory" : "this host has no shared memory");
    return undefined;
  }
  const reason = threads > 1 ? obstacle(where) : undefined;
  if (reason !== undefined) warn(reason);
  const members = reason === undefined ? threads : 1;
  const wanted = simd === "relaxed" ? [builds.relaxed, builds.plain] : [builds.plain];
  return { members, builds: wanted, memory, maxMemory, startWorker: starter(worker) };
}

/** What keeps this host from running several threads, if anything. */
function obstacle(where: "create" | "createSync"): string | undefined {
  if (host.SharedArrayBuffer === undefined || host.crossOriginIsolated === false)
    return "threads need a cross-origin isolated page (headers COOP: same-origin and COEP: require-corp)";
  if (nodeModule("node:worker_threads") === undefined) {
    if (host.Worker === undefined) return "this host has no workers";
    if (where === "createSync" && !maySleep()) return "a browser's main thread may not wait for workers: use create()";
  }
  return undefined;
}

/** Whether this thread may sleep: a browser's main thread may not. */
function maySleep(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0);
    return true;
  } catch {
    return false;
  }
}

const processors = (): number =>
  host.navigator?.hardwareConcurrency ?? nodeModule("node:os")?.availableParallelism() ?? 1;

/** Workers of Node, Deno and Bun run a string; browsers load a file. */
function starter(worker: string | Address | undefined): StartWorker {
  const server = nodeModule("node:worker_threads");
  return (start, failed) => {
    if (server !== undefined) {
      const thread = new server.Worker(program, { eval: true, workerData: start });
      thread.unref();
      thread.on("error", (error) => failed(`a worker broke down: ${error.message}`));
      thread.on("exit", () => failed("a worker has ended"));
      return thread;
    }
    const thread =
      worker === undefined
        ? new Worker(new URL("./worker.js", import.meta.url), { type: "module" })
        : new Worker(worker, { type: "module" });
    thread.onerror = () => failed("a worker could not be started, or broke down");
    thread.postMessage(start);
    return thread;
  };
}

function assemble(plan: Plan, module: Module, kernels: Kernels, simd: Simd): { la: LaserAttention; pool?: Pool } {
  const { members, memory, maxMemory, startWorker } = plan;
  if (members === 1) return { la: new LaserAttention(kernels, memory, simd, maxMemory) };
  let pool!: Pool;
  const make = (arena: Arena, problem: Problem): Pool => {
    pool = new Pool(arena, problem, kernels, members, maySleep());
    pool.start(module, memory, members, startWorker);
    return pool;
  };
  return { la: new LaserAttention(kernels, memory, simd, maxMemory, { members, make }), pool };
}

const warned = new Set<string>();

/** Says once why there is only one thread. */
function warn(reason: string): void {
  if (warned.has(reason)) return;
  warned.add(reason);
  host.console.warn(`laser-attention: one thread only: ${reason}`);
}
