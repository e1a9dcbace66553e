/** Prints what the runs gave beside what is asked for, and writes docs/evidence.md with a chart for each family. */
import { mkdirSync, writeFileSync } from "node:fs";
import { variantName, variants } from "../tasks.js";
import { evidenceChart } from "./chart.js";
import { type Line, lines, page, shown, titles } from "./page.js";
import { references } from "./reference.js";
import type { Result } from "./runs.js";
import { readTimes } from "./times.js";

/** A line for each mean that has a limit. Returns whether all hold. */
function printChecked(all: readonly Line[]): boolean {
  let held = true;
  for (const { family, measure, of } of all) {
    for (const variant of variants) {
      const most = references[family].most[variant];
      if (of[variant].count === 0) continue;
      const holds = of[variant].mean <= most;
      held &&= holds;
      console.log(
        `${holds ? "holds" : "MISS "} ${family.padEnd(10)}${variantName(variant).padEnd(9)}${measure} ${shown(of[variant])} of ${most}`,
      );
    }
  }
  for (const { family, variant, minutes, threads } of readTimes()?.rows ?? []) {
    console.log(
      `${family.padEnd(10)} ${variantName(variant).padEnd(9)}${minutes.toFixed(1)} minutes on ${threads} threads`,
    );
  }
  return held;
}

export function publish(results: readonly Result[]): boolean {
  const all = lines(results);
  if (all.length === 0) {
    console.log("No run has finished yet.");
    return false;
  }
  mkdirSync("docs/evidence", { recursive: true });
  for (const { family, measure, runs } of all) {
    writeFileSync(`docs/evidence/${family}.svg`, evidenceChart(`${titles[family]}: ${measure}`, runs));
  }
  writeFileSync("docs/evidence.md", page(all));
  return printChecked(all);
}
