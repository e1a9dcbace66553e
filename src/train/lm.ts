/** An autoregressive language model on a plain text, token by token: characters, or bytes. */

import type { Random } from "../data/random.js";
import { characterTokenizer, type Tokenizer, type WindowBatch, windowBatch } from "../data/text.js";
import type { DropoutOptions } from "../models/dropout.js";
import { generate } from "../models/generate.js";
import { gpt } from "../models/gpt.js";
import type { Nn } from "../nn/nn.js";
import type { Recipe, Task } from "./task.js";
import { extraOf, meanLoss, rowsOf, splitText, tokensOf, windowsOf } from "./text.js";

const SAMPLE = 160;

export function lmTask(nn: Nn, recipe: Recipe, text: string, tokenizer: Tokenizer = characterTokenizer(text)): Task {
  const { width, heads, layers, context, batch, evaluations, seed, variant } = recipe;
  const { train, validation } = splitText(text, context, tokenizer);
  const model = gpt(nn, { vocabulary: tokenizer.size, context, width, heads, layers, seed, variant });
  const held = windowsOf(validation, batch, context, evaluations);
  const lossOf = ({ inputs, targets }: WindowBatch, options?: DropoutOptions) =>
    model.loss(rowsOf(inputs, context), rowsOf(targets, context), options);
  return {
    model,
    ...(tokensOf(tokenizer) === "bytes"
      ? { measure: "validation loss of a byte", unit: "bytes" }
      : { measure: "validation loss", unit: "tokens" }),
    extra: extraOf(tokenizer),
    batch(random: Random) {
      const windows = windowBatch(train, batch, context, random);
      return { tokens: batch * context, loss: (options) => lossOf(windows, options) };
    },
    evaluate: () => meanLoss(nn, held, lossOf, ({ inputs }) => inputs.length),
    sample() {
      const prompt = validation.subarray(0, Math.min(16, context));
      return tokenizer.decode([...prompt, ...generate(nn, model, prompt, { count: SAMPLE, temperature: 0.8, seed })]);
    },
  };
}
