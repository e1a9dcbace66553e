/** Checks of single numbers, bytes, text and lists, for what lies around the kernels (src/nn, src/data). Messages as in check.ts. */
import { show, tag, withArticle } from "./check.js";

/** An integer from `least` to `most`, both included. */
export function integer(
  where: string,
  name: string,
  value: unknown,
  least: number,
  most: number = Number.MAX_SAFE_INTEGER,
): asserts value is number {
  if (typeof value !== "number") throw new TypeError(`${where}: ${name} must be a number, got ${show(value)}`);
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  const range = most === Number.MAX_SAFE_INTEGER ? `of ${least} or more` : `from ${least} to ${most}`;
  throw new RangeError(`${where}: ${name} must be an integer ${range}, got ${value}`);
}

/** A finite number from `least` to `most`, both included. */
export function real(
  where: string,
  name: string,
  value: unknown,
  least: number = Number.NEGATIVE_INFINITY,
  most: number = Number.POSITIVE_INFINITY,
): asserts value is number {
  if (typeof value !== "number") throw new TypeError(`${where}: ${name} must be a number, got ${show(value)}`);
  if (Number.isFinite(value) && value >= least && value <= most) return;
  const range =
    most < Number.POSITIVE_INFINITY
      ? ` from ${least} to ${most}`
      : Number.isFinite(least)
        ? ` of ${least} or more`
        : "";
  throw new RangeError(`${where}: ${name} must be a finite number${range}, got ${value}`);
}

export function string(where: string, name: string, value: unknown): asserts value is string {
  if (typeof value !== "string") throw new TypeError(`${where}: ${name} must be a string, got ${show(value)}`);
}

/** Something with a length and elements, as arrays and typed arrays have them. */
export function list(where: string, name: string, given: unknown): asserts given is ArrayLike<unknown> {
  const length = typeof given === "object" ? (given as { length?: unknown } | null)?.length : undefined;
  if (Number.isInteger(length) && (length as number) >= 0 && (length as number) < 2 ** 32) return;
  throw new TypeError(`${where}: ${name} must be an array, got ${show(given)}`);
}

/** A typed array of one of these kinds, whichever realm it comes from. */
export function arrayOf(where: string, name: string, value: unknown, ...kinds: readonly string[]): void {
  if (kinds.includes(tag(value))) return;
  throw new TypeError(`${where}: ${name} must be ${kinds.map(withArticle).join(" or ")}, got ${show(value)}`);
}

/** The bytes of a file: a Uint8Array, which a Buffer of Node is too, or an ArrayBuffer. Not copied. None of a detached one. */
export function bytesOf(where: string, name: string, value: unknown): Uint8Array {
  arrayOf(where, name, value, "Uint8Array", "ArrayBuffer");
  if (tag(value) !== "ArrayBuffer") return value as Uint8Array;
  const buffer = value as ArrayBuffer;
  return buffer.byteLength === 0 ? new Uint8Array() : new Uint8Array(buffer);
}
