/** A text as rows of token ids, for lm and bert. */
import type { CharacterTokenizer, Tokenizer, WindowBatch } from "../data/text.js";
import type { Loss } from "../nn/loss.js";
import type { Nn } from "../nn/nn.js";

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

/** The mean loss of all tokens that have one: batches may have different counts of them. */
export function meanLoss<B>(
  nn: Nn,
  batches: readonly B[],
  lossOf: (batch: B) => Loss,
  countOf: (batch: B) => number,
): number {
  let [sum, count] = [0, 0];
  for (const batch of batches) {
    sum += nn.evaluate(() => lossOf(batch).item) * countOf(batch);
    count += countOf(batch);
  }
  return sum / count;
}

const hasVocabulary = (tokenizer: Tokenizer): tokenizer is CharacterTokenizer => "vocabulary" in tokenizer;

/** What the tokens are. */
export const tokensOf = (tokenizer: Tokenizer) => (hasVocabulary(tokenizer) ? "characters" : "bytes");

/** What a checkpoint says of a tokenizer: `tokenizerOf` in cli/model.ts makes it again. */
export const extraOf = (tokenizer: Tokenizer) =>
  hasVocabulary(tokenizer) ? { vocabulary: tokenizer.vocabulary } : { tokens: tokensOf(tokenizer) };

/** Token ids for training and for validation. @throws RangeError for a text that is too short for the context */
export function splitText(text: string, context: number, tokenizer: Tokenizer) {
  const ids = tokenizer.encode(text);
  const cut = Math.floor(ids.length * 0.9);
  const [train, validation] = [ids.subarray(0, cut), ids.subarray(cut)];
  if (validation.length <= context) {
    const least = 10 * (context + 1);
    const why = `its last tenth is held out and must have ${context + 1}`;
    throw new RangeError(
      `train: the text must have ${least} ${tokensOf(tokenizer)} for a context of ${context} (${why}), got ${ids.length}`,
    );
  }
  return { train, validation };
}
