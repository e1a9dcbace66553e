/** docs/evidence.md, from the runs that have finished. */
import { FAMILIES, type FamilyName } from "../../src/train/index.js";
import type { Variant } from "../../src/types.js";
import { shortRuntime, table } from "../tables.js";
import { variantName, variants } from "../tasks.js";
import { references } from "./reference.js";
import type { Result } from "./runs.js";
import { apart, differences, ofVariant, type Spread, spread } from "./statistics.js";
import { readTimes } from "./times.js";

export const titles: Readonly<Record<FamilyName, string>> = {
  lm: "Language model",
  bert: "BERT",
  vit: "Vision Transformer",
  conformer: "Conformer",
};

const data: Readonly<Record<FamilyName, string>> = {
  lm: "Tiny Shakespeare, character by character, the last tenth held out",
  bert: "the same text; 15 % of the characters hidden, all behind the mask token",
  vit: "CIFAR-10, 8,000 images to train on, mirrored and shifted by up to 4 pixels, and 2,000 of the test",
  conformer:
    "Free Spoken Digit Dataset, strings of 1 to 5 digits, features with noise of deviation 0.3, takes 0 to 4 held out",
};

/** Beyond so many standard deviations of both together two means are called apart. */
const APART = 2;

const number = (x: number): string => x.toFixed(3);
export const shown = ({ mean, deviation, count }: Spread): string =>
  count === 0
    ? ""
    : count === 1
      ? `${number(mean)} (1 seed)`
      : `${number(mean)} ± ${number(deviation)} (${count} seeds)`;

/** A family: what all of its runs gave. */
export interface Line {
  family: FamilyName;
  measure: string;
  of: Readonly<Record<Variant, Spread>>;
  difference: Spread;
  runs: readonly Result[];
}

export function lines(results: readonly Result[]): Line[] {
  return FAMILIES.flatMap((family) => {
    const runs = results.filter((one) => one.family === family);
    if (runs.length === 0) return [];
    const of = (variant: Variant) => spread(ofVariant(runs, variant).map(({ value }) => value));
    const { measure } = runs[0]!;
    return [
      {
        ...{ family, measure, runs, difference: spread(differences(runs)) },
        of: { standard: of("standard"), laser: of("laser") },
      },
    ];
  });
}

/** How the means stand to those of PyTorch, in words. */
function agreement({ family, of }: Line): string {
  const words = variants.flatMap((variant) => {
    if (of[variant].count < 2) return [];
    const distance = apart(of[variant], references[family].pytorch[variant]);
    return [`${variantName(variant)} ${distance.toFixed(1)} deviations${distance > APART ? ", **apart**" : ""}`];
  });
  return words.join("; ");
}

const resultTable = (all: readonly Line[]): string =>
  table(
    ["", "measure", "standard", "LASER", "LASER less standard", "PyTorch: standard", "LASER", "how far from PyTorch"],
    all.map((line) => {
      const { family, measure, of, difference } = line;
      const pytorch = variants.map((variant) => references[family].pytorch[variant].map(number).join(" ± "));
      return [
        ...[titles[family], measure, shown(of.standard), shown(of.laser), shown(difference)],
        ...[...pytorch, agreement(line)],
      ];
    }),
    2,
  );

function settingsTable(all: readonly Line[]): string {
  const keys = Object.keys(all[0]!.runs[0]!.recipe).filter((key) => key !== "variant" && key !== "seed");
  const of = ({ runs }: Line, key: string) => String(runs[0]!.recipe[key as keyof Result["recipe"]]);
  return table(
    ["", ...all.map(({ family }) => titles[family])],
    keys.map((key) => [key, ...all.map((line) => of(line, key))]),
  );
}

const runTable = (all: readonly Line[]): string =>
  table(
    ["", "variant", "seed", "result", "minutes", "threads", "when, with what"],
    all.flatMap(({ family, runs }) =>
      runs.map(({ recipe, value, seconds, threads, date, runtime }) => [
        ...[titles[family], variantName(recipe.variant), String(recipe.seed), value.toFixed(4)],
        ...[(seconds / 60).toFixed(1), String(threads), `${date}, ${shortRuntime(runtime)}`],
      ]),
    ),
    2,
  );

function timeText(): string[] {
  const times = readTimes();
  if (times === undefined) return [];
  const rows = times.rows.map(({ family, variant, step, minutes, threads }) => [
    ...[titles[family], variantName(variant), step.toFixed(0), minutes.toFixed(1), String(threads)],
  ]);
  return [
    `What a run takes alone, from the median of 40 steps and an evaluation (\`npm run evidence -- --time\`; ${times.machine}; ${shortRuntime(times.runtime)}; ${times.date}):`,
    table(["", "variant", "ms a step", "minutes", "threads"], rows, 2),
  ];
}

export function page(all: readonly Line[]): string {
  const charts = all.map(
    ({ family, measure }) => `### ${titles[family]}\n\nData: ${data[family]}.\n\n![${measure}](evidence/${family}.svg)`,
  );
  const machines = [...new Set(all.flatMap(({ runs }) => runs.map(({ machine }) => machine)))];
  return `# LASER beside standard attention, on real data

Written by \`npm run evidence\` from the runs in bench/evidence/results. Both variants start from the same parameters and see the same batches; nothing else differs between them. Smaller is better everywhere.

${resultTable(all)}

Means and standard deviations over seeds, after the last step. The columns of PyTorch are three seeds of the same recipe in PyTorch on a GPU, with other random numbers; they were measured apart, and no script here prints them. The last column is the distance of the means in standard deviations of both together; beyond ${APART} they are called apart.

Two or three seeds say little about small differences, and these are small models on small data: a reason to try LASER on your own task, or not, and no more than that.

## Curves

Thin lines are seeds, thick ones their means; the first fifth of each run is left out.

${charts.join("\n\n")}

## Settings

${settingsTable(all)}

AdamW with betas 0.9 and 0.98, weight decay on everything, a warm-up, then a cosine from the peak to a tenth of it. Matrices from a truncated normal of standard deviation 0.02, the rest as PyTorch initialises it; no dropout. "every" is the steps between evaluations, "evaluations" the most held-out batches of each.

## Runs

${runTable(all)}

${machines.join("; ")}. Plain build: the results have the same bits in every runtime and with any number of threads, so \`npm run evidence\` anywhere should print these numbers. Runs on one thread had another one beside them.

${timeText().join("\n\n")}
`;
}
