/**
 * exp, log and the elementwise functions of the core on all 2^32 float32 inputs, both SIMD builds, against Math in
 * float64 (V8's functions are right to 1 ulp of float64, 2^-29 ulp of float32). `npm run test:exhaustive`: minutes on
 * two cores.
 *
 * The relaxed build is measured as this machine runs it, fused where it has fused multiply-add. Unfused it computes
 * what the plain build computes: both have the same coefficients.
 */
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { loadKernels, loadProbe, relaxedSupported } from "../support/kernels.js";
import { ulps } from "../support/ulp.js";

const CHUNK = 2 ** 18;
const CHUNKS = 2 ** 32 / CHUNK;

/** Fills t with the true values of x: each a loop of its own, which V8 optimises by itself. */
const truths = {
  exp(t: Float64Array, x: Float32Array): void {
    for (let i = 0; i < CHUNK; i++) t[i] = Math.exp(x[i]!);
  },
  exp2(t: Float64Array, x: Float32Array): void {
    for (let i = 0; i < CHUNK; i++) t[i] = 2 ** x[i]!;
  },
  log(t: Float64Array, x: Float32Array): void {
    for (let i = 0; i < CHUNK; i++) t[i] = Math.log(x[i]!);
  },
  tanh(t: Float64Array, x: Float32Array): void {
    for (let i = 0; i < CHUNK; i++) t[i] = Math.tanh(x[i]!);
  },
  /** 1 - tanh(x)^2 without the cancellation of its definition. */
  slope(t: Float64Array, x: Float32Array): void {
    for (let i = 0; i < CHUNK; i++) {
      const e = Math.exp(-2 * Math.abs(x[i]!));
      t[i] = (4 * e) / (1 + e) ** 2;
    }
  },
};

interface Operation {
  name: "exp" | "log" | "expCore" | "expBelow" | "exp2Core" | "logCore" | "tanhCore" | "tanhSlope";
  truth: keyof typeof truths;
  /** The bounds in ulp that the function's documentation gives: plain, relaxed. */
  limits: Record<Build, number>;
  /** The inputs that the bounds cover, all others when left out. */
  from?: number;
  to?: number;
}

type Build = "release" | "relaxed";
const builds: readonly Build[] = ["release", "relaxed"];
const operations: readonly Operation[] = [
  { name: "exp", truth: "exp", limits: { release: 1, relaxed: 1 } },
  { name: "expCore", truth: "exp", limits: { release: 0.93, relaxed: 0.93 }, from: -86.98, to: 88.72 },
  { name: "expBelow", truth: "exp", limits: { release: 2.3, relaxed: 2.3 }, from: -86.98, to: 0 },
  { name: "exp2Core", truth: "exp2", limits: { release: 2.2, relaxed: 2.2 }, from: -125.49, to: 127.99 },
  { name: "log", truth: "log", limits: { release: 1, relaxed: 1 } },
  { name: "logCore", truth: "log", limits: { release: 0.9, relaxed: 0.9 }, from: 2 ** -126 },
  { name: "tanhCore", truth: "tanh", limits: { release: 1.6, relaxed: 1.6 } },
  { name: "tanhSlope", truth: "slope", limits: { release: 4.22, relaxed: 4.22 }, from: -43, to: 43 },
];

/** The worst error of one function in one build: in ulp of the true value, and the input's bits. */
interface Worst {
  operation: Operation;
  build: Build;
  error: number;
  bits: number;
}

const bitsToFloat = (bits: number): number => new Float32Array(Int32Array.of(bits).buffer)[0]!;

/** Measures y against the true values t of the inputs x, which are the bit patterns from `start` on, and raises `worst`. */
function compare(worst: Worst, y: Float32Array, t: Float64Array, x: Float32Array, start: number): void {
  const { from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY } = worst.operation;
  for (let i = 0; i < CHUNK; i++) {
    if (y[i] === Math.fround(t[i]!)) continue; // within half an ulp
    if (x[i]! < from || x[i]! > to) continue;
    const error = ulps(y[i]!, t[i]!);
    if (error <= worst.error) continue;
    worst.error = error;
    worst.bits = start + i;
  }
}

function count(inputs: Int32Array, start: number): void {
  for (let i = 0; i < CHUNK; i++) inputs[i] = start + i;
}

/** The functions of one build as calls on the chunk at `y`. */
async function open(build: Build) {
  const kernels = await loadKernels(build);
  const probe = await loadProbe(build);
  const call = (name: Operation["name"], x: Float32Array): Float32Array => {
    const { exports, f32 } = name === "exp" || name === "log" ? kernels : probe;
    const all = exports as Record<string, (...args: number[]) => number>;
    const ptr = (all.heapBase!() + 63) & ~63;
    const y = f32(ptr, CHUNK);
    y.set(x);
    all[name]!(ptr, ptr, CHUNK);
    return y;
  };
  return { call, worst: operations.map((operation): Worst => ({ operation, build, error: 0, bits: 0 })) };
}

/** One thread: takes chunks until none is left. */
async function work(next: Int32Array): Promise<Worst[]> {
  const opened = await Promise.all(builds.filter((build) => build !== "relaxed" || relaxedSupported).map(open));
  const inputs = new Int32Array(CHUNK);
  const floats = new Float32Array(inputs.buffer);
  const t = new Float64Array(CHUNK);
  for (let chunk = Atomics.add(next, 0, 1); chunk < CHUNKS; chunk = Atomics.add(next, 0, 1)) {
    const start = (chunk * CHUNK) | 0;
    count(inputs, start);
    for (const [n, { name, truth }] of operations.entries()) {
      if (truth !== operations[n - 1]?.truth) truths[truth](t, floats);
      for (const { call, worst } of opened) compare(worst[n]!, call(name, floats), t, floats, start);
    }
  }
  return opened.flatMap(({ worst }) => worst);
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
  for (const build of builds) {
    if (all.every((worst) => worst.build !== build)) console.log(`${build}: left out, this engine has no relaxed SIMD`);
    for (const { name, limits } of operations) {
      const [worst] = all
        .filter((worst) => worst.build === build && worst.operation.name === name)
        .sort((a, b) => b.error - a.error);
      if (worst === undefined) continue;
      const limit = limits[build];
      const over = worst.error > limit;
      const input = `${bitsToFloat(worst.bits)} (0x${(worst.bits >>> 0).toString(16).padStart(8, "0")})`;
      console.log(
        `${build} ${name}: ${worst.error.toFixed(4)} ulp at ${input}, limit ${limit}${over ? ", EXCEEDED" : ""}`,
      );
      if (over) process.exitCode = 1;
    }
  }
}

if (isMainThread) await main();
else parentPort!.postMessage(await work(workerData as Int32Array));
