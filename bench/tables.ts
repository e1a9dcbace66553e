/** The README's text and tables, from the numbers of bench and bench:peers. */
import type { EngineResult } from "./engines.js";
import { groups } from "./groups.js";
import type { Environment } from "./machine.js";
import { NOISY } from "./measure.js";
import type { Cost, Growth } from "./peers/costs.js";
import { megabytes } from "./peers/report.js";
import type { WorkloadResult } from "./peers/run.js";
import { percent } from "./report.js";
import type { Compared, GroupResult, Row } from "./run.js";
import type { Start } from "./start.js";

/** What the files hold that the benchmarks write with --json. */
export interface BenchFile extends Environment {
  peaks: GroupResult["peaks"];
  rows: Row[];
  compared: Compared[];
  start: Start[];
  engines: EngineResult[];
}

export interface PeersFile extends Environment {
  workloads: WorkloadResult[];
  costs: Cost[];
  growth: Growth[];
}

/** The first `left` columns are words, the others numbers. */
export function table(header: readonly string[], rows: readonly (readonly string[])[], left = 1): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = `|${header.map((_, n) => (n < left ? "---|" : "---:|")).join("")}`;
  return [line(header), rule, ...rows.map(line)].join("\n");
}

/** What a reader unfolds: GitHub and npm show the summary alone. */
export const folded = (summary: string, content: string): string =>
  `<details>\n<summary>${summary}</summary>\n\n${content}\n\n</details>`;

/** Three digits, in ms, or below 0.1 ms in microseconds. */
export function duration(ms: number): string {
  const [value, unit] = ms < 0.1 ? [1000 * ms, "µs"] : [ms, "ms"];
  return `${value >= 100 ? value.toFixed(0) : value.toPrecision(3)} ${unit}`;
}

/** "1.02 to 1.19". */
export const range = (values: readonly number[]): string =>
  `${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)}`;

/** "Node 24.21.0": without the version of its engine. */
export const shortRuntime = (runtime: string): string => runtime.split(",")[0]!;

/** A build of one file: a column. */
interface Column {
  file: BenchFile;
  build: string;
}

const columnsOf = (files: readonly BenchFile[]): Column[] =>
  files.flatMap((file) => [...new Set(file.rows.map(({ build }) => build))].map((build) => ({ file, build })));

function cell(names: readonly string[], { file, build }: Column): string {
  const [standard, laser] = names.map((name) => file.rows.find((row) => row.build === build && row.name === name));
  if (!standard) return "";
  // A share of the peak means little where the call, or memory, is what takes the time.
  const share = standard.share !== undefined && standard.share >= 0.2 ? `, ${percent(standard.share)}` : "";
  const extra = laser?.extra === undefined ? "" : `, ${laser.extra < 0 ? "" : "+"}${percent(laser.extra, 1)}`;
  return `${duration(standard.median)}${share}${extra}`;
}

/** What the table leaves to `npm run bench`: forward and backward together, elementwise functions, three of four small sizes. */
const shown = ({ name }: { name: string }): boolean =>
  /(forward|backward|matmul.*)$/.test(name) && !/^small .* N (8|32|64) /.test(name);

function callTable(columns: readonly Column[]): string {
  const rows = groups.filter(shown).map(({ name, tasks }) => {
    const names = tasks.map((task) => task.name);
    return [name, ...columns.map((column) => cell(names, column))];
  });
  const header = ["", ...columns.map(({ file, build }) => `${build}, ${shortRuntime(file.runtime)}`)];
  return table(
    header,
    rows.filter(([, ...cells]) => cells.some(Boolean)),
  );
}

const claims: readonly (readonly [string, RegExp])[] = [
  ["D 80, 96 and 128: time per operation, over that of D 64", /^head size .* D (80|96|128) /],
  ["D 32, likewise", /^head size .* D 32 /],
  ["odd N, likewise", /^odd length /],
  ["four query heads to a key head: time per visible pair, over that of a call where all keys are seen", /^GQA /],
  ["causal, likewise", /^causal /],
  ["a window of 64, likewise", /^window .* standard /],
  ["a window of 64, LASER: exp and log of every element do not shrink with it", /^window .* LASER /],
  ["a padding mask, likewise", /^padding /],
  ["a dense mask: time over that of none", /^dense mask /],
  ["a dense bias, likewise; its gradient included", /^dense bias /],
  ["a softcap of 50, likewise", /^softcap 50 /],
  ["a softcap as small as the scores, likewise", /^softcap 1 /],
  ["ALiBi, likewise", /^ALiBi /],
  ["N up to 2048: time per pair, over that of N 256", /^growth .* N (512|1024|2048) /],
  ["N up to 16384, likewise", /^growth .* N (4096|8192|16384) /],
];

