/** laser-attention signal: what of the gradient gets through attention, layer by layer. */
import type { Command } from "commander";
import { characterTokenizer } from "../data/text.js";
import { type Gpt, gpt } from "../models/gpt.js";
import { restore } from "../models/restore.js";
import type { Nn } from "../nn/nn.js";
import type { Variant } from "../types.js";
import { readText } from "./data.js";
import { UserError } from "./files.js";
import { type LayerSignal, layerSignals } from "./layer-signal.js";
import { type Common, common, createNn, integer, variantOption } from "./options.js";
import { readCheckpoint } from "./train.js";

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

export function formatSignals(layers: readonly LayerSignal[]): string {
  const rows = [COLUMNS.map(([title]) => title), ...layers.map((layer) => COLUMNS.map(([, cell]) => cell(layer)))];
  const widths = COLUMNS.map((_, n) => Math.max(...rows.map((row) => row[n]!.length)));
  return rows.map((row) => row.map((cell, n) => cell.padStart(widths[n]!)).join("  ")).join("\n");
}

/** The model and the text to look at: from a checkpoint, or a new one of the recipe's size. */
function subject(nn: Nn, { checkpoint: file, data, variant, seed }: Options) {
  if (file === undefined) {
    if (data === undefined) throw new UserError("--checkpoint FILE or --data TEXT is missing: what to look at");
    const text = readText(data);
    const tokenizer = characterTokenizer(text);
    const model = gpt(nn, { ...FRESH, vocabulary: tokenizer.size, variant, seed });
    return { model, ids: tokenizer.encode(text), about: `a new model, seed ${seed}, on ${data}` };
  }
  const checkpoint = readCheckpoint(file);
  if (checkpoint.family !== "gpt") throw new UserError(`${file} must hold a language model of train lm`);
  const { vocabulary, data: path = data } = checkpoint.extra as { vocabulary?: string; data?: string };
  const from = data ?? path;
  if (vocabulary === undefined || from === undefined) throw new UserError(`${file} was not written by train`);
  const text = readText(from);
  const model = restore(nn, checkpoint) as Gpt;
  return { model, ids: characterTokenizer(vocabulary).encode(text), about: `${file} on ${from}` };
}

export function addSignal(program: Command): void {
  common(program.command("signal"))
    .description("attention probabilities and gradients of a language model, layer by layer (the paper's figure 1)")
    .option("--checkpoint <file>", "a file that train lm wrote; without it, a new model of the recipe's size")
    .option("--data <file>", "the text; default: that of the checkpoint's run")
    .addOption(variantOption.default("laser"))
    .option("--seed <n>", "seed of a new model", integer(0), 1)
    .action(async (options: Options) => {
      const nn = await createNn(options.threads);
      try {
        const { model, ids, about } = subject(nn, options);
        const layers = layerSignals(nn, model, ids);
        if (options.json) return console.log(JSON.stringify({ about, variant: model.config.variant, layers }));
        console.log(`${about}, ${model.config.variant} attention, the last ${model.config.context} tokens`);
        console.log(formatSignals(layers));
        console.log("|do/ds|: mean size of the derivative of an output by a score, with the model's own q, k and v.");
      } finally {
        nn.dispose();
      }
    });
}
