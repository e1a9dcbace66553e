/**
 * exp and log on all 2^32 float32 inputs, both SIMD builds, against Math.exp and Math.log in float64 (V8's are right
 * to 1 ulp of float64, 2^-29 ulp of float32). `npm run test:exhaustive`: a few minutes on two cores.
 *
 * The relaxed build is measured as this machine runs it, fused where it has fused multiply-add. Unfused it computes
 * what the plain build computes: both have the same coefficients.
 */
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { loadKernels, relaxedSupported, type Target } from "../support/kernels.js";
import { ulps } from "../support/ulp.js";

const CHUNK = 2 ** 18;
const CHUNKS = 2 ** 32 / CHUNK;
const LIMIT: Partial<Record<Target, number>> = { release: 1, relaxed: 1.05 };
const operations = [
  {
    name: "exp",
    truth(t: Float64Array, x: Float32Array): void {
      for (let i = 0; i < CHUNK; i++) t[i] = Math.exp(x[i]!);
    },
  },
  {
    name: "log",
    truth(t: Float64Array, x: Float32Array): void {
      for (let i = 0; i < CHUNK; i++) t[i] = Math.log(x[i]!);
    },
  },
] as const;

/** The worst error of one function in one build: in ulp of the true value, and the input's bits. */
interface Worst {
  name: string;
  target: Target;
  error: number;
  bits: number;
}

const bitsToFloat = (bits: number): number => new Float32Array(Int32Array.of(bits).buffer)[0]!;

/** Measures `y` against the truths of the inputs from `start` on and raises `worst`. */
function compare(worst: Worst, y: Float32Array, truths: Float64Array, start: number): void {
  for (let i = 0; i < CHUNK; i++) {
    if (y[i] === Math.fround(truths[i]!)) continue; // within half an ulp
    const error = ulps(y[i]!, truths[i]!);
    if (error <= worst.error) continue;
    worst.error = error;
    worst.bits = start + i;
  }
}

function count(inputs: Int32Array, start: number): void {
  for (let i = 0; i < CHUNK; i++) inputs[i] = start + i;
}

/** One thread: takes chunks until none is left. Its loops are in functions of their own, where V8 optimises them soonest. */
async function work(next: Int32Array): Promise<Worst[]> {
  const builds = await Promise.all(
    Object.keys(LIMIT).map(async (name) => {
      const target = name as Target;
      if (target === "relaxed" && !relaxedSupported) return [];
      const { exports, f32 } = await loadKernels(target);
      const ptr = (exports.heapBase() + 63) & ~63;
      const y = f32(ptr, CHUNK);
      return [{ exports, ptr, y, worst: operations.map(({ name }): Worst => ({ name, target, error: 0, bits: 0 })) }];
    }),
  ).then((loaded) => loaded.flat());
  const inputs = new Int32Array(CHUNK);
  const floats = new Float32Array(inputs.buffer);
  const truths = new Float64Array(CHUNK);
  for (let chunk = Atomics.add(next, 0, 1); chunk < CHUNKS; chunk = Atomics.add(next, 0, 1)) {
    const start = (chunk * CHUNK) | 0;
    count(inputs, start);
    for (const [n, { name, truth }] of operations.entries()) {
      truth(truths, floats);
      for (const { exports, ptr, y, worst } of builds) {
        y.set(floats);
        exports[name](ptr, ptr, CHUNK);
        compare(worst[n]!, y, truths, start);
      }
    }
  }
  return builds.flatMap(({ worst }) => worst);
}

async function main(): Promise<void> {
  if (!relaxedSupported) setFlagsFromString("--experimental-wasm-relaxed-simd"); // Node 20 has it behind this flag
  const next = new Int32Array(new SharedArrayBuffer(4));
  const began = performance.now();
  const bar = setInterval(() => {
    const done = Math.min(Atomics.load(next, 0) / CHUNKS, 1);
    const left = ((performance.now() - began) / 1000) * (1 / Math.max(done, 1e-3) - 1);
    process.stdout.write(`\r${(100 * done).toFixed(1)} % of 2^32 inputs, ${left.toFixed(0)} s left    `);
  }, 500);
  const runs = Array.from({ length: availableParallelism() }, () => {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: next });
    return new Promise<Worst[]>((resolve, reject) => worker.on("message", resolve).on("error", reject));
  });
  const all = (await Promise.all(runs).finally(() => clearInterval(bar))).flat();
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  process.stdout.write(`\rall 2^32 inputs, ${seconds} s, ${runs.length} threads           \n`);
  for (const [name, limit] of Object.entries(LIMIT)) {
    const found = all.filter(({ target }) => target === name);
    if (found.length === 0) process.stdout.write(`${name}: left out, this engine has no relaxed SIMD\n`);
    for (const { name: operation } of operations) {
      const [worst] = found.filter((one) => one.name === operation).sort((a, b) => b.error - a.error);
      if (worst === undefined) continue;
      const over = worst.error > limit;
      const input = `${bitsToFloat(worst.bits)} (0x${(worst.bits >>> 0).toString(16).padStart(8, "0")})`;
      process.stdout.write(`${name} ${operation}: ${worst.error.toFixed(4)} ulp at ${input}, limit ${limit}`);
      process.stdout.write(over ? ", EXCEEDED\n" : "\n");
      if (over) process.exitCode = 1;
    }
  }
}

if (isMainThread) await main();
else parentPort!.postMessage(await work(workerData as Int32Array));
