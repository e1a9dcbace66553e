import * as check from "./check.js";
import { integer } from "./check-number.js";
import type { Simd } from "./facade.js";
import { host } from "./host.js";
import type { Address, AsyncKernelSource, CreateOptions } from "./types.js";

/**
 * How an instance with threads is created.
 *
 * @example
 * import { create, type ThreadsOptions } from "laser-attention/threads";
 * const options: ThreadsOptions = { threads: 2, simd: "relaxed" };
 * const la = await create(options);
 */
export interface ThreadsOptions<Source = AsyncKernelSource> extends CreateOptions<Source> {
  /** Threads in all, the calling one included: 1 to 64. Default: as many as the machine runs at once, at most 8. */
  threads?: number | undefined;
  /**
   * "relaxed": fused multiply-add where the engine has it, as in `laser-attention/relaxed`. Default "plain", which runs in any
   * case where memory can't be shared, but for edge workers.
   */
  simd?: Simd | undefined;
  /**
   * Browsers: where `laser-attention/worker.js` is served from, when the bundler does not find it. Same origin. Where Trusted Types are
   * required, a TrustedScriptURL, for TypeScript as a string.
   */
  worker?: Address | undefined;
}

export function checkThreadsOptions(where: string, options: ThreadsOptions): void {
  check.creation(where, options, ["threads", "simd", "worker"]);
  if (options.threads !== undefined) integer(where, "threads", options.threads, 1, MAX_THREADS);
  if (options.simd !== undefined) check.oneOf(where, "simd", options.simd, ["plain", "relaxed"]);
  checkAddress(where, options.worker);
}

const MAX_THREADS = 64;

/** Where the worker is served from: a string or an object with an href, which URL objects are; or what a Trusted Types policy made of one. */
function checkAddress(where: string, value: unknown): void {
  if (value === undefined || typeof value === "string" || check.tag(value) === "TrustedScriptURL") return;
  if (typeof (value as { href?: unknown } | null)?.href === "string") return;
  throw new TypeError(`${where}: worker must be a string or a URL, got ${check.show(value)}`);
}

const warned = new Set<string>();

/** Says once why there is only one thread. */
export function warn(reason: string): void {
  if (warned.has(reason)) return;
  warned.add(reason);
  host.console.warn(`laser-attention: one thread only: ${reason}`);
}
