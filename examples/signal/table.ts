/** The table of both variants, and the sentence that its numbers make. */
import type { Variant } from "../../src/index.js";
import type { largestErrors, Signal } from "./signal.js";

/** What the table shows of one variant. */
export interface Column extends Signal {
  ms: { forward: number; backward: number };
  gflops: { forward: number; backward: number };
  errors: ReturnType<typeof largestErrors>;
  norms: { dq: number; dk: number; dv: number };
}

type Columns = Record<Variant, Column>;
type Line = [label: string, cell: (column: Column) => string];

const short = (x: number): string => (Number.isNaN(x) ? "no such key" : x.toPrecision(3));
const percent = (x: number): string => `${(100 * x).toFixed(1)} %`;

const lines: Line[] = [
  ["forward, ms", ({ ms }) => ms.forward.toFixed(1)],
  ["forward, GFLOP/s", ({ gflops }) => gflops.forward.toFixed(1)],
  ["backward, ms", ({ ms }) => ms.backward.toFixed(1)],
  ["backward, GFLOP/s", ({ gflops }) => gflops.backward.toFixed(1)],
  ["largest error of out", ({ errors }) => errors.out.toExponential(1)],
  ["largest error of dq", ({ errors }) => errors.dq.toExponential(1)],
  ["largest error of dk", ({ errors }) => errors.dk.toExponential(1)],
  ["largest error of dv", ({ errors }) => errors.dv.toExponential(1)],
  ["probabilities below 1e-3", ({ below3 }) => percent(below3)],
  ["probabilities below 1e-7", ({ below7 }) => percent(below7)],
  ["mean |d out / d score|, all keys", ({ all }) => short(all)],
  ["mean |d out / d score|, keys with p < 1e-3", ({ small }) => short(small)],
  ["norm of dq", ({ norms }) => short(norms.dq)],
  ["norm of dk", ({ norms }) => short(norms.dk)],
  ["norm of dv", ({ norms }) => short(norms.dv)],
];

export function formatTable({ standard, laser }: Columns): string {
  const rows = lines.map(([label, cell]) => [label, cell(standard), cell(laser)]);
  const width = Math.max(...rows.map(([label]) => label!.length));
  const format = ([label, ...cells]: string[]) => label!.padEnd(width) + cells.map((x) => x.padStart(13)).join("");
  return [["", "standard", "LASER"], ...rows].map(format).join("\n");
}

/** "1.41 times the standard one". */
const times = (laser: number, standard: number): string => `${(laser / standard).toPrecision(3)} times`;

export function formatSentence(text: string, { standard, laser }: Columns): string {
  const all = `${times(laser.all, standard.all)} the standard one over all keys`;
  const small = Number.isNaN(standard.small)
    ? ", no sampled key has p < 1e-3"
    : ` and ${times(laser.small, standard.small)} over keys with p < 1e-3`;
  const norms = (["dq", "dk", "dv"] as const).map((name) => times(laser.norms[name], standard.norms[name]));
  return (
    `On ${text} LASER's mean |d out / d score| is ${all}${small}; ` +
    `the norm of its dq is ${norms[0]}, of its dk ${norms[1]}, of its dv ${norms[2]} the standard one.`
  );
}
