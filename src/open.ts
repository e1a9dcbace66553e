import * as check from "./check.js";
import { LaserAttention, type Simd } from "./facade.js";
import type { CreateOptions } from "./types.js";
import { type Binary, createMemory, instantiate, instantiateSync, probe } from "./wasm.js";

/** A build of the kernels. */
export interface Build {
  readonly simd: Simd;
  readonly binary: Binary;
}

/** An instance of the first of `builds`, best first, that the engine runs. */
export function openSync(builds: readonly Build[], options?: CreateOptions): LaserAttention {
  checkOptions("createSync", options);
  const { binary, simd } = probe(builds);
  const memory = createMemory();
  return new LaserAttention(instantiateSync(binary.compileSync(), memory), memory, simd, options?.maxMemory);
}

export async function open(builds: readonly Build[], options?: CreateOptions): Promise<LaserAttention> {
  checkOptions("create", options);
  const { binary, simd } = probe(builds);
  const memory = createMemory();
  return new LaserAttention(await instantiate(await binary.compile(), memory), memory, simd, options?.maxMemory);
}

function checkOptions(where: string, options: CreateOptions | undefined): void {
  check.options(where, options, ["maxMemory"]);
  check.maxMemory(where, options?.maxMemory);
}
