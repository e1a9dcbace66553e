/** Hidden tokens filled in by a masked language model. */
import { options as checkOptions } from "../check.js";
import { integer, list } from "../check-number.js";
import { checkIds, checkOutside } from "../nn/check-nn.js";
import type { Nn } from "../nn/nn.js";
import { Bert } from "./bert.js";
import { modelOf } from "./check-models.js";
import { type Candidate, candidatesOf } from "./distribution.js";

/**
 * One hidden place of a row.
 *
 * @example const place: FilledPlace = { position: 2, candidates: [{ id: 5, probability: 0.9 }] };
 */
export interface FilledPlace {
  /** Where in the row. */
  readonly position: number;
  /** The best tokens, best first. The first is what `ids` has there. */
  readonly candidates: readonly Candidate[];
}

/**
 * What {@link fill} found for a row.
 *
 * @example const filled: Filled = { ids: Int32Array.of(1, 5), places: [] };
 */
export interface Filled {
  /** The row with the best token at each hidden place. */
  readonly ids: Int32Array;
  /** The hidden places, in order. */
  readonly places: readonly FilledPlace[];
}

/**
 * Options of {@link fill}.
 *
 * @example const options: FillOptions = { candidates: 3 };
 */
export interface FillOptions {
  /** How many tokens to list for each place. Default 5. */
  candidates?: number | undefined;
}

/**
 * Fills in the places of each row that hold `model.maskId`, all at once: each is judged by the tokens that are not hidden.
 * Probabilities are among all tokens but the mask itself, and sum to 1.
 *
 * @param model Of the same instance
 * @param rows Rows of token ids, each as long as it likes up to the context
 * @param options How many tokens for a place
 * @throws TypeError for a model of another instance, and inside of a step or of `evaluate`; RangeError for a row that is empty or too
 * long, an id that is no token, `candidates` below 1, or scores that are not finite
 *
 * @example
 * const masked = bert(nn, { vocabulary: 24, context: 8, width: 16, heads: 2, layers: 1, variant: "laser" });
 * const [row] = fill(nn, masked, [[4, 9, masked.maskId, 7]], { candidates: 3 });
 * row?.ids; // Int32Array [4, 9, the best token, 7]
 * row?.places[0]; // { position: 2, candidates: [{ id, probability }, ...] }
 */
export function fill(nn: Nn, model: Bert, rows: readonly ArrayLike<number>[], options: FillOptions = {}): Filled[] {
  const where = "fill";
  modelOf(where, nn, model, Bert, "bert");
  checkOutside(where, nn.engine.space);
  checkOptions(where, options, ["candidates"]);
  const { candidates = 5 } = options;
  integer(where, "candidates", candidates, 1);
  list(where, "rows", rows);
  const { vocabulary, context } = model.config;
  const { maskId } = model;
  const all = Array.from(rows, (row, n) => {
    const name = `rows[${n}]`;
    list(where, name, row);
    if (row.length === 0 || row.length > context) {
      throw new RangeError(`${where}: ${name} must have 1 to ${context} tokens (the context), got ${row.length}`);
    }
    return Int32Array.from(checkIds(where, row, row.length, vocabulary, 0, name));
  });
  return all.map((ids) => {
    const hidden = [...ids.keys()].filter((position) => ids[position] === maskId);
    if (hidden.length === 0) return { ids, places: [] };
    const scores = nn.evaluate(() => model.logits([ids], hidden).toArray());
    const places = hidden.map((position, n) => {
      // The mask is the last token: what is before it may stand there.
      const own = scores.subarray(n * vocabulary, n * vocabulary + maskId);
      return { position, candidates: candidatesOf(where, own, candidates) };
    });
    for (const { position, candidates: found } of places) ids[position] = found[0]!.id;
    return { ids, places };
  });
}
