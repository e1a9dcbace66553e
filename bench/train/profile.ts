/** Where a step's time goes: the kernels of an instance with timers around them. What is left over is JavaScript. */
import { openRelaxed } from "./own.js";
import type { Workload } from "./workloads.js";

const parts: Readonly<Record<string, readonly string[]>> = {
  matmul: ["matmul"],
  "attention forward": ["attentionForward"],
  "attention backward": ["attentionBackward"],
  activation: ["act", "multiply"],
  "sums of biases": ["columnSum"],
  "gate, mask": ["glu", "gluBackward", "maskRows"],
  convolution: ["depthwise", "depthwiseBackward", "depthwiseParams"],
  norms: ["layerNorm", "layerNormBackward", "layerNormParams"],
  residuals: ["addScaled", "scale"],
  embedding: ["embedding", "embeddingBackward", "addRows"],
  loss: ["crossEntropy", "sum64"],
  optimiser: ["adamw", "sumSquares"],
};
const OTHER = "other kernels";
const partOf = (kernel: string): string => Object.keys(parts).find((part) => parts[part]!.includes(kernel)) ?? OTHER;

export interface Profile {
  name: string;
  /** ms of a step. */
  total: number;
  parts: { part: string; ms: number; calls: number }[];
}

/** ms of steps before anything is timed: engines put well compiled code in place late. */
const WARMUP = 1000;

type Kernels = Record<string, unknown>;

export async function profile(workload: Workload, steps: number): Promise<Profile> {
  const trainer = (await openRelaxed())(workload);
  const begin = performance.now();
  for (let n = 0; n < 10 || performance.now() - begin < WARMUP; n++) await trainer.step();
  const sums = new Map([...Object.keys(parts), OTHER].map((part) => [part, { ms: 0, calls: 0 }]));
  const kernels = trainer.nn.engine.kernels as unknown as Kernels;
  for (const [name, kernel] of Object.entries(kernels)) {
    if (typeof kernel !== "function") continue;
    const sum = sums.get(partOf(name))!;
    kernels[name] = (...args: readonly number[]) => {
      const before = performance.now();
      const result = kernel(...args);
      sum.ms += performance.now() - before;
      sum.calls++;
      return result;
    };
  }
  const before = performance.now();
  for (let n = 0; n < steps; n++) await trainer.step();
  const total = (performance.now() - before) / steps;
  await trainer.dispose();
  const measured = [...sums].map(([part, { ms, calls }]) => ({ part, ms: ms / steps, calls: calls / steps }));
  const rest = total - measured.reduce((sum, { ms }) => sum + ms, 0);
  return { name: workload.name, total, parts: [...measured, { part: "JavaScript", ms: rest, calls: 0 }] };
}
