/** One call timed by tinybench, in batches that are long against the clock's step. */
import { Bench } from "tinybench";

export interface Measurement {
  /** Times of one call in ms. */
  median: number;
  best: number;
  mean: number;
  /** median / best - 1: what the machine's noise adds. */
  spread: number;
  samples: number;
  /** Calls per sample. */
  batch: number;
}

/** Above this spread a number is doubtful. */
export const NOISY = 0.1;

/** A sample lasts at least this many steps of the clock. */
const STEPS = 50;

/**
 * ms of measuring and warming up, and the fewest samples. A slow call takes longer than these times; a machine that
 * stands still for a while must not use them up: there are as many samples as fill TIME at the fastest call so far.
 */
const [TIME, WARMUP, SAMPLES] = [300, 100, 6];

/** The smallest difference between two readings of the clock that differ, in ms. */
function findClockStep(): number {
  let step = Number.POSITIVE_INFINITY;
  for (let n = 0; n < 200; n++) {
    const start = performance.now();
    let end = start;
    while (end === start) end = performance.now();
    step = Math.min(step, end - start);
  }
  return step;
}

export const clockStep = findClockStep();

/** The time of `batch` calls in ms. */
function timed(call: () => unknown, batch: number): number {
  const start = performance.now();
  for (let n = 0; n < batch; n++) call();
  return performance.now() - start;
}

/** Calls that fill STEPS clock steps, by doubling. */
function findBatch(call: () => unknown): number {
  for (let batch = 1; ; batch *= 2) {
    if (timed(call, batch) >= STEPS * clockStep) return batch;
  }
}

export async function measure(name: string, call: () => unknown): Promise<Measurement> {
  call(); // compiles
  const batch = findBatch(call);
  const fastest = Math.min(timed(call, batch), timed(call, batch), timed(call, batch));
  const iterations = Math.max(SAMPLES, Math.ceil(TIME / fastest));
  const bench = new Bench({ time: TIME, warmupTime: WARMUP, iterations, warmupIterations: 2, throws: true });
  const sample = () => {
    const elapsed = timed(call, batch);
    return { overriddenDuration: elapsed / batch, overriddenIterationCost: elapsed };
  };
  const [task] = await bench.add(name, sample, { async: false }).run();
  const result = task!.result;
  if (result.state !== "completed") throw new Error(`${name}: tinybench ended in state ${result.state}`);
  const { p50, min, mean, samplesCount } = result.latency;
  return { median: p50, best: min, mean, spread: p50 / min - 1, samples: samplesCount, batch };
}
