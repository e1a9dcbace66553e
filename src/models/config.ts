import { show } from "../check.js";
import { list, training } from "../nn/check-nn.js";
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
  seed?: number;
}

/** Checks what a model is made of. Config: no unknown key, every size of `sizes` a positive integer, width a multiple of heads. */
export function checkConfig(where: string, nn: unknown, config: object, sizes: readonly string[]): void {
  training(where, nn);
  if (typeof config !== "object" || config === null) {
    throw new TypeError(`${where}: config must be an object, got ${show(config)}`);
  }
  const given = config as Record<string, unknown>;
  const names = [...sizes, "width", "heads", "layers"];
  const unknown = Object.keys(given).filter((key) => ![...names, "variant", "seed"].includes(key));
  if (unknown.length > 0) {
    throw new TypeError(
      `${where}: config must have ${[...names, "variant", "seed"].join(", ")}, got ${unknown.join(", ")}`,
    );
  }
  for (const name of names) {
    const value = given[name];
    if (!Number.isInteger(value) || (value as number) < 1) {
      throw new RangeError(`${where}: ${name} must be an integer of 1 or more, got ${show(value)}`);
    }
  }
  const { width, heads, variant } = given as unknown as ModelConfig;
  if (width % heads !== 0) {
    throw new RangeError(`${where}: width must be a multiple of heads (${heads}), got ${width}`);
  }
  if (variant !== "standard" && variant !== "laser") {
    throw new TypeError(`${where}: variant must be "standard" or "laser", got ${show(variant)}`);
  }
}

/** Rows and columns of a batch of equally long rows of ids. @throws RangeError for none, or rows of different lengths */
export function batchOf(where: string, rows: readonly ArrayLike<number>[], most: number): [B: number, N: number] {
  list(where, "rows", rows);
  for (let b = 0; b < rows.length; b++) list(where, `row ${b}`, rows[b]);
  const B = rows.length;
  const N = rows[0]?.length ?? 0;
  if (B === 0 || N === 0) throw new RangeError(`${where}: the batch must not be empty`);
  const other = rows.find((row) => row.length !== N);
  if (other !== undefined) throw new RangeError(`${where}: rows must be ${N} long like the first, got ${other.length}`);
  if (N > most) throw new RangeError(`${where}: rows must be at most ${most} long (the context), got ${N}`);
  return [B, N];
}

/** All ids of a checked batch, one after the other: as they are, for the operation that takes them to check. */
export const flat = (rows: readonly ArrayLike<number>[]): number[] => rows.flatMap((row) => Array.from(row));

/** The targets of a batch: as many rows, as long. */
export function targetsOf(
  where: string,
  targets: readonly ArrayLike<number>[],
  ids: readonly ArrayLike<number>[],
): number[] {
  const [B, N] = batchOf(`${where}: targets`, targets, Number.POSITIVE_INFINITY);
  if (B !== ids.length || N !== ids[0]?.length) {
    throw new RangeError(
      `${where}: targets must be ${ids.length} rows of ${ids[0]?.length} like ids, got ${B} of ${N}`,
    );
  }
  return flat(targets);
}
