import { options as checkOptions, oneOf } from "../check.js";
import { integer, list, real } from "../check-number.js";
import { type Activation, checkActivation } from "../nn/activation.js";
import { checkIds } from "../nn/check-nn.js";
import type { Variant } from "../types.js";

/**
 * Sizes that every model has.
 *
 * @example const sizes: ModelConfig = { width: 128, heads: 4, layers: 4, variant: "laser" };
 */
export interface ModelConfig {
  /** Width of the residual stream, a multiple of `heads`. */
  width: number;
  /** Attention heads. */
  heads: number;
  /** How many blocks. */
  layers: number;
  /** Which attention: "standard" or "laser". */
  variant: Variant;
  /** Seed of the first parameters. Default 1. */
  seed?: number | undefined;
}

/**
 * What the blocks of gpt, bert and vit may have of their own, as models of other programs do.
 *
 * @example const vision: BlockConfig = { width: 128, heads: 4, layers: 4, variant: "standard", activation: "gelu-erf", eps: 1e-12 };
 */
export interface BlockConfig extends ModelConfig {
  /** Activation of the feed-forward layers. Default "gelu", with tanh. */
  activation?: Activation | undefined;
  /** Added to the variance in all norms. Default 1e-5. */
  eps?: number | undefined;
}

/**
 * Checks what a model is made of, and returns a copy, with what is inherited too. Config: no unknown key, every size of `sizes` a positive
 * integer, width a multiple of heads. `blocks`: whether it is a BlockConfig.
 */
export function checkConfig<C extends ModelConfig>(
  where: string,
  config: C,
  sizes: readonly string[],
  blocks = true,
): Readonly<C> {
  if (config === undefined) throw new TypeError(`${where}: config must be an object, got undefined`);
  const names = [...sizes, "width", "heads", "layers"];
  const all = [...names, "variant", "seed", ...(blocks ? ["activation", "eps"] : [])];
  checkOptions(where, config, all, "config");
  const copy: Record<string, unknown> = {};
  for (const name of all) if (name in config) copy[name] = config[name as keyof C];
  for (const name of names) integer(where, name, copy[name], 1);
  const { width, heads, variant, activation, eps } = copy as unknown as BlockConfig;
  if (width % heads !== 0) {
    throw new RangeError(`${where}: width must be a multiple of heads (${heads}), got ${width}`);
  }
  oneOf(where, "variant", variant, ["standard", "laser"]);
  if (activation !== undefined) checkActivation(where, activation);
  if (eps !== undefined) real(where, "eps", eps, 0);
  return Object.freeze(copy as unknown as C);
}

/**
 * Rows and columns of a batch of equally long rows of ids, of a context that begins with `before` others.
 * @throws RangeError for none, or rows of different lengths
 */
export function batchOf(
  where: string,
  name: string,
  rows: readonly ArrayLike<number>[],
  context: number,
  before = 0,
): [B: number, N: number] {
  list(where, name, rows);
  for (let b = 0; b < rows.length; b++) list(where, `${name}[${b}]`, rows[b]);
  const B = rows.length;
  const N = rows[0]?.length ?? 0;
  if (B === 0 || N === 0) {
    const got = B === 0 ? "no rows" : `${B} rows, the first of no ids`;
    throw new RangeError(`${where}: ${name} must not be empty, got ${got}`);
  }
  const other = Array.from(rows).find((row) => row.length !== N);
  if (other !== undefined)
    throw new RangeError(`${where}: ${name} must have rows of ${N} like the first, got ${other.length}`);
  if (N > context - before) {
    const what = `the context${before > 0 ? ` of ${context} has ${before} in the caches` : ""}`;
    throw new RangeError(`${where}: ${name} must have rows of at most ${context - before} (${what}), got ${N}`);
  }
  return [B, N];
}

/** A copy of all ids of a checked batch, from `least` to `end` - 1, one row after the other. @throws RangeError that names the row */
export const idsOf = (
  where: string,
  name: string,
  rows: readonly ArrayLike<number>[],
  N: number,
  end: number,
  least = 0,
): number[] => Array.from(rows, (row, b) => checkIds(where, row, N, end, least, `${name}[${b}]`)).flat();

/** The targets of a batch: as many rows, as long, with -1 where there is none. */
export function targetsOf(
  where: string,
  targets: readonly ArrayLike<number>[],
  ids: readonly ArrayLike<number>[],
  end: number,
): number[] {
  const [B, N] = batchOf(where, "targets", targets, Number.POSITIVE_INFINITY);
  if (B !== ids.length || N !== ids[0]?.length) {
    throw new RangeError(
      `${where}: targets must be ${ids.length} rows of ${ids[0]?.length} like ids, got ${B} of ${N}`,
    );
  }
  return idsOf(where, "targets", targets, N, end, -1);
}
