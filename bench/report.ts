/** What the benchmark prints: machine, tables, doubts. */
import type { Comparison, Group } from "./groups.js";
import { environment } from "./machine.js";
import { type Measurement, NOISY } from "./measure.js";
import type { Ratio } from "./recompute.js";
import type { Compared, GroupResult, Row } from "./run.js";
import { describeShape } from "./shapes.js";
import type { Start } from "./start.js";
import { START_MS, STEADY, WARMUP_MS } from "./targets.js";
import { variantName } from "./tasks.js";

const LABEL = 54;
const columns = (label: string, cells: readonly string[]): string =>
  `${label.padEnd(LABEL)}${cells.map((x) => x.padStart(10)).join("")}`;

/** Four digits at most, three significant ones where there are that many. */
export const time = (ms: number): string => (ms >= 100 ? ms.toFixed(0) : ms.toPrecision(3));
export const percent = (share: number, digits = 0): string => `${(100 * share).toFixed(digits)} %`;
const signed = (share: number): string => `${share < 0 ? "" : "+"}${percent(share, 1)}`;

/** Counts what is shown as done, on a terminal only. */
export class Progress {
  #done = 0;

  constructor(readonly total: number) {}

  begin(what: string): void {
    this.#done++;
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K[${this.#done}/${this.total}] ${what}`);
  }

  clear(): void {
    if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  }
}

export function printMachine(): void {
  const versions = Object.entries(environment.versions).map(([name, version]) => `${name} ${version}`);
  console.log(environment.machine);
  console.log(`${environment.runtime}; ${versions.join(", ")}; clock step ${time(environment.clockStep)} ms`);
}

export function printEnvironment(): void {
  printMachine();
  console.log(
    "Median of one call. Share: of the faster peak loop, one thread, run in between. LASER extra: over standard, likewise.\n",
  );
}

export function printGroupHeader(): void {
  const variant = ["ms", "GFLOP/s", "share"];
  console.log(columns("", ["", "standard", "", "", "LASER", "", "LASER"]));
  console.log(columns("", [...variant, ...variant, "extra"]));
}

const cells = (row: Row | undefined): string[] =>
  row
    ? [time(row.median), row.rate.toFixed(row.unit === "GFLOP/s" ? 1 : 2), row.share ? percent(row.share) : row.unit]
    : ["", "", ""];

/** What a group's targets ask for and its rows do not give. */
function missesOf({ targets, tasks }: Group, { rows }: GroupResult): string[] {
  return targets.flatMap(({ build, share = 0, extra = Infinity, ms = Infinity }) => {
    const own = rows.filter((row) => row.build === build);
    const standard = own.find(({ name }) => name === tasks[0]!.name);
    const missed: string[] = [];
    if (standard?.share !== undefined && standard.share < share) missed.push(`share < ${percent(share)}`);
    if (own.some((row) => row.extra !== undefined && row.extra > extra)) missed.push(`extra > ${percent(extra)}`);
    if (standard && standard.median > ms) missed.push(`> ${ms} ms`);
    return missed.map((what) => `${build}: ${what}`);
  });
}

/** Returns what misses its target. */
export function printGroup(group: Group, result: GroupResult): string[] {
  console.log(group.name);
  const missed = missesOf(group, result);
  for (const build of new Set(result.rows.map((row) => row.build))) {
    const rows = result.rows.filter((row) => row.build === build);
    const [standard, laser] = group.tasks.map((task) => rows.find(({ name }) => name === task.name));
    const extra = laser?.extra === undefined ? "" : signed(laser.extra);
    const notes = missed
      .filter((text) => text.startsWith(`${build}:`))
      .map((text) => `MISS${text.slice(build.length)}`);
    if (rows.some(({ spread }) => spread > NOISY)) notes.push("noisy");
    console.log(`${columns(`    ${build}`, [...cells(standard), ...cells(laser), extra])}  ${notes.join(", ")}`);
  }
  return missed.map((what) => `${group.name}: ${what}`);
}

export function printComparison(comparison: Comparison, results: readonly Compared[]): void {
  const { name, variant, direction, shapes, bothWays } = comparison;
  const builds = [...new Set(results.map(({ build }) => build))];
  const title = `${name}, ${variantName(variant)} ${direction}`;
  console.log(`\n${columns(title, [...builds.flatMap((build) => [build, "ratio"]), "limit"])}`);
  for (const shape of shapes) {
    const rows = results.filter((row) => row.shape === shape);
    if (rows.length === 0) continue;
    const cells = builds.flatMap((build) => {
      const row = rows.find((other) => other.build === build);
      return row ? [time(row.median), row.ratio.toFixed(2)] : ["", ""];
    });
    const notes = rows.filter(({ holds }) => !holds).map(({ build }) => `MISS: ${build}`);
    if (bothWays) notes.unshift(`${(rows[0]!.bytes / 2 ** 20).toFixed(1)} MiB`);
    if (rows.some(({ spread }) => spread > NOISY)) notes.push("noisy");
    const limit = shape === shapes[0] ? "" : (rows[0]!.limit?.toFixed(2) ?? "");
    console.log(`${columns(`    ${describeShape(shape)}`, [...cells, limit])}  ${notes.join(", ")}`);
  }
}

export function printRatios(ratios: readonly Ratio[]): void {
  if (ratios.length === 0) return;
  console.log(`\n${columns("LASER's exact recompute, all elements", ["usual ms", "worst ms", "ratio", "limit"])}`);
  for (const { name, ordinary, worst, ratio, limit, elements } of ratios) {
    const cells = [time(ordinary.best), time(worst.best), ratio.toFixed(2), String(limit)];
    const counts = `recomputed ${elements.ordinary} and ${elements.worst} of ${elements.all}`;
    console.log(`${columns(`    ${name}`, cells)}  ${counts}`);
  }
}

/** Returns what misses its target. */
export function printStart(starts: readonly Start[]): string[] {
  if (starts.length === 0) return [];
  console.log(`\n${columns("A cold process, ms", ["first", "warmup", "then"])}`);
  return starts.flatMap(({ build, first, warmup, steady }) => {
    const missed = [
      first > START_MS ? `first result > ${START_MS} ms` : "",
      warmup > WARMUP_MS ? `warmup > ${WARMUP_MS} ms` : "",
      steady > STEADY ? `then > ${STEADY}` : "",
    ].filter(Boolean);
    const notes = missed.length > 0 ? `MISS: ${missed.join(", ")}` : "";
    console.log(`${columns(`    ${build}`, [time(first), time(warmup), `x ${steady.toFixed(2)}`])}  ${notes}`);
    return missed.map((what) => `start ${build}: ${what}`);
  });
}

/** The slowest and the fastest that each peak loop ran in the whole run. */
export function printPeaks(results: readonly GroupResult[]): void {
  const names = new Set(results.flatMap(({ peaks }) => peaks.map(({ name }) => name)));
  for (const name of names) {
    const rates = results.flatMap(({ peaks }) => peaks.filter((peak) => peak.name === name).map(({ rate }) => rate));
    const [low, high] = [Math.min(...rates), Math.max(...rates)];
    const drift = high / low > 1 + NOISY ? ": this machine's speed changed during the run" : "";
    console.log(`Peak, ${name}: ${low.toFixed(1)} to ${high.toFixed(1)} GFLOP/s${drift}`);
  }
}

/** A target of a build at one workload: in words, and what it gave. */
interface Checked {
  text: string;
  build: string;
  workload: string;
  ratio: number;
  holds: boolean;
}

/** A line for each target: where its ratio is the lowest. `wanted` says what it should be. */
export function printTargets<T extends Checked>(checked: readonly T[], wanted: (one: T) => string): void {
  if (checked.length === 0) return;
  console.log("\nTargets: the least ratio of each");
  const nameOf = ({ build, text }: T) => `${build}: ${text}`;
  for (const name of new Set(checked.map(nameOf))) {
    const low = checked.filter((one) => nameOf(one) === name).reduce((a, b) => (b.ratio < a.ratio ? b : a));
    const verdict = low.holds ? "holds" : "MISS ";
    console.log(`    ${verdict} ${name}: ${low.ratio.toFixed(2)} of ${wanted(low)} (${low.workload})`);
  }
}

export function printDoubts(measurements: readonly Measurement[]): void {
  const noisy = measurements.filter(({ spread }) => spread > NOISY).length;
  if (noisy === 0) return;
  console.log(
    `\nWarning: ${noisy} of ${measurements.length} times have a median more than ${percent(NOISY)} above the best. ` +
      "Something else may be running on this machine: stop it and measure again.",
  );
}
