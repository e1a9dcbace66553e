/**
 * Writes measured numbers into README.md and the charts into docs/.
 *
 *   npm run bench:report -- [--entries FILE]... [--bench FILE]... [--peers FILE] [--train FILE]
 *
 * --entries  a file that `npm run bench -- --json FILE` wrote: the table of entries; its sizes are measured now, of dist/
 * --bench    the same: builds become columns, in the order of the files
 * --peers    a file that `npm run bench:peers -- --json FILE` wrote: a table, and both charts
 * --train    a file that `npm run bench:train -- --json FILE` wrote: tables of steps, of the forward pass and of memory
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
  },
});

const read = <T>(file: string): T => JSON.parse(readFileSync(inPlace(file), "utf8")) as T;

function replace(readme: string, marker: string, content: string): string {
  const [open, close] = [`<!-- ${marker} -->`, `<!-- /${marker} -->`];
  const [start, end] = [readme.indexOf(open), readme.indexOf(close)];
  if (start < 0 || end < start) throw new Error(`README.md has no ${open} ... ${close}`);
  return `${readme.slice(0, start + open.length)}\n${content}\n${readme.slice(end)}`;
}

let readme = readFileSync("README.md", "utf8");
const readAll = (files: readonly string[]): BenchFile[] => files.map((file) => read<BenchFile>(file));
if (args.entries.length > 0) readme = replace(readme, "entries", entriesTable(readAll(args.entries)));
if (args.bench.length > 0) readme = replace(readme, "bench", benchTables(readAll(args.bench)));
if (args.peers) {
  const peers = read<PeersFile>(args.peers);
  const charts: [string, string, string][] = [
    ["ratios", "Time of each library over that of laser-attention/relaxed", ratioChart(peers.workloads)],
  ];
  if (peers.growth.length > 0) charts.push(["growth", "Time per pair and memory against N", growthChart(peers.growth)]);
  for (const [name, , chart] of charts) writeFileSync(`docs/${name}.svg`, chart);
  const images = charts.map(([name, label]) => `![${label}](docs/${name}.svg)`);
  readme = replace(readme, "peers", [peersTables(peers), ...images].join("\n\n"));
}
if (args.train) readme = replace(readme, "train", trainTables(read<TrainFile>(args.train)));
writeFileSync("README.md", readme);