/** The range of each claim's ratios over variants, directions and builds. Nothing where nothing was measured. */
function claimTable(files: readonly BenchFile[]): string[] {
  const compared = files.flatMap(({ compared }) => compared);
  const rows = claims.flatMap(([text, pick]) => {
    const ratios = compared.filter(({ name }) => pick.test(name)).map(({ ratio }) => ratio);
    if (ratios.length === 0) return [];
    return [[text, range(ratios)]];
  });
  return rows.length === 0 ? [] : [table(["Ratios of times, over both variants, directions and all builds", ""], rows)];
}

function startText(files: readonly BenchFile[]): string[] {
  const starts = files.flatMap(({ start, runtime }) =>
    start.map(({ build, first }) => `${duration(first)} (${build}, ${shortRuntime(runtime)})`),
  );
  return starts.length === 0
    ? []
    : [`Import, \`createSync\` and a first result in a cold process: ${starts.join(", ")}.`];
}

function engineText(files: readonly BenchFile[]): string[] {
  const engines = files.flatMap(({ engines }) => engines);
  const ranges = [...new Set(engines.map(({ runtime }) => runtime))].map((runtime) => {
    const rows = engines.filter((one) => one.runtime === runtime).flatMap(({ rows }) => rows);
    const shares = rows.filter(({ build }) => build === "relaxed").map(({ shareOfNode }) => shareOfNode);
    return `${shortRuntime(runtime)} ${percent(Math.min(...shares))} to ${percent(Math.max(...shares))}`;
  });
  return ranges.length === 0 ? [] : [`Of the peak under Node, the relaxed build reaches in ${ranges.join(", in ")}.`];
}

export function benchTables(files: readonly BenchFile[]): string {
  const { machine, date } = files[0]!;
  const runtimes = files.map(({ runtime, peaks }) => {
    const peak = Math.max(...peaks.map(({ rate }) => rate));
    return `${shortRuntime(runtime)} (peak ${peak.toFixed(1)} GFLOP/s)`;
  });
  return [
    `${machine}; ${runtimes.join(", ")}; one thread unless said; ${date}; \`npm run bench\`.`,
    "A cell: time of a standard call, its share of the peak, which is what a loop of multiply-adds in registers reaches in the " +
      "same run, and what LASER takes more. H heads, N queries and keys, width D. Backward is the backward pass alone.",
    callTable(columnsOf(files)),
    ...claimTable(files),
    ...startText(files),
    ...engineText(files),
  ].join("\n\n");
}

/** What others are held against. */
export const ours = "laser-attention/relaxed";

function workloadTable({ workloads, versions }: PeersFile): string {
  const peers = [...new Set(workloads.flatMap(({ results }) => results.map(({ peer }) => peer)))];
  const rows = workloads.map(({ name, results }) => [
    name.replace("both", "forward + backward"),
    ...peers.map((peer) => {
      const result = results.find((one) => one.peer === peer);
      const ratio = peer.startsWith("laser-attention") ? undefined : result?.ratios[ours];
      if (result === undefined) return "";
      const noisy = result.spread > NOISY ? " ~" : "";
      return `${duration(result.median)}${noisy}${ratio === undefined ? "" : ` (${ratio.toFixed(1)}x)`}`;
    }),
  ]);
  return table(["", ...peers.map((peer) => (versions[peer] ? `${peer} ${versions[peer]}` : peer))], rows);
}

function costTable({ costs, growth }: PeersFile): string[] {
  if (costs.length === 0) return [];
  const rows = costs.map(({ peer, bytes, start }) => {
    const grown = growth.find((one) => one.peer === peer && one.N === 4096 && one.variant === "standard");
    return [peer, megabytes(bytes), duration(start), grown ? megabytes(grown.bytes) : ""];
  });
  return [
    table(["", "installed, MB", "first result, cold", "peak memory of forward at N 4096, H 4, D 64, MB"], rows),
    "Installed with all dependencies. Memory is of each library's formulations the least, and what the process takes above one that imports nothing; inputs and output are 17 MB.",
  ];
}

export function peersTables(file: PeersFile): string {
  return [
    `${file.machine}; ${shortRuntime(file.runtime)}; one thread each; ${file.date}; \`npm run bench:peers\`.`,
    "Time of one call, those of a row interleaved; of each library the fastest of the formulations in `bench/peers`, samples of its outputs " +
      "checked against float64. In brackets how many times the time of `laser-attention/relaxed`; ~ marks a time whose median is more than a " +
      "tenth above its best. onnxruntime-node is native code. Inputs of this package, tfjs and jax-js lie in their memory already; " +
      "onnxruntime-web copies what is no constant at each call; of products it may have the right factor as one, packed once. " +
      "onnxruntime-web and tfjs-wasm have no fused multiply-add: hold them against the plain build too.",
    workloadTable(file),
    ...costTable(file),
  ].join("\n\n");
}
