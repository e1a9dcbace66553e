/**
 * Writes measured numbers into README.md and the charts into docs/.
 *
 *   npm run bench:report -- [--entries FILE]... [--bench FILE]... [--peers FILE] [--train FILE] [--page FILE]
 *
 * --entries  a file that `npm run bench -- --json FILE` wrote: the table of entries; its sizes are measured now, of dist/
 * --bench    the same: builds become columns, in the order of the files
 * --peers    a file that `npm run bench:peers -- --json FILE` wrote: a table, and both charts
 * --train    a file that `npm run bench:train -- --json FILE` wrote: tables of steps, of the forward pass and of memory
 * --page     a page of another machine to write into instead of README.md, without charts
 *
 * Text between <!-- entries --> and <!-- /entries -->, and likewise for bench, peers and train, is replaced.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { growthChart, ratioChart } from "./charts.js";
import { entriesTable } from "./entries.js";
import { inPlace } from "./machine.js";
import { type BenchFile, benchTables, type PeersFile, peersTables } from "./tables.js";
import { type TrainFile, trainTables } from "./train/table.js";

const { values: args } = parseArgs({
  options: {
    entries: { type: "string", multiple: true, default: [] },
    bench: { type: "string", multiple: true, default: [] },
    peers: { type: "string" },
    train: { type: "string" },
    page: { type: "string" },
  },
});

const read = <T>(file: string): T => JSON.parse(readFileSync(inPlace(file), "utf8")) as T;

const page = args.page === undefined ? "README.md" : inPlace(args.page);
let text = readFileSync(page, "utf8");

function replace(marker: string, content: string): void {
  const [open, close] = [`<!-- ${marker} -->`, `<!-- /${marker} -->`];
  const [start, end] = [text.indexOf(open), text.indexOf(close)];
  if (start < 0 || end < start) throw new Error(`${page} has no ${open} ... ${close}`);
  text = `${text.slice(0, start + open.length)}\n${content}\n${text.slice(end)}`;
}

/** Writes the charts, and gives the lines of README.md that show them. */
function drawn({ workloads, growth }: PeersFile): string[] {
  const charts = [["ratios", "Time of each library over that of laser-attention/relaxed", ratioChart(workloads)]];
  if (growth.length > 0) charts.push(["growth", "Time per pair and memory against N", growthChart(growth)]);
  return charts.map(([name, label, chart]) => {
    writeFileSync(`docs/${name}.svg`, chart!);
    return `![${label}](docs/${name}.svg)`;
  });
}

const readAll = (files: readonly string[]): BenchFile[] => files.map((file) => read<BenchFile>(file));
if (args.entries.length > 0) replace("entries", entriesTable(readAll(args.entries)));
if (args.bench.length > 0) replace("bench", benchTables(readAll(args.bench)));
if (args.peers) {
  const peers = read<PeersFile>(args.peers);
  replace("peers", [peersTables(peers), ...(args.page === undefined ? drawn(peers) : [])].join("\n\n"));
}
if (args.train) replace("train", trainTables(read<TrainFile>(args.train)));
writeFileSync(page, text);
