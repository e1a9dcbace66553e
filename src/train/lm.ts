/** An autoregressive language model on a plain text, character by character. */
import { characterTokenizer, splitTokens, type WindowBatch, windowBatch } from "../data/text.js";
import { generate } from "../models/generate.js";
import { gpt } from "../models/gpt.js";
import type { Nn } from "../nn/nn.js";
import type { Random } from "../nn/random.js";
import type { Recipe, Task } from "./task.js";

const SAMPLE = 160;

/** Rows of a [batch, context] array. */
export const rowsOf = (all: Int32Array, context: number): Int32Array[] =>
  Array.from({ length: all.length / context }, (_, row) => all.subarray(row * context, (row + 1) * context));

/** Windows that lie side by side, from the first token on; at most `most` batches. */
export function windowsOf(ids: Int32Array, batch: number, context: number, most: number): WindowBatch[] {
  const rows = Math.min(Math.floor((ids.length - 1) / context), batch * most);
  const batches: WindowBatch[] = [];
  for (let row = 0; row < rows; row += batch) {
    const [from, to] = [row * context, Math.min(row + batch, rows) * context];
    batches.push({ inputs: ids.subarray(from, to), targets: ids.subarray(from + 1, to + 1) });
  }
  return batches;
}

/** Token ids for training and for validation. @throws RangeError for a text that is too short for the context */
export function splitText(text: string, context: number) {
  const tokenizer = characterTokenizer(text);
  const { train, validation } = splitTokens(tokenizer.encode(text));
  if (validation.length <= context) {
    const least = 10 * (context + 1);
    throw new RangeError(
      `the text must have ${least} characters for a context of ${context}, got ${train.length + validation.length}`,
    );
  }
  return { tokenizer, train, validation };
}

export function lmTask(nn: Nn, recipe: Recipe, text: string): Task {
  const { width, heads, layers, context, batch, evaluations, seed, variant } = recipe;
  const { tokenizer, train, validation } = splitText(text, context);
  const model = gpt(nn, { vocabulary: tokenizer.size, context, width, heads, layers, seed, variant });
  const held = windowsOf(validation, batch, context, evaluations);
  const lossOf = ({ inputs, targets }: WindowBatch) => model.loss(rowsOf(inputs, context), rowsOf(targets, context));
  return {
    ...{ model, measure: "validation loss", unit: "tokens" },
    extra: { vocabulary: tokenizer.vocabulary },
    batch(random: Random) {
      const windows = windowBatch(train, batch, context, random);
      return { tokens: batch * context, loss: () => lossOf(windows) };
    },
    evaluate() {
      let [sum, count] = [0, 0];
      for (const windows of held) {
        sum += nn.evaluate(() => lossOf(windows).item) * windows.inputs.length;
        count += windows.inputs.length;
      }
      return sum / count;
    },
    sample() {
      const prompt = validation.subarray(0, Math.min(16, context));
      const ids = [...generate(nn, model, prompt, { count: SAMPLE, temperature: 0.8, seed })];
      return tokenizer.decode(prompt) + tokenizer.decode(ids);
    },
  };
}
