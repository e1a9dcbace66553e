/** A masked language model on a plain text: 15 % of the tokens are hidden, all behind the mask token. */

import { Random } from "../data/random.js";
import { characterTokenizer, type Tokenizer, windowBatch } from "../data/text.js";
import { bert } from "../models/bert.js";
import type { DropoutOptions } from "../models/dropout.js";
import { fill } from "../models/fill.js";
import type { Nn } from "../nn/nn.js";
import type { Recipe, Task } from "./task.js";
import { extraOf, meanLoss, rowsOf, splitText, windowsOf } from "./text.js";

const HIDDEN = 0.15;
/** What a hole is shown as in samples. */
const HOLE = "\u2591";

interface Masked {
  readonly inputs: Int32Array;
  readonly targets: Int32Array;
  readonly count: number;
}

/** Hides 15 % of the tokens, one at least. */
function hide(ids: Int32Array, maskId: number, random: Random): Masked {
  const inputs = ids.slice();
  const targets = new Int32Array(ids.length).fill(-1);
  let count = 0;
  for (let n = 0; n < ids.length; n++) {
    if (random.uniform() >= HIDDEN && !(count === 0 && n === ids.length - 1)) continue;
    targets[n] = ids[n]!;
    inputs[n] = maskId;
    count++;
  }
  return { inputs, targets, count };
}

/** The batch of a step. */
export function maskedBatch(train: Int32Array, { batch, context }: Recipe, maskId: number, random: Random): Masked {
  return hide(windowBatch(train, batch, context, random).inputs, maskId, random);
}

export function bertTask(nn: Nn, recipe: Recipe, text: string, tokenizer: Tokenizer = characterTokenizer(text)): Task {
  const { width, heads, layers, context, batch, evaluations, seed, variant } = recipe;
  const { train, validation } = splitText(text, context, tokenizer);
  const model = bert(nn, { vocabulary: tokenizer.size + 1, context, width, heads, layers, seed, variant });
  // The same holes at every evaluation, and for both variants.
  const holes = new Random(0);
  const held = windowsOf(validation, batch, context, evaluations).map(({ inputs }) =>
    hide(inputs, model.maskId, holes),
  );
  const lossOf = ({ inputs, targets }: Masked, options?: DropoutOptions) =>
    model.loss(rowsOf(inputs, context), rowsOf(targets, context), options);
  return {
    ...{ model, measure: "masked validation loss", unit: "tokens" },
    extra: extraOf(tokenizer),
    batch(random: Random) {
      const masked = maskedBatch(train, recipe, model.maskId, random);
      return { tokens: batch * context, loss: (options) => lossOf(masked, options) };
    },
    evaluate: () => meanLoss(nn, held, lossOf, ({ count }) => count),
    sample() {
      const row = held[0]!.inputs.subarray(0, context);
      const shown = Array.from(row, (id) => (id === model.maskId ? HOLE : tokenizer.decode([id]))).join("");
      return `${shown}\n${tokenizer.decode(fill(nn, model, [row])[0]!.ids)}`;
    },
  };
}
