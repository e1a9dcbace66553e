/** laser-attention/threads for edge workers, which have no threads: one, and one warning that says so. */
import type { LaserAttention } from "../facade.js";
import { checkThreadsOptions, type ThreadsOptions, warn } from "../threads-options.js";
import type { KernelSource } from "../types.js";
import * as plain from "./index.js";
import * as relaxed from "./relaxed.js";

export function createSync(options?: ThreadsOptions<KernelSource>): LaserAttention {
  return entry("createSync", options).createSync({ maxMemory: options?.maxMemory });
}

export async function create(options?: ThreadsOptions): Promise<LaserAttention> {
  return entry("create", options).create({ maxMemory: options?.maxMemory });
}

function entry(where: string, options: ThreadsOptions = {}): typeof plain {
  checkThreadsOptions(where, options);
  if (options.threads !== 1) warn("this host has no threads");
  return options.simd === "relaxed" ? relaxed : plain;
}
