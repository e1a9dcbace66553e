/** Checks of what the operations of `laser-attention/nn` are given, in the manner of src/check.ts. */
import { show } from "../check.js";
import type { Shape } from "../shape.js";

/** The last axis of a shape. */
export function features(where: string, name: string, shape: Shape, size: number): void {
  if (shape.length > 0 && shape.at(-1) === size) return;
  throw new RangeError(`${where}: ${name} must have ${size} on its last axis, got ${show(shape)}`);
}

export function sameShape(where: string, name: string, got: Shape, expected: Shape): void {
  if (got.length === expected.length && got.every((size, axis) => size === expected[axis])) return;
  throw new RangeError(`${where}: ${name} must have the shape ${show(expected)}, got ${show(got)}`);
}

/** `count` integers from `least` to `end` - 1. */
export function ids(where: string, values: ArrayLike<number>, count: number, end: number, least = 0): void {
  if (values.length !== count) throw new RangeError(`${where}: there must be ${count} ids, got ${values.length}`);
  for (let i = 0; i < count; i++) {
    const id = values[i]!;
    if (!Number.isInteger(id) || id < least || id >= end) {
      throw new RangeError(`${where}: ids must be integers from ${least} to ${end - 1}, got ${id} at ${i}`);
    }
  }
}
