/** Measures groups and comparisons in all builds. */
import type { LaserAttention } from "../src/index.js";
import type { Build } from "./builds.js";
import type { Comparison, Group } from "./groups.js";
import { type Call, interleave, type Measurement, ratio } from "./measure.js";
import { PEAK_FLOPS, type Peak } from "./peak.js";
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
  time: number,
): Promise<GroupResult> {
  const members = builds.flatMap((build) =>
    group.tasks.filter(({ name }) => wanted(`${name} ${build.name}`)).map((task) => ({ task, ...enter(build, task) })),
  );
  const all = await interleave([...peaks, ...members], time);
  const [loops, series] = [all.slice(0, peaks.length), all.slice(peaks.length)];
  const peak = loops.reduce((a, b) => (ratio(a, b) > 1 ? b : a));
  const rows = members.map(({ task, build, la }, n): Row => {
    la.dispose();
    const own = series[n]!;
    const { summary } = own;
    const first = members.findIndex((other) => other.build === build && other.task === group.tasks[0]);
    const row: Row = {
      ...{ name: task.name, build: build.name, ...summary },
      ...{ rate: task.work / summary.median / 1e6, unit: task.unit },
    };
    if (task.unit === "GFLOP/s") row.share = (task.work / PEAK_FLOPS) * ratio(peak, own);
    if (first >= 0 && first !== n) row.extra = ratio(own, series[first]!) - 1;
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
  time: number,
): Promise<Compared[]> {
  const { shapes, variant, direction, work, limit, bothWays } = comparison;
  const members = builds.flatMap((build) => {
    const some = shapes.filter((shape) => wanted(`${attentionName(shape, variant, direction)} ${build.name}`));
    const all = new Set(some.length > 0 ? [shapes[0]!, ...some] : []);
    return [...all].map((shape) => ({ shape, ...enter(build, attentionTask(shape, variant, direction)) }));
  });
  if (members.length === 0) return [];
  const series = await interleave(members, time);
  return members.map(({ build, shape, la }, n): Compared => {
    const first = members.findIndex((other) => other.build === build);
    const perWork = work(members[first]!.shape, direction, build.rows) / work(shape, direction, build.rows);
    const value = n === first ? 1 : ratio(series[n]!, series[first]!) * perWork;
    const most = limit(shape);
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
