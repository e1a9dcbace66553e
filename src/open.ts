import * as check from "./check.js";
import { LaserAttention } from "./facade.js";
import { type Build, compile, compileSync, type More } from "./source.js";
import type { CreateOptions, KernelSource } from "./types.js";
import { createMemory, instantiate, instantiateSync } from "./wasm.js";

/** An instance of the caller's kernels, or of the first of `builds`, best first, that the engine runs. */
export function openSync(builds: readonly Build[], options?: CreateOptions<KernelSource>, more?: More): LaserAttention {
  check.creation("createSync", options);
  const { modules, simd } = compileSync("createSync", builds, "alone", options?.wasm, more);
  const memory = createMemory();
  return new LaserAttention(instantiateSync(modules, memory), memory, simd, options?.maxMemory);
}

export async function open(builds: readonly Build[], options?: CreateOptions, more?: More): Promise<LaserAttention> {
  check.creation("create", options);
  const { modules, simd } = await compile("create", builds, "alone", options?.wasm, more);
  const memory = createMemory();
  return new LaserAttention(await instantiate(modules, memory), memory, simd, options?.maxMemory);
}
