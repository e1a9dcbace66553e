import { options as checkOptions } from "../check.js";
import { integer } from "../check-number.js";
import { checkProbability, dropout } from "../nn/dropout.js";
import type { Module } from "../nn/module.js";
import type { Nn } from "../nn/nn.js";
import type { Value } from "../nn/value.js";

/**
 * Dropout in the forward pass of a loss, or of `logits` and `features`: of the embeddings, and of what attention and each feed-forward or convolution
 * part add to them (Vaswani et al., arXiv 1706.03762, section 5.4). Not in evaluation mode (`model.eval()`, of the model itself).
 *
 * @example const options: DropoutOptions = { dropout: 0.1, seed: 17 };
 */
export interface DropoutOptions {
  /** How likely an element is to become 0, from 0 to below 1. Default 0. */
  dropout?: number | undefined;
  /** Which ones do: an integer from 0 to 2^32 - 1, another one for every step, such as its number. Needed with any dropout above 0. */
  seed?: number | undefined;
}

/** What becomes of a part before it is added. */
export type Drop = (part: Value) => Value;

export const dropNone: Drop = (part) => part;

/** Dropout of one forward pass: the parts, in order, have masks of their own. */
export function dropOf(where: string, nn: Nn, { training }: Module, given: DropoutOptions = {}): Drop {
  checkOptions(where, given, ["dropout", "seed"]);
  const { dropout: p = 0, seed } = given;
  checkProbability(where, "dropout", p);
  if (seed !== undefined) integer(where, "seed", seed, 0, 2 ** 32 - 1);
  else if (p > 0) throw new TypeError(`${where}: dropout needs a seed`);
  if (seed === undefined || p === 0 || !training) return dropNone;
  let part = 0;
  return (x) => dropout(nn, x, p, [seed, part++]);
}
