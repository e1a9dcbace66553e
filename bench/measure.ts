/** Calls timed in turn: a round runs one batch of each, so that what else happens on the machine hits all alike. */
import { Bench } from "tinybench";

/** A promise is awaited; the time of a call that returns none holds no await. */
export type Call = () => unknown;

export interface Measurement {
  /** Times of one call in ms. */
  median: number;
  best: number;
  /** median / best - 1: what the machine's noise adds. */
  spread: number;
  samples: number;
  /** Calls per sample. */
  batch: number;
}

/** The samples of one call in the order of the rounds. */
export interface Series {
  summary: Measurement;
  times: readonly number[];
}

/** Above this spread a number is doubtful. */
export const NOISY = 0.1;

/** A sample lasts at least this many steps of the clock, and this many ms: less says little about a call among others. */
const [STEPS, SAMPLE] = [50, 2];

/** The fewest and the most rounds; a call that takes more than SLOW times the ms it is due leaves after FEWEST_SLOW. */
const [FEWEST, MOST, SLOW, FEWEST_SLOW] = [7, 100, 10, 3];

/** ms of calls before anything is timed: engines put well compiled code in place late. */
const WARMUP = 100;

/** Calls shorter than this (ms) run once before their batch, so that it does not pay for what the others left in the caches. */
const SHORT = 20;

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
async function timed(call: Call, batch: number): Promise<number> {
  const start = performance.now();
  for (let n = 0; n < batch; n++) {
    const result = call();
    if (result instanceof Promise) await result;
  }
  return performance.now() - start;
}

interface Member {
  call: Call;
  batch: number;
  /** Of one batch, in ms. */
  cost: number;
  times: number[];
}

/** Warms a call up and finds how many of it make a sample, by doubling. */
async function enter(call: Call): Promise<Member> {
  const start = performance.now();
  do await timed(call, 1);
  while (performance.now() - start < WARMUP);
  for (let batch = 1; ; batch *= 2) {
    const cost = await timed(call, batch);
    if (cost >= Math.max(STEPS * clockStep, SAMPLE)) return { call, batch, cost, times: [] };
  }
}

export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function summarise({ times, batch }: Member): Series {
  const [middle, best] = [median(times), Math.min(...times)];
  return { summary: { median: middle, best, spread: middle / best - 1, samples: times.length, batch }, times };
}

/** How many rounds the calls get together, and how many of them a slow call takes part in. */
function plan(members: readonly Member[], time: number): { rounds: number; of: (member: Member) => number } {
  const round = members.reduce((sum, { cost }) => sum + cost, 0);
  const rounds = Math.min(MOST, Math.max(FEWEST, Math.ceil((time * members.length) / round)));
  return { rounds, of: ({ cost }) => Math.min(rounds, Math.max(FEWEST_SLOW, Math.ceil((SLOW * time) / cost))) };
}

/**
 * The samples of all calls, as interleaved rounds: sample n of one was taken beside sample n of another. `time`: ms of measuring that
 * each call gets, about; slow calls take more, see FEWEST_SLOW.
 */
export async function interleave(calls: readonly { call: Call }[], time: number): Promise<Series[]> {
  const members: Member[] = [];
  for (const { call } of calls) members.push(await enter(call));
  const { rounds, of } = plan(members, time);
  let first = 0;
  const round = async () => {
    const start = performance.now();
    for (let n = 0; n < members.length; n++) {
      const member = members[(first + n) % members.length]!;
      const { call, batch, cost, times } = member;
      if (times.length === of(member)) continue;
      if (cost / batch < SHORT) await timed(call, 1);
      times.push((await timed(call, batch)) / batch);
    }
    first++;
    return { overriddenDuration: performance.now() - start };
  };
  const bench = new Bench({ time: 0, iterations: rounds, warmup: false, throws: true });
  await bench.add("round", round, { async: true }).run();
  return members.map(summarise);
}

/** time(a) / time(b): the median over the rounds that both took part in. */
export function ratio(a: Series, b: Series): number {
  const rounds = Math.min(a.times.length, b.times.length);
  return median(Array.from({ length: rounds }, (_, n) => a.times[n]! / b.times[n]!));
}
