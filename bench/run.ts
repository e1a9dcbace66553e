/** Measures groups and comparisons in all builds. */
import type { LaserAttention } from "../src/index.js";
import { type Build, PEAK_FLOPS, type Peak } from "./builds.js";
import type { Comparison, Group } from "./groups.js";
import { type Call, interleave, type Measurement, type Pace, ratio } from "./measure.js";
import type { AttentionShape } from "./shapes.js";
import { attentionName, attentionTask, type Task } from "./tasks.js";

export interface Row extends Measurement {
  name: string;
  build: string;
  /** Work per second in `unit`, at the median. */
  rate: number;
  unit: Task["unit"];
  /** Of the faster peak loop beside it, median over the rounds. Rates of operations only. */
  share?: number;
  /** LASER rows: what it takes more than standard, median over the rounds. */
  extra?: number;
}

export interface GroupResult {
  name: string;
  rows: Row[];
  /** GFLOP/s of each peak loop, median and best. */
  peaks: { name: string; rate: number; best: number }[];
}

export interface Compared extends Measurement {
  name: string;
  build: string;
  /** Time over work, as a multiple of the first shape's: median over the rounds. */
  ratio: number;
  limit: number | undefined;
  holds: boolean;
  shape: AttentionShape;
  /** Linear memory after the calls: inputs, results, scratch. */
  bytes: number;
}

/** Which lines are wanted, by name and build. */
export type Wanted = (line: string) => boolean;

interface Member {
  build: Build;
  la: LaserAttention;
  call: Call;
}

function enter(build: Build, task: Task): Member {
  const la = build.open();
  return { build, la, call: task.prepare(la) };
}

const gflops = (ms: number): number => PEAK_FLOPS / ms / 1e6;

export async function measureGroup(
  group: Group,
  builds: readonly Build[],
  peaks: readonly Peak[],
  wanted: Wanted,
  pace: Pace,
): Promise<GroupResult> {
  const chosen = builds.flatMap((build) =>
    group.tasks.filter(({ name }) => wanted(`${name} ${build.name}`)).map((task) => ({ task, build })),
  );
  const members = chosen.map(({ build, task }) => enter(build, task));
  const series = await interleave(
    [...peaks, ...members].map(({ call }) => call),
    pace,
  );
  const loops = series.slice(0, peaks.length);
  const peak = loops.reduce((a, b) => (ratio(a, b) > 1 ? b : a));
  const results = new Map(chosen.map((choice, n) => [choice, series[peaks.length + n]!]));
  for (const { la } of members) la.dispose();
  const rows = chosen.map((choice): Row => {
    const { task, build } = choice;
    const { summary } = results.get(choice)!;
    const beside = chosen.find((other) => other.build === build && other.task === group.tasks[0]);
    const row: Row = {
      ...{ name: task.name, build: build.name, ...summary },
      ...{ rate: task.work / summary.median / 1e6, unit: task.unit },
    };
    if (task.unit === "GFLOP/s") row.share = (task.work / PEAK_FLOPS) * ratio(peak, results.get(choice)!);
    if (beside && beside !== choice) row.extra = ratio(results.get(choice)!, results.get(beside)!) - 1;
    return row;
  });
  return {
    name: group.name,
    rows,
    peaks: loops.map(({ summary: { median, best } }, n) => ({
      name: peaks[n]!.name,
      rate: gflops(median),
      best: gflops(best),
    })),
  };
}

/** All shapes that are wanted, and the first one, interleaved in all builds. */
export async function measureComparison(
  comparison: Comparison,
  builds: readonly Build[],
  wanted: Wanted,
  pace: Pace,
): Promise<Compared[]> {
  const { shapes, variant, direction, work, limit, bothWays } = comparison;
  const chosen = builds.flatMap((build) => {
    const some = shapes.filter((shape) => wanted(`${attentionName(shape, variant, direction)} ${build.name}`));
    return [...new Set(some.length > 0 ? [shapes[0]!, ...some] : [])].map((shape) => ({ build, shape }));
  });
  if (chosen.length === 0) return [];
  const members = chosen.map(({ build, shape }) => enter(build, attentionTask(shape, variant, direction)));
  const series = await interleave(
    members.map(({ call }) => call),
    pace,
  );
  return chosen.map(({ build, shape }, n): Compared => {
    const first = chosen.findIndex((other) => other.build === build);
    const perWork = work(chosen[first]!.shape, build.rows) / work(shape, build.rows);
    const value = n === first ? 1 : ratio(series[n]!, series[first]!) * perWork;
    const most = limit(shape);
    const { la } = members[n]!;
    const { threads, memory } = la;
    la.dispose();
    return {
      ...{ name: attentionName(shape, variant, direction), build: build.name, shape, ...series[n]!.summary },
      ...{ ratio: value, limit: most, bytes: memory.bytes },
      // Threads gain more the more there is to share.
      holds: most === undefined || (value <= most && (!bothWays || threads > 1 || value >= 1 / most)),
    };
  });
}
