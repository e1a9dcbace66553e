/** laser-attention signal: attention probabilities, and what single scores get of the gradient, layer by layer. */
import type { Command } from "commander";
import { characterTokenizer } from "../data/text.js";
import { type Gpt, gpt } from "../models/gpt.js";
import type { Nn } from "../nn/nn.js";
import type { Variant } from "../types.js";
import { naming, readFrom, readText } from "./data.js";
import { print, printJson, UserError } from "./files.js";
import { type LayerSignal, layerSignals } from "./layer-signal.js";
import { CHECKPOINT, tokenizerOf, withModel } from "./model.js";
import { type Common, common, createNn, integer, path, variantOption } from "./options.js";

interface Options extends Common {
  checkpoint?: string;
  data?: string;
  variant: Variant;
  seed: number;
}

const FRESH = { width: 128, heads: 4, layers: 4, context: 128 };

const short = (x: number): string => (Number.isNaN(x) ? "no such key" : x.toPrecision(3));
const percent = (x: number): string => `${(100 * x).toFixed(1)} %`;
const COLUMNS: readonly [string, (layer: LayerSignal) => string][] = [
  ["layer", ({ layer }) => String(layer)],
  ["p < 1e-3", ({ below3 }) => percent(below3)],
  ["p < 1e-7", ({ below7 }) => percent(below7)],
  ["|do/ds| standard", ({ standard }) => short(standard)],
  ["LASER", ({ laser }) => short(laser)],
  ["p < 1e-3: standard", ({ standardSmall }) => short(standardSmall)],
  ["LASER", ({ laserSmall }) => short(laserSmall)],
  ["|dWq|", ({ norms }) => short(norms.q)],
  ["|dWk|", ({ norms }) => short(norms.k)],
  ["|dWv|", ({ norms }) => short(norms.v)],
];

function formatSignals(layers: readonly LayerSignal[]): string {
  const rows = [COLUMNS.map(([title]) => title), ...layers.map((layer) => COLUMNS.map(([, cell]) => cell(layer)))];
  const widths = COLUMNS.map((_, n) => Math.max(...rows.map((row) => row[n]!.length)));
  return rows.map((row) => row.map((cell, n) => cell.padStart(widths[n]!)).join("  ")).join("\n");
}

function show(nn: Nn, model: Gpt, ids: Int32Array, about: string, json: boolean, fresh: boolean): void {
  const layers = layerSignals(nn, model, ids);
  const { variant, context } = model.config;
  const head = `${about}, ${variant} attention, the last ${Math.min(context, ids.length - 1)} tokens`;
  const foot = "|do/ds|: mean size of the derivative of an output by a score, with the model's own q, k and v.";
  const lines = [head, formatSignals(layers), foot, seen(layers, fresh)];
  if (json) printJson({ about, variant, layers });
  else print(lines.join("\n"));
}

/** What the table says of small probabilities, in one line. */
function seen(layers: readonly LayerSignal[], fresh: boolean): string {
  const times = layers
    .map(({ standardSmall, laserSmall }) => laserSmall / standardSmall)
    .filter((x) => !Number.isNaN(x));
  if (times.length === 0) {
    const hint = fresh ? ": --checkpoint takes a trained one" : "";
    return `No probability lies between 0 and 1e-3, as in models that are hardly trained${hint}.`;
  }
  const [least, most] = [Math.min(...times), Math.max(...times)].map((x) => x.toPrecision(3));
  return `Where p < 1e-3 LASER's derivatives are ${least === most ? least : `${least} to ${most}`} times the size of the standard ones.`;
}

/** A trained model, on the text it was trained on where no other is given. */
const showTrained = (checkpoint: string, { data, threads, simd, json }: Options): Promise<void> =>
  withModel({ checkpoint, threads, simd }, "gpt", (nn, model, extra) => {
    const from = data ?? extra.data;
    if (typeof from !== "string") throw new UserError(`${checkpoint} names no text: --data TEXT is missing`);
    const tokenizer = tokenizerOf(extra, "gpt", model.config.vocabulary);
    const ids = naming(from, () => tokenizer.encode(readFrom(data, from, readText)));
    show(nn, model, ids, `${checkpoint} on ${from}`, json, false);
  });

/** A new model of the recipe's size. */
async function showNew({ data, variant, seed, threads, simd, json }: Options): Promise<void> {
  if (data === undefined) throw new UserError("--checkpoint PATH or --data TEXT is missing: what to look at");
  const text = readText(data);
  const tokenizer = characterTokenizer(text);
  const nn = await createNn(threads, simd);
  try {
    const model = gpt(nn, { ...FRESH, vocabulary: tokenizer.size, variant, seed });
    show(nn, model, tokenizer.encode(text), `a new model, seed ${seed}, on ${data}`, json, true);
  } finally {
    nn.dispose();
  }
}

export function addSignal(program: Command): void {
  const signal = common(program.command("signal"))
    .description("attention probabilities and gradients of a language model, layer by layer")
    .option("--checkpoint <path>", `${CHECKPOINT}; without it, a new model of the recipe's size`, path)
    .option("--data <file>", "the text (default: that of the checkpoint's run)", path)
    .addOption(variantOption(", of a new model"))
    .option("--seed <n>", "seed of a new model", integer(0), 1)
    .action((options: Options) => {
      if (options.checkpoint === undefined) return showNew(options);
      const extra = ["variant", "seed"].find((name) => signal.getOptionValueSource(name) !== "default");
      if (extra !== undefined) throw new UserError(`--${extra} is of a new model, so not for --checkpoint`);
      return showTrained(options.checkpoint, options);
    });
}
