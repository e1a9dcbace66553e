/** Checks of what the operations of `laser-attention/nn` are given, in the manner of src/check.ts. */
import { contiguous, kindOf, show } from "../check.js";
import { list } from "../check-number.js";
import { operand, rank, rankAtLeast, shapeIs } from "../check-tensor.js";
import { count, type Shape } from "../shape.js";
import type { Space } from "../space.js";
import { type AnyTensor, Tensor } from "../tensor.js";
import { Loss } from "./loss.js";
import type { Nn } from "./nn.js";
import { Parameter, Value } from "./value.js";

/** All instances: told by this and not by their class, which is most of the package. */
const instances = new WeakSet<object>();

export function register(nn: Nn): void {
  instances.add(nn);
}

/** An instance for training, as `create` and `createSync` of this copy of laser-attention/nn give it. */
export function checkInstance(where: string, given: unknown): asserts given is Nn {
  if (instances.has(given as object)) return;
  const other = typeof given === "object" && given !== null && "tape" in given;
  const got = other ? "one of another copy" : show(given);
  throw new TypeError(`${where}: nn must be an instance of laser-attention/nn, got ${got}`);
}

/** What a step must not do: its memory ends with it, and its backward pass wants parameters as the forward pass read them. */
export function checkOutside(where: string, { source }: Space): void {
  if (source !== undefined) throw new TypeError(`${where}: must be called outside of a step, and of evaluate`);
}

/**
 * A value of this instance that has not ended with its step, of so many axes; one axis at least if nothing is said. In a step no loss from
 * outside: it would be a constant, which adds to the number and has no gradient.
 */
export function checkValue(where: string, name: string, nn: Nn, given: unknown, axes?: number | "any"): void {
  checkInstance(where, nn);
  if (!Value.is(given)) {
    const made = given instanceof Tensor ? ": nn.input makes values" : "";
    throw new TypeError(`${where}: ${name} must be a value, got ${show(given, Value)}${made}`);
  }
  operand(where, name, given.tensor, "f32", nn.engine.space);
  if (axes === undefined) rankAtLeast(where, name, given.tensor, 1);
  else if (axes !== "any") rank(where, name, given.tensor, axes);
  if (nn.tape.recording && given instanceof Loss && given.tensor.storage.source === undefined)
    throw new TypeError(
      `${where}: ${name} must be made inside of the step, got a loss from outside, which has no gradients`,
    );
}

/** A parameter of this instance with these sizes; null stands for any size. */
export function checkParameter(
  where: string,
  name: string,
  nn: Nn,
  given: unknown,
  sizes: readonly (number | null)[],
): void {
  checkInstance(where, nn);
  if (!(Value.is(given) && given instanceof Parameter))
    throw new TypeError(`${where}: ${name} must be a parameter, got ${show(given, Parameter)}`);
  operand(where, name, given.tensor, "f32", nn.engine.space);
  const { shape } = given;
  if (shape.length === sizes.length && sizes.every((size, axis) => size === null || size === shape[axis])) return;
  const expected = sizes.map((size) => size ?? "any").join(", ");
  throw new RangeError(`${where}: ${name} must have shape [${expected}], got ${show(shape)}`);
}

/** A mask of bytes, one after the other: of this shape, or of so many elements. */
export function checkKeep(where: string, { engine }: Nn, given: unknown, expected: Shape | number): void {
  operand(where, "keep", given, "u8", engine.space);
  const { shape } = given as Tensor<"u8">;
  contiguous(where, "keep", given as Tensor<"u8">);
  if (typeof expected === "number" && count(shape) !== expected) {
    throw new RangeError(`${where}: keep must have ${expected} elements, got ${show(shape)}`);
  }
  if (typeof expected !== "number") shapeIs(where, "keep", given as Tensor<"u8">, expected);
}

/** What a backward pass reads: whoever disposed it in the meantime made room for other elements there. */
export function checkUndisposed(where: string, read: Readonly<Record<string, AnyTensor | undefined>>): void {
  for (const name in read) {
    if (read[name]?.alive === false)
      throw new TypeError(`${where}: ${name} is disposed, and its gradients are not taken yet`);
  }
}

/** The last axis of a shape. */
export function checkFeatures(where: string, name: string, shape: Shape, size: number): void {
  if (shape.length > 0 && shape.at(-1) === size) return;
  throw new RangeError(`${where}: ${name} must have ${size} on its last axis, got ${show(shape)}`);
}

/** Numbers that lie in this instance's memory, as `data` of a tensor does, copied: the next allocation may detach them. */
export function own<T>({ engine }: Nn, given: T): T {
  if (kindOf(given) === undefined) return given;
  const array = given as unknown as Float32Array;
  if (!engine.space.arena.holds(array)) return given;
  return Uint8Array.prototype.slice.call(array) as unknown as T; // of any kind; a Buffer's own slice is a view
}

/** The same of the rows of a batch. */
export const ownRows = <T>(nn: Nn, rows: T): T =>
  Array.isArray(rows) ? (rows.map((row) => own(nn, row)) as unknown as T) : rows;

/** A copy of integers from `least` to `end` - 1, `count` of them or any number: what is checked is what kernels read. */
export function checkIds(
  where: string,
  values: ArrayLike<number>,
  count: number | undefined,
  end: number,
  least = 0,
  name = "ids",
): number[] {
  list(where, name, values);
  const { length } = values;
  if (length !== (count ?? length)) throw new RangeError(`${where}: there must be ${count} ${name}, got ${length}`);
  const checked: number[] = [];
  for (let i = 0; i < length; i++) {
    const id = values[i]!;
    if (!(Number.isInteger(id) && id >= least && id < end)) {
      const Wrong = typeof id === "number" ? RangeError : TypeError;
      throw new Wrong(`${where}: ${name} must be integers from ${least} to ${end - 1}, got ${show(id)} at ${i}`);
    }
    checked.push(id);
  }
  return checked;
}
