/** docs/evidence.md, from the runs that have finished. */
import { FAMILIES, type FamilyName } from "../../src/train/index.js";
import type { Variant } from "../../src/types.js";
import { TRAINING } from "../../test/portable/bits.js";
import { shortRuntime, table } from "../tables.js";
import { variantName, variants } from "../tasks.js";
import { references } from "./reference.js";
import { isCurrent, type Result } from "./runs.js";
import { apart, differences, ofVariant, type Spread, spread } from "./statistics.js";
import { readTimes, TIMED } from "./times.js";

export const titles: Readonly<Record<FamilyName, string>> = {
  lm: "Language model",
  bert: "BERT",
  vit: "Vision Transformer",
  conformer: "Conformer",
};

const data: Readonly<Record<FamilyName, string>> = {
  lm: "Tiny Shakespeare, character by character, nats a character; of the last tenth, 40,960 characters are judged",
  bert: "Tiny Shakespeare, character by character, 15 % hidden, all behind the mask token, nats a character; of the last tenth, some 6,000 hidden ones are judged. At the end the loss still falls: when a run leaves the plateau at the frequencies of characters is a part of what variants and seeds differ by",
  vit: "a JPEG copy of CIFAR-10: 8,000 images to train on, mirrored and shifted by up to 4 pixels, and 2,000 to judge",
  conformer:
    "Free Spoken Digit Dataset, a new string of 1 to 5 digits each time, features with noise of deviation 0.3; takes 0 to 4 are held out, of the same six speakers: 304 strings of 300 recordings, 913 words, heard greedily",
};

/** Beyond so many standard errors two means are called apart. */
const APART = 3;

/** The last evaluations, of which the deviations of differences are shown. */
const LATE = 5;

const number = (x: number): string => x.toFixed(3);
const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;

export function shown({ mean, deviation, count }: Spread, what = "seed"): string {
  if (count === 0) return "";
  return `${number(mean)}${count === 1 ? "" : ` ± ${number(deviation)}`} (${counted(count, what)})`;
}

/** A family: what all of its runs gave. */
export interface Line {
  family: FamilyName;
  measure: string;
  of: Readonly<Record<Variant, Spread>>;
  runs: readonly Result[];
}

export function lines(results: readonly Result[]): Line[] {
  return FAMILIES.flatMap((family) => {
    const runs = results.filter((one) => one.family === family);
    if (runs.length === 0) return [];
    const of = (variant: Variant) => spread(ofVariant(runs, variant).map(({ value }) => value));
    return [{ family, measure: runs[0]!.measure, runs, of: { standard: of("standard"), laser: of("laser") } }];
  });
}

/** From which deviation of the differences to which, over the last evaluations. */
function lateDeviations(runs: readonly Result[]): string {
  const all = Array.from({ length: LATE }, (_, before) => spread(differences(runs, before)).deviation);
  return all.some(Number.isNaN) ? "" : `${number(Math.min(...all))} to ${number(Math.max(...all))}`;
}

const resultTable = (all: readonly Line[]): string =>
  table(
    [
      "",
      "measure",
      "standard",
      "LASER",
      "LASER less standard, seed by seed",
      `their ± at the last ${LATE} evaluations`,
    ],
    all.map(({ family, measure, of, runs }) => {
      const cells = [shown(of.standard), shown(of.laser), shown(spread(differences(runs)), "pair")];
      return [titles[family], measure, ...cells, lateDeviations(runs)];
    }),
    2,
  );

/** What is judged in a run, each right or wrong: images, words. A test holds them against the results. */
export const JUDGED = { vit: 2000, conformer: 913 } as const;

/** Standard deviation of a rate that so many gave, of both variants together. */
function sampling(all: readonly Line[], family: keyof typeof JUDGED): string {
  const { mean } = spread(all.find((line) => line.family === family)?.runs.map(({ value }) => value) ?? []);
  return `${JUDGED[family].toLocaleString("en")} alone make a rate of ${number(mean)} uncertain by ${number(Math.sqrt((mean * (1 - mean)) / JUDGED[family]))}`;
}

const signed = (x: number, digits: number): string => `${x < 0 ? "" : "+"}${x.toFixed(digits)}`;

/** In standard errors; in bold beyond APART. */
function inErrors(errors: number): string {
  if (Number.isNaN(errors)) return "";
  return Math.abs(errors) > APART ? `, **${signed(errors, 1)}**` : `, ${signed(errors, 1)}`;
}

type Pair = Line["of"];
const lessStandard = ({ standard, laser }: Pair): string =>
  `${signed(laser.mean - standard.mean, 3)}${inErrors(apart(laser, standard))}`;

