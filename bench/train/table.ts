/** The README's tables of training, from the numbers of bench:train. */
import type { Environment } from "../machine.js";
import { megabytes } from "../peers/report.js";
import { percent } from "../report.js";
import { duration, folded, range, shortRuntime, table } from "../tables.js";
import type { Residence } from "./residence.js";
import type { Result, WorkloadResult } from "./run.js";

/** What `npm run bench:train -- --json FILE` writes. */
export interface TrainFile extends Environment {
  workloads: WorkloadResult[];
  memory: Residence[];
}

const libraryOf = (library: string, { versions }: TrainFile): string =>
  versions[library] ? `${library} ${versions[library]}` : library;

/** A time, with how many times that of the relaxed build, or of that with what it reaches. */
function cell(result: Result | undefined): string {
  if (result === undefined) return "";
  const { library, median, rate, share, ratio } = result;
  const beside = library === "relaxed" ? `${rate.toFixed(1)} GFLOP/s, ${percent(share)}` : `${ratio.toFixed(2)}x`;
  return `${duration(median)} (${beside})`;
}

/** Relaxed first, then the others in their order; nothing where nothing was measured. */
function timeTable(file: TrainFile, workloads: readonly WorkloadResult[]): string[] {
  if (workloads.length === 0) return [];
  const measured = workloads.flatMap(({ results }) => results.map(({ library }) => library));
  const libraries = [...new Set(["relaxed", ...measured])];
  const withMemory = workloads.some(({ memory }) => memory);
  const rows = workloads.map(({ name, results, memory }) => [
    name,
    ...libraries.map((library) => cell(results.find((one) => one.library === library))),
    ...(withMemory
      ? [memory ? `${megabytes(memory.bytes)} (theory ${megabytes(memory.parameters + memory.activations)})` : ""]
      : []),
  ]);
  const header = ["", ...libraries.map((library) => libraryOf(library, file))];
  return [table(withMemory ? [...header, "memory, MB"] : header, rows)];
}

function memoryTable(file: TrainFile): string[] {
  if (file.memory.length === 0) return [];
  const libraries = [...new Set(file.memory.map(({ library }) => library))];
  const rows = [...new Set(file.memory.map(({ workload }) => workload))].map((workload) => [
    workload,
    ...libraries.map((library) => {
      const one = file.memory.find((other) => other.workload === workload && other.library === library);
      return one ? megabytes(one.bytes) : "";
    }),
  ]);
  const header = ["MB", ...libraries.map((library) => libraryOf(library, file))];
  const what = "Most resident memory in three steps, above a process that only reads the first parameters";
  return [folded(what, table(header, rows))];
}

/** Over all steps, how many times the time of relaxed the faster of the others takes; nothing where none was measured. */
function aheadText({ versions }: TrainFile, workloads: readonly WorkloadResult[]): string[] {
  const isOther = ({ library }: Result): boolean => versions[library] !== undefined;
  const others = [
    ...new Set(workloads.flatMap(({ results }) => results.filter(isOther).map(({ library }) => library))),
  ];
  const least = workloads.flatMap(({ results }) => {
    const ratios = results.filter(isOther).map(({ ratio }) => ratio);
    return ratios.length === 0 ? [] : [Math.min(...ratios)];
  });
  if (least.length === 0) return [];
  return [`The faster of ${others.join(" and ")} takes ${range(least)} times the time of relaxed.`];
}

/** Nothing where it was not measured. */
function reachText(workloads: readonly WorkloadResult[]): string[] {
  const all = workloads.flatMap(({ two }) => two ?? []);
  if (all.length === 0) return [];
  return [
    `What two threads can reach here: two instances of one thread, side by side, make ${range(all)} times the steps of one.`,
  ];
}

export function trainTables(file: TrainFile): string {
  const { machine, runtime, date, versions, workloads } = file;
  const forward = ({ checks }: WorkloadResult): boolean => checks === "logits";
  const steps = workloads.filter((one) => !forward(one));
  return [
    `${machine}; ${shortRuntime(runtime)}; laser-attention ${versions["laser-attention"]}; one thread unless said; ${date}; ` +
      "`npm run bench:train`.",
    "Time of forward, backward and AdamW, or of forward alone, after `model.pack()` unless said. BERT and ViT: all libraries compute the " +
      "last block for the tokens that are scored (15 %, the class token), but for keys and values. Times of a row interleaved, losses of " +
      "four steps and logits compared. In brackets how many times the time of relaxed; of relaxed the speed, and its share of a loop of multiply-adds in registers. " +
      "Memory: the instance of the relaxed build; theory: four numbers a parameter, and the activations.",
    ...aheadText(file, steps),
    ...timeTable(file, steps).map((rows) => folded(`Steps of training, ${steps.length} rows`, rows)),
    ...reachText(workloads),
    ...timeTable(file, workloads.filter(forward)),
    ...memoryTable(file),
  ].join("\n\n");
}
