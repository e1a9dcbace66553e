/** Starts instances with threads: memory, kernels, workers, and what keeps a host from having them. */
import type { Arena } from "./arena.js";
import { LaserAttention } from "./facade.js";
import { hex as threadsHex } from "./generated/kernels.threads.js";
import { hex as threadsRelaxedHex } from "./generated/kernels.threads-relaxed.js";
import { program } from "./generated/worker.js";
import { host, type Memory, nodeModule } from "./host.js";
import { plain } from "./plain.js";
import { Pool, type StartWorker } from "./pool.js";
import type { Problem } from "./problem.js";
import { ADDRESS_SPACE } from "./shape.js";
import { type Build, type Compiled, compile, compileSync, type More } from "./source.js";
import { checkThreadsOptions, type ThreadsOptions, warn } from "./threads-options.js";
import type { KernelSource } from "./types.js";
import { openUnshared, openUnsharedSync } from "./unshared.js";
import { createSharedMemory, instantiate, instantiateSync, type Kernels } from "./wasm.js";

// No ES2022 library declares these, which bundlers look for by name: new Worker(new URL(..., import.meta.url)).
declare const URL: new (path: string, base: string) => { readonly href: string };
declare const Worker: NonNullable<typeof host.Worker>;

const builds = {
  plain: { simd: "plain", binary: { hex: threadsHex } },
  relaxed: { simd: "relaxed", binary: { hex: threadsRelaxedHex } },
} as const;

/** An instance of the kernels, and of `more` kernels on the same memory. */
export function startSync(options?: ThreadsOptions<KernelSource>, more?: More): LaserAttention {
  // Steps of training plan their memory by the threads that there are, so that instance waits for them.
  const plan = planFor("createSync", options, more !== undefined);
  if (plan === undefined) return openUnsharedSync(plain, options, more);
  const compiled = compileSync("createSync", plan.builds, "shared", options?.wasm, more);
  checkSimd("createSync", options, compiled);
  const la = assemble(plan, compiled, instantiateSync(compiled.modules, plan.memory));
  if (more !== undefined) la.engine.pool?.ready();
  return la;
}

export async function start(options?: ThreadsOptions, more?: More): Promise<LaserAttention> {
  const plan = planFor("create", options);
  if (plan === undefined) return openUnshared(plain, options, more);
  const compiled = await compile("create", plan.builds, "shared", options?.wasm, more);
  checkSimd("create", options, compiled);
  const la = assemble(plan, compiled, await instantiate(compiled.modules, plan.memory));
  await la.engine.pool?.started();
  return la;
}

/** Kernels that the caller brings are of the kind that `simd` asks for, where it is given. */
function checkSimd(where: string, { simd, wasm }: ThreadsOptions = {}, compiled: Compiled): void {
  if (wasm === undefined || simd === undefined || simd === compiled.simd) return;
  throw new RangeError(`${where}: wasm must be ${simd} kernels, as simd says, got ${compiled.simd} ones`);
}

/** How an instance will run; undefined where memory can't be shared at all. */
interface Plan {
  readonly members: number;
  readonly builds: readonly Build[];
  readonly memory: Memory;
  readonly maxMemory: number;
  readonly startWorker: StartWorker;
}

/** The least limit that is asked for where none was given. */
const LEAST_LIMIT = 2 ** 29;

/** A host that reserves all that shared memory may grow to, as Safari on iOS does, may have no room for 4 GiB: then half is asked for. */
function shareMemory(asked: number | undefined): Pick<Plan, "memory" | "maxMemory"> {
  for (let maxMemory = asked ?? ADDRESS_SPACE; ; maxMemory /= 2) {
    try {
      return { memory: createSharedMemory(maxMemory), maxMemory };
    } catch (error) {
      if (asked !== undefined || maxMemory <= LEAST_LIMIT || !(error instanceof RangeError)) throw error;
    }
  }
}

function planFor(where: "create" | "createSync", options: ThreadsOptions = {}, waits = false): Plan | undefined {
  checkThreadsOptions(where, options);
  const { threads = Math.min(8, processors()), simd = "plain", worker } = options;
  let shared: Pick<Plan, "memory" | "maxMemory">;
  try {
    shared = shareMemory(options.maxMemory);
  } catch (error) {
    // Less may do without sharing: see createMemory.
    if (threads > 1) warn(error instanceof RangeError ? "the host refused shared memory" : UNSHARED);
    return undefined;
  }
  const reason = threads > 1 ? obstacle(where, waits) : undefined;
  if (reason !== undefined) warn(reason);
  const members = reason === undefined ? threads : 1;
  const wanted = simd === "relaxed" ? [builds.relaxed, builds.plain] : [builds.plain];
  return { ...shared, members, builds: wanted, startWorker: starter(worker) };
}

/** What keeps this host from running several threads, if anything; `waits`: for an instance that blocks until they are there. */
function obstacle(where: "create" | "createSync", waits: boolean): string | undefined {
  if (host.crossOriginIsolated === false)
    return "threads need a cross-origin isolated page (headers COOP: same-origin and COEP: require-corp)";
  if (host.SharedArrayBuffer === undefined) return UNSHARED;
  if (nodeModule("node:worker_threads") === undefined) {
    if (host.Worker === undefined) return "this host has no workers";
    if (where === "createSync" && !maySleep()) return "a browser's main thread may not wait for workers: use create()";
    if (waits) return "a worker of a browser may not wait for its own workers: use create()";
  }
  return undefined;
}

const UNSHARED = "this host has no shared memory";

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
function starter(worker: ThreadsOptions["worker"]): StartWorker {
  const server = nodeModule("node:worker_threads");
  return (start, failed) => {
    if (server !== undefined) {
      const thread = new server.Worker(program, { eval: true, workerData: start });
      thread.unref();
      thread.on("error", (error) => failed(`a worker broke down: ${error.message}`));
      thread.on("exit", () => failed("a worker has ended"));
      return thread;
    }
    // Of an object with an href that; a TrustedScriptURL as it is.
    const address = (worker as { href?: string } | undefined)?.href ?? worker;
    const thread =
      address === undefined
        ? new Worker(new URL("./worker.js", (import.meta as unknown as { url: string }).url), { type: "module" })
        : new Worker(address as string, { type: "module" });
    const place = address === undefined ? "beside the program" : `at ${address}`;
    thread.onerror = ({ message = "" }) =>
      failed(`worker.js was not found ${place} or broke down${message && ` (${message})`}`);
    thread.postMessage(start);
    return thread;
  };
}

const remedy =
  "a page must serve laser-attention/worker.js from its origin, with its headers, and name it with the option worker";

function assemble(plan: Plan, { modules, simd }: Compiled, kernels: Kernels): LaserAttention {
  const { members, memory, maxMemory, startWorker } = plan;
  const make = (arena: Arena, problem: Problem): Pool => {
    const page = nodeModule("node:worker_threads") === undefined;
    const say = page ? (reason: string) => warn(`${reason}: ${remedy}`) : warn;
    const pool = new Pool(arena, problem, kernels, members, maySleep(), say);
    pool.start(modules, memory, startWorker);
    return pool;
  };
  return new LaserAttention(kernels, memory, simd, maxMemory, members === 1 ? undefined : { members, make });
}
