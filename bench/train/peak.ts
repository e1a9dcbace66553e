/** The loop of multiply-adds in registers of bench/builds.ts, loaded from where a bundle in bench/peers/build finds it. */
import { readFileSync } from "node:fs";
import { host } from "../../src/host.js";
import { createMemory } from "../../src/wasm.js";
import type { Call } from "../measure.js";

const STEPS = 20_000;
export const PEAK_FLOPS = STEPS * 104;

/** Separate multiply and add, and fused. */
export async function openPeaks(): Promise<Call[]> {
  const calls: Call[] = [];
  for (const target of ["release", "relaxed"]) {
    const module = await host.WebAssembly!.compile(
      readFileSync(new URL(`../../../build/probe.${target}.wasm`, import.meta.url)),
    );
    const { exports } = await host.WebAssembly!.instantiate(module, { env: { memory: createMemory() } });
    const { peak } = exports as Record<string, (steps: number, x: number) => number>;
    calls.push(() => peak!(STEPS, 0.5));
  }
  return calls;
}
