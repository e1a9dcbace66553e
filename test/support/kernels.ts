/** The kernels without the facade, for tests of single kernels. */
import { readFileSync } from "node:fs";
import * as loader from "@assemblyscript/loader";
import type { NnKernels } from "../../src/generated/nn-kernel-types.js";
import { host } from "../../src/host.js";
import { createMemory, type Kernels, type Memory, type Module } from "../../src/wasm.js";

/** The debug build has assertions, the relaxed one needs `relaxedSupported`. */
export type Target = "debug" | "release" | "relaxed";

/** An instance with a memory of its own. */
export interface Loaded<E> {
  exports: E;
  memory: Memory;
  /** `n` floats at byte `ptr`, growing the memory where it is too small: take views only after the last growth. */
  f32(ptr: number, n: number): Float32Array;
}

/** What assembly/probe.ts exports: array loops over helpers that the shipped kernels inline. */
export type Probe = Record<string, (...args: number[]) => number>;

/** Bundles run in build/test or build/run, the binaries lie in build. */
const read = (name: string): Uint8Array => readFileSync(new URL(`../${name}.wasm`, import.meta.url));

/** Whether this runtime has relaxed SIMD. */
export const relaxedSupported: boolean = host.WebAssembly!.validate(read("kernels.relaxed"));

/** The targets that this runtime runs. */
export const targets: readonly Target[] = relaxedSupported ? ["debug", "release", "relaxed"] : ["debug", "release"];

const modules = new Map<string, Module>();

async function load<E>(name: string, memory = createMemory()): Promise<Loaded<E>> {
  const module = modules.get(name) ?? (await host.WebAssembly!.compile(read(name)));
  modules.set(name, module);
  // The loader turns a failed assertion into an error with its file and line; it serves the release builds as well.
  const { exports } = await loader.instantiate<Record<string, unknown>>(module as never, { env: { memory } as never });
  return {
    exports: exports as unknown as E,
    memory,
    f32(ptr, n) {
      const missing = ptr + 4 * n + 64 - memory.buffer.byteLength;
      if (missing > 0) memory.grow(Math.ceil(missing / 65536));
      return new Float32Array(memory.buffer, ptr, n);
    },
  };
}

/** A fresh instance of assembly/index.ts. */
export const loadKernels = (target: Target): Promise<Loaded<Kernels>> => load(`kernels.${target}`);

/** A fresh instance of assembly/nn/index.ts, on a memory of its own unless one is given. */
export const loadNn = (target: Target, memory?: Memory): Promise<Loaded<NnKernels>> => load(`nn.${target}`, memory);

/** A fresh instance of assembly/probe.ts, or of assembly/nn/probe.ts. */
export const loadProbe = (target: "release" | "relaxed", name = "probe"): Promise<Loaded<Probe>> =>
  load(`${name}.${target}`);
