/** The README's tables, from the numbers of bench and bench:peers. */
import { groups } from "./groups.js";
import type { Environment } from "./machine.js";
import type { Cost, Growth } from "./peers/costs.js";
import type { WorkloadResult } from "./peers/run.js";
import { percent, time } from "./report.js";
import type { Compared, GroupResult, Row } from "./run.js";
import type { Start } from "./start.js";

export interface BenchFile extends Environment {
  peaks: GroupResult["peaks"];
  rows: Row[];
  compared: Compared[];
  start: Start[];
}

export interface PeersFile extends Environment {
  workloads: WorkloadResult[];
  costs: Cost[];
  growth: Growth[];
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(header), `|${header.map((_, n) => (n === 0 ? "---|" : "---:|")).join("")}`, ...rows.map(line)].join(
    "\n",
  );
}

/** "Node 24.21.0": without the version of its engine. */
const shortRuntime = ({ runtime }: Environment): string => runtime.split(",")[0]!;
const highestPeak = ({ peaks }: BenchFile): number => Math.max(...peaks.map(({ rate }) => rate));

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
  const share = standard.share !== undefined && standard.share >= 0.2 ? `, ${percent(standard.share)}` : "";
  const extra = laser?.extra === undefined ? "" : `, ${laser.extra < 0 ? "" : "+"}${percent(laser.extra, 1)}`;
  return `${time(standard.median)} ms${share}${extra}`;
}

/** Worst ratio of the shapes with these names, over variants, directions and builds. */
function worstRatio(files: readonly BenchFile[], pick: RegExp): string {
  const ratios = files.flatMap(({ compared }) =>
    compared.filter(({ name }) => pick.test(name)).map(({ ratio }) => ratio),
  );
  return ratios.length === 0 ? "not measured" : Math.max(...ratios).toFixed(2);
}

const claims: readonly (readonly [string, RegExp])[] = [
  ["Head sizes 80, 96 and 128, per operation and against D 64", /^head size .* D (80|96|128) /],
  ["D 32, likewise", /^head size .* D 32 /],
  ["Odd N, likewise", /^odd length /],
  ["Grouped heads, per visible pair and against all keys", /^GQA /],
  ["Causal, likewise", /^causal /],
  ["A window of 64, likewise", /^window /],
  ["A padding mask, likewise", /^padding /],
  ["A dense mask, against none", /^dense mask /],
  ["A dense bias, against none", /^dense bias /],
];

/** What a table of the README leaves to `npm run bench`. */
const wanted = /(forward|backward|matmul.*)$/;
const unwanted = /^small H 1 N (8|32|64) /;

export function benchTables(files: readonly BenchFile[]): string {
  const columns = columnsOf(files);
  const chosen = groups.filter(({ name }) => wanted.test(name) && !unwanted.test(name));
  const rows = chosen
    .map(({ name, tasks }) => [
      name,
      ...columns.map((column) =>
        cell(
          tasks.map(({ name }) => name),
          column,
        ),
      ),
    ])
    .filter(([, ...cells]) => cells.some(Boolean));
  const machines = files.map((file) => `${shortRuntime(file)} (peak ${highestPeak(file).toFixed(1)} GFLOP/s)`);
  const { machine, date } = files[0]!;
  const starts = files.flatMap((file) =>
    file.start.map(({ build, first }) => `${time(first)} ms (${shortRuntime(file)}, ${build})`),
  );
  const options = claims.map(([text, pick]) => [text, worstRatio(files, pick)]).filter(([, x]) => x !== "not measured");
  return [
    `${machine}; ${machines.join(", ")}; one thread; ${date}. \`npm run bench\`.\n`,
    "A cell: ms of a standard call, its share of what a loop of multiply-adds in registers reaches in the same run, and what LASER takes more. H heads, N queries and keys, width D. Backward is the backward pass alone.\n",
    table(["", ...columns.map(({ file, build }) => `${build}, ${shortRuntime(file)}`)], rows),
    ...(options.length > 0
      ? [`\n${table(["Time, the worst of both variants, directions and all builds", "times"], options)}`]
      : []),
    ...(starts.length > 0
      ? [`\nImport, \`createSync\` and a first result in a cold process: ${starts.join(", ")}.`]
      : []),
  ].join("\n");
}

const ours = "laser-attention/relaxed";

export function peersTables({ workloads, costs, growth, ...environment }: PeersFile): string {
  const peers = [...new Set(workloads.flatMap(({ results }) => results.map(({ peer }) => peer)))];
  const rows = workloads.map(({ name, results }) => [
    name.replace("both", "forward + backward"),
    ...peers.map((name) => {
      const result = results.find(({ peer }) => peer === name);
      if (!result) return "";
      const own = name.startsWith("laser-attention");
      return `${time(result.median)}${own || !result.ratios[ours] ? "" : ` (${result.ratios[ours].toFixed(1)}x)`}`;
    }),
  ]);
  const version = (name: string) => (environment.versions[name] ? `${name} ${environment.versions[name]}` : name);
  const memory = (peer: string) =>
    growth.find((one) => one.peer === peer && one.N === 4096 && one.variant === "standard");
  const costRows = costs.map(({ peer, bytes, start }) => {
    const grown = memory(peer);
    const size = bytes === 0 ? "0" : (bytes / 1e6).toPrecision(2);
    return [
      peer,
      bytes >= 1e8 ? (bytes / 1e6).toFixed(0) : size,
      time(start),
      grown ? (grown.bytes / 1e6).toFixed(0) : "",
    ];
  });
  return [
    `${environment.machine}; ${shortRuntime(environment)}; one thread each; ${environment.date}. \`npm run bench:peers\`.\n`,
    "ms of one call, all interleaved in one run, of each library the fastest of several formulations, outputs checked against float64; in brackets how many times the time of `laser-attention/relaxed`. onnxruntime-node is native code.\n",
    table(["", ...peers.map(version)], rows),
    ...(costRows.length > 0
      ? [`\n${table(["", "installed, MB", "cold first result, ms", "peak memory at N 4096, H 4, D 64, MB"], costRows)}`]
      : []),
  ].join("\n");
}
