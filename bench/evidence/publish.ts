/** Prints what the runs gave beside what is asked for, and writes docs/evidence.md with a chart for each family. */
import { writeFileSync } from "node:fs";
import { FAMILIES } from "../../src/train/index.js";
import { variantName, variants } from "../tasks.js";
import { evidenceChart } from "./chart.js";
import { type Line, lines, page, shown, titles } from "./page.js";
import { references } from "./reference.js";
import { readResults } from "./runs.js";
import { readTimes } from "./times.js";

/** The longest that a run may take on two threads, in minutes. */
const LONGEST = 25;

/** A line for each mean and each time that has a limit. Returns whether all are there and hold. */
function printChecked(all: readonly Line[]): boolean {
  let held = true;
  const print = (name: string, variant: string, text: string, holds: boolean): void => {
    held &&= holds;
    console.log(`${holds ? "holds" : "MISS "} ${name.padEnd(11)}${variant.padEnd(9)}${text}`);
  };
  for (const family of FAMILIES) {
    const line = all.find((one) => one.family === family);
    for (const variant of variants) {
      const most = references[family].most[variant];
      const mean = line?.of[variant];
      const text = mean?.count ? `${line!.measure} ${shown(mean)}` : "no run";
      print(family, variantName(variant), `${text}, at most ${most}`, (mean?.mean ?? Number.NaN) <= most);
    }
  }
  for (const { family, variant, minutes } of readTimes()?.rows ?? []) {
    const text = `${minutes.toFixed(1)} minutes, at most ${LONGEST}`;
    print(family, variantName(variant), text, minutes <= LONGEST);
  }
  return held;
}

/** The charts, by the name of their file. */
export const charts = (all: readonly Line[]): [name: string, chart: string][] =>
  all.map(({ family, measure, runs }) => [
    `docs/evidence-${family}.svg`,
    evidenceChart(`${titles[family]}: ${measure}`, runs),
  ]);

/** The page and its charts, where there are runs. */
export function writePage(): readonly Line[] {
  const all = lines(readResults());
  if (all.length > 0) {
    for (const [name, chart] of charts(all)) writeFileSync(name, chart);
    writeFileSync("docs/evidence.md", page(all));
  }
  return all;
}

/** Writes the page and prints the limits. Returns whether every one holds. */
export const publish = (): boolean => printChecked(writePage());