const pytorchTable = (all: readonly Line[]): string =>
  table(
    ["", "variant", "here", "PyTorch", "PyTorch, the same data"],
    all.flatMap(({ family, of }) => {
      const { pytorch, again } = references[family];
      const others = [pytorch, again];
      const beside = (variant: Variant, there?: Pair): string =>
        there === undefined ? "" : shown(there[variant]) + inErrors(apart(of[variant], there[variant]));
      return [
        ...variants.map((variant) => [
          ...[titles[family], variantName(variant), shown(of[variant])],
          ...others.map((there) => beside(variant, there)),
        ]),
        [titles[family], "LASER less standard", ...[of, ...others].map((one) => (one ? lessStandard(one) : ""))],
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
    ["", "variant", "seed", "result", "when", "with what", "bits"],
    all.flatMap(({ family, runs }) =>
      runs.map(({ recipe, value, date, runtime, bits }) => [
        ...[titles[family], variantName(recipe.variant), String(recipe.seed), value.toFixed(4)],
        ...[date, shortRuntime(runtime), bits?.slice(0, 8) ?? ""],
      ]),
    ),
    2,
  );

/** Which runs are of kernels and layers that sum as those of today. */
function sourcesText(all: readonly Line[]): string {
  const runs = all.flatMap((line) => line.runs);
  const older = runs.filter((run) => !isCurrent(run)).length;
  const others = `${older} of the ${runs.length} runs are of others, or of unknown ones: today they are other runs of the same recipe`;
  const rest = older === 0 ? "so are all runs" : others;
  return `"bits" begins the hash of the tests' training (\`npm run test:bits\`, the last line) with the sources of a run: ${TRAINING.slice(0, 8)} today; ${rest}.`;
}

function timeText(): string {
  const times = readTimes();
  if (times === undefined) return "";
  const { machine, runtime, date, threads, rows } = times;
  const cells = rows.map(({ family, variant, step, minutes }) => [
    ...[titles[family], variantName(variant), step.toFixed(0), minutes.toFixed(1)],
  ]);
  return `## Time

What a run takes on ${counted(threads, "thread")} of an idle machine, from the median of ${TIMED} steps and an evaluation: \`npm run evidence -- --time\`; ${machine}; ${shortRuntime(runtime)}; ${date}.

${table(["", "variant", "ms a step", "minutes"], cells, 2)}
`;
}

export function page(all: readonly Line[]): string {
  const charts = all.map(
    ({ family, measure }) => `### ${titles[family]}\n\nData: ${data[family]}.\n\n![${measure}](evidence-${family}.svg)`,
  );
  const machines = [...new Set(all.flatMap(({ runs }) => runs.map(({ machine }) => machine)))];
  const hashes = all.map(({ family, runs }) => `${titles[family]} ${runs[0]!.data.slice(0, 16)}`);
  return `# LASER beside standard attention, on real data

Written by \`npm run evidence\` from the runs in bench/evidence/results. Both variants start from the same parameters and see the same batches; nothing else differs between them. One learning rate serves both, searched for neither: with one of its own for each the difference may be another. Smaller is better everywhere.

${resultTable(all)}

Means and standard deviations over seeds, after the last step. Of so few seeds deviations are themselves uncertain; the last column shows how much. They say nothing of how far other held-out data would be from these: of images, ${sampling(all, "vit")}; of words, ${sampling(all, "conformer")}. So few seeds say little about small differences, and these are small models on small data: a reason to try LASER on a task of your own, or not, and no more than that.

## Beside PyTorch

${pytorchTable(all)}

Behind a mean of PyTorch: how far the mean here lies above it, in standard errors; beyond ${APART} it is in bold. Behind a difference: that difference, likewise, of variants as if they had nothing in common. Both count what seeds do, not which data are held out, and of two or three seeds even ${APART} says little. The first column of PyTorch are three seeds of the same recipe, with data prepared in other ways, measured on a GPU before this page was written; no script here prints them. The second are eight seeds of \`bench/evidence/pytorch.py\` on an H100, of which means and deviations were kept. It prepares the data as it is prepared here, with random numbers of its own, and takes the mean over 12 draws of what is held out: strings of digits differ more from draw to draw than from seed to seed (averaged over seeds, from 0.013 to 0.025 standard, from 0.015 to 0.030 LASER), hidden characters hardly.

- The language model lies below the first column with both variants; which windows are drawn and judged may differ, and was not looked into.
- The Conformer is better here than in the first column, with either library. The preparation of data can make as much of a difference: with 1,000 strings made once, in place of new ones each time, and every digit normalised by itself, \`pytorch.py conformer VARIANT SEED FOLDER 1000 alone\` gave 0.068 ± 0.014 (standard) and 0.069 ± 0.019 (LASER) over three seeds.
- BERT differs most from run to run. Eight seeds in PyTorch went from 1.58 to 1.72 (standard) and from 1.52 to 1.63 (LASER). With the first values and batches that seeds 1, 2 and 3 have here (\`npm run evidence -- --export\`), \`pytorch.py\` gave 1.655, 1.786 and 1.705 (standard), 1.666, 1.638 and 1.509 (LASER): so what seeds draw moves a run by about as much as the difference from the other columns. So does rounding: before linear layers summed in another order the same seeds gave 1.619, 1.769 and 1.711, and 1.637, 1.655 and 1.553, here. That three standard runs lie within 0.02 of each other now is chance, and makes their distance in standard errors look large.

## Curves

Thin lines are seeds, thick ones their means. The first fifth of each run is left out, and the axis does not begin at 0.

${charts.join("\n\n")}

## Settings

${settingsTable(all)}

AdamW with betas 0.9 and 0.98, weight decay on everything, a warm-up, then a cosine from the peak to a tenth of it. Matrices from a normal distribution of deviation 0.02 (\`trunc_normal_\` of PyTorch cuts it at 2, a hundred deviations, unless told otherwise), the rest as PyTorch initialises it; no dropout. "every" is the steps between evaluations, "evaluations" the most held-out batches of each.

## Runs

${runTable(all)}

${machines.join("; ")}. Plain build: the results have the same bits in every runtime and with any number of threads, so the same files of data give these numbers anywhere, with the sources of the run. ${sourcesText(all)} The data's SHA-256 begin with: ${hashes.join(", ")}.

${timeText()}`;
}
