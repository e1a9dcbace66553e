/** One thread, where an entry with threads can't share memory. */
import type { LaserAttention } from "./facade.js";
import { open, openSync } from "./open.js";
import { type Build, compile, compileSync, type More } from "./source.js";
import type { CreateOptions, KernelSource } from "./types.js";

/** An instance of `build`. The caller's kernels are for shared memory: they are left unused, but checked. */
export function openUnsharedSync(build: Build, options: CreateOptions<KernelSource> = {}, more?: More): LaserAttention {
  const { maxMemory, wasm } = options;
  if (wasm !== undefined) compileSync("createSync", [], "shared", wasm);
  return openSync([build], { maxMemory }, more);
}

export async function openUnshared(build: Build, options: CreateOptions = {}, more?: More): Promise<LaserAttention> {
  const { maxMemory, wasm } = options;
  if (wasm !== undefined) await compile("create", [], "shared", wasm);
  return open([build], { maxMemory }, more);
}
