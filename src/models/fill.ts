/** Hidden tokens filled in by a masked language model. */
import { options as checkOptions } from "../check.js";
import { integer } from "../check-number.js";
import { ids as checkIds, list } from "../nn/check-nn.js";
import type { Nn } from "../nn/nn.js";
import { Bert } from "./bert.js";
import { modelOf } from "./check-models.js";
import { best, type Candidate, softmax } from "./distribution.js";

/** One hidden place of a row. */
export interface FilledPlace {
  /** Where in the row. */
  readonly position: number;
  /** The best tokens, best first. The first is what `ids` has there. */
  readonly candidates: readonly Candidate[];
}

/** What {@link fill} found for a row. */
export interface Filled {
  /** The row with the best token at each hidden place. */
  readonly ids: Int32Array;
  readonly places: readonly FilledPlace[];
}

/**
 * Fills in the places of each row that hold `model.maskId`, all at once: each is judged by the tokens that are not hidden.
 * Probabilities are among all tokens but the mask itself, and sum to 1.
 *
 * @param rows Rows of token ids, each as long as it likes up to the context
 * @param options `candidates`: how many tokens to list for each place, 5 by default
 *
 * @example
 * const hidden = tokenizer.encode("To be or not");
 * hidden[10] = model.maskId;
 * const [{ ids, places }] = fill(nn, model, [hidden], { candidates: 3 });
 * tokenizer.decode(ids);
 * places[0]; // { position: 10, candidates: [{ id: 53, probability: 0.91 }, ...] }
 */
export function fill(
  nn: Nn,
  model: Bert,
  rows: readonly ArrayLike<number>[],
  options: { candidates?: number | undefined } = {},
): Filled[] {
  const where = "fill";
  modelOf(where, nn, model, Bert, "bert");
  checkOptions(where, options, ["candidates"]);
  const { candidates = 5 } = options;
  integer(where, "candidates", candidates, 1);
  list(where, "rows", rows);
  const { vocabulary, context } = model.config;
  const { maskId } = model;
  for (const [n, row] of rows.entries()) {
    list(where, `rows[${n}]`, row);
    integer(where, `the length of rows[${n}]`, row.length, 1, context);
    checkIds(where, row, row.length, vocabulary);
  }
  return rows.map((row) => {
    const ids = Int32Array.from(row);
    const hidden = [...ids.keys()].filter((position) => ids[position] === maskId);
    if (hidden.length === 0) return { ids, places: [] };
    const scores = nn.evaluate(() => model.logits([row]).toArray());
    const places = hidden.map((position) => {
      // The mask is the last token: what is before it may stand there.
      const own = scores.subarray(position * vocabulary, position * vocabulary + maskId);
      const probabilities = softmax(where, own);
      const found = best(own, candidates).map((id) => ({ id, probability: probabilities[id]! }));
      return { position, candidates: found };
    });
    for (const { position, candidates: found } of places) ids[position] = found[0]!.id;
    return { ids, places };
  });
}
