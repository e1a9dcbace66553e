/** What the machine can do: multiply-adds in registers and nothing else (assembly/probe.ts). */
import { readFileSync } from "node:fs";
import { host } from "../src/host.js";
import { createMemory } from "../src/wasm.js";
import type { Call } from "./measure.js";

export interface Peak {
  name: string;
  call: Call;
}

const STEPS = 20_000;
export const PEAK_FLOPS = STEPS * 104;

const loops = [
  { name: "multiply and add", target: "release" },
  { name: "relaxed multiply-add", target: "relaxed" },
];

/** As separate operations and, where the engine has relaxed SIMD, fused. */
export async function openPeaks(): Promise<Peak[]> {
  const { validate, compile, instantiate } = host.WebAssembly!;
  const peaks: Peak[] = [];
  for (const { name, target } of loops) {
    const bytes = readFileSync(`build/probe.${target}.wasm`);
    if (!validate(bytes)) continue;
    const { exports } = await instantiate(await compile(bytes), { env: { memory: createMemory() } });
    const { peak } = exports as Record<string, (steps: number, x: number) => number>;
    peaks.push({ name, call: () => peak!(STEPS, 0.5) });
  }
  return peaks;
}
