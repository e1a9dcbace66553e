/** One call timed by tinybench, in batches that are long against the clock's step. */
import { Bench } from "tinybench";

export interface Measurement {
  /** Times of one call in ms. */
  median: number;
  best: number;
  mean: number;
  /** Relative margin of error of the mean, 0.05 = 5 %. */
  margin: number;
  samples: number;
  /** Calls per sample. */
  batch: number;
}

/** Above this margin of error a number is doubtful. */
export const NOISY = 0.05;

/** A sample lasts at least this many steps of the clock. */
const STEPS = 50;

/** ms of measuring and warming up, and the fewest samples: slow calls take longer than these times. */
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

/** Calls that fill STEPS clock steps, by doubling: the first ones compile. */
function findBatch(call: () => unknown): number {
  for (let batch = 1; ; batch *= 2) {
    const start = performance.now();
    for (let n = 0; n < batch; n++) call();
    if (performance.now() - start >= STEPS * clockStep) return batch;
  }
}

export async function measure(name: string, call: () => unknown): Promise<Measurement> {
  call();
  const batch = findBatch(call);
  const bench = new Bench({
    ...{ time: TIME, warmupTime: WARMUP, iterations: SAMPLES, warmupIterations: 2 },
    throws: true,
  });
  const sample = () => {
    const start = performance.now();
    for (let n = 0; n < batch; n++) call();
    const elapsed = performance.now() - start;
    return { overriddenDuration: elapsed / batch, overriddenIterationCost: elapsed };
  };
  const [task] = await bench.add(name, sample, { async: false }).run();
  const result = task!.result;
  if (result.state !== "completed") throw new Error(`${name}: tinybench ended in state ${result.state}`);
  const { p50, min, mean, rme, samplesCount } = result.latency;
  return { median: p50, best: min, mean, margin: rme / 100, samples: samplesCount, batch };
}
