/** Measures a workload: the fastest formulation of each peer, checked, all of them interleaved. */
import { interleave, type Measurement, ratio, type Series } from "../measure.js";
import { expect, largestError, TOLERANCE } from "./check.js";
import type { Formulate, Formulation, Peer, Ready } from "./peer.js";
import { type Target, targets } from "./targets.js";
import type { Workload } from "./workloads.js";

export interface Opened {
  peer: Peer;
  formulate: Formulate;
}

export interface Result extends Measurement {
  peer: string;
  formulation: string;
  /** All that were tried. */
  tried: string[];
  /** Against float64, see check.ts. */
  error: number;
  /** Time over that of each build of this package, by its name: median over the rounds. */
  ratios: Record<string, number>;
}

export interface Checked extends Omit<Target, "workloads"> {
  workload: string;
  peer: string;
  ratio: number;
  holds: boolean;
}

export interface WorkloadResult {
  name: string;
  /** GFLOP of one call. */
  work: number;
  results: Result[];
  /** Peers that have no formulation. */
  missing: string[];
  checked: Checked[];
}

/** ms that the choice between formulations gets for each. */
const CHOICE = 40;

interface Entry {
  peer: Peer;
  formulation: Formulation;
  tried: string[];
  ready: Ready;
  error: number;
}

/** The fastest of a peer's formulations, ready. Throws when one computes something else. */
async function fastest({ peer, formulate }: Opened, workload: Workload): Promise<Entry | undefined> {
  const expected = expect(workload);
  const formulations = formulate(workload);
  let best: Entry | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const formulation of formulations) {
    const ready = await formulation.prepare();
    const error = largestError(expected, await ready.read());
    if (!(error < TOLERANCE)) {
      throw new Error(`${peer.name}, ${formulation.name}: ${workload.name} is wrong by ${error.toExponential(1)}`);
    }
    const only = formulations.length === 1;
    const time = only ? 0 : (await interleave([ready], CHOICE))[0]!.summary.median;
    if (time < least) {
      await best?.ready.dispose();
      best = { peer, formulation, tried: formulations.map(({ name }) => name), ready, error };
      least = time;
    } else await ready.dispose();
  }
  return best;
}

function check(workload: Workload, results: readonly Result[]): Checked[] {
  return targets.flatMap(({ workloads, ...target }) => {
    if (!workloads.test(workload.name)) return [];
    const others = results.filter(({ peer, ratios }) => !(peer in ratios) && (target.peer ?? peer) === peer);
    return others
      .filter(({ ratios }) => target.build in ratios)
      .map(({ peer, ratios }) => {
        const ratio = ratios[target.build]!;
        return { ...target, peer, workload: workload.name, ratio, holds: ratio >= target.least };
      });
  });
}

export async function measureWorkload(
  workload: Workload,
  opened: readonly Opened[],
  own: readonly Peer[],
  time: number,
): Promise<WorkloadResult> {
  const entries: Entry[] = [];
  const missing: string[] = [];
  for (const one of opened) {
    const entry = await fastest(one, workload);
    if (entry) entries.push(entry);
    else missing.push(one.peer.name);
  }
  const series = await interleave(
    entries.map(({ ready }) => ready),
    time,
  );
  const builds = entries.flatMap(({ peer }, n): [string, Series][] =>
    own.includes(peer) ? [[peer.name, series[n]!]] : [],
  );
  const results = entries.map(
    ({ peer, formulation, tried, error }, n): Result => ({
      ...{ peer: peer.name, formulation: formulation.name, tried, error, ...series[n]!.summary },
      ratios: Object.fromEntries(builds.map(([name, build]) => [name, ratio(series[n]!, build)])),
    }),
  );
  for (const { ready } of entries) await ready.dispose();
  return { name: workload.name, work: workload.work / 1e9, results, missing, checked: check(workload, results) };
}
