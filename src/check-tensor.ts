import { alive, show } from "./check.js";
import { overlaps, repeats } from "./overlap.js";
import { batchAxes, broadcast, type Shape, sameShape } from "./shape.js";
import type { Space } from "./space.js";
import { type AnyTensor, Tensor } from "./tensor.js";
import type { DType } from "./types.js";

/** A tensor of this instance with the expected element type, not disposed. */
export function operand<T extends DType>(
  where: string,
  name: string,
  value: unknown,
  dtype: T,
  space: Space,
): asserts value is Tensor<T> {
  if (!Tensor.is(value)) throw new TypeError(`${where}: ${name} must be a tensor, got ${show(value, Tensor)}`);
  if (value.storage.space !== space) {
    throw new TypeError(`${where}: ${name} must be a tensor of this instance, got one of another instance`);
  }
  alive(where, name, value);
  if (value.dtype !== dtype) throw new TypeError(`${where}: ${name} must have dtype "${dtype}", got "${value.dtype}"`);
}

export function rank(where: string, name: string, { shape }: AnyTensor, expected: number): void {
  if (shape.length === expected) return;
  throw new RangeError(`${where}: ${name} must have rank ${expected}, got ${show(shape)}`);
}

export function rankAtLeast(where: string, name: string, { shape }: AnyTensor, least: number): void {
  if (shape.length >= least) return;
  throw new RangeError(`${where}: ${name} must have rank ${least} or more, got ${show(shape)}`);
}

export function shapeIs(where: string, name: string, { shape }: AnyTensor, expected: Shape): void {
  if (sameShape(shape, expected)) return;
  throw new RangeError(`${where}: ${name} must have shape ${show(expected)}, got ${show(shape)}`);
}

/** Kernels step over rows, not within them. */
export function innermost(where: string, name: string, { shape, strides }: AnyTensor): void {
  const last = shape.length - 1;
  if (shape[last]! <= 1 || strides[last] === 1 || shape.includes(0)) return;
  throw new RangeError(`${where}: ${name} must be contiguous along its last axis, got strides ${show(strides)}`);
}

/** The leading sizes of a product, all axes but the last two of both factors broadcast. */
export function leading(where: string, a: Shape, b: Shape): number[] {
  const shape = broadcast(batchAxes(a), batchAxes(b));
  if (shape !== undefined) return shape;
  throw new RangeError(`${where}: leading sizes of a and b must be equal or 1, got ${show(a)} and ${show(b)}`);
}

export function inner(where: string, k: number, kB: number, a: Shape, b: Shape): void {
  if (k === kB) return;
  throw new RangeError(
    `${where}: a and b must agree in the summed size, got ${k} from a ${show(a)} and ${kB} from b ${show(b)}`,
  );
}

/** A tensor to write to: each of its elements once, and none of them an element of one of `others`. */
export function writable(
  where: string,
  name: string,
  target: AnyTensor,
  others: Readonly<Record<string, AnyTensor | undefined>>,
): void {
  if (repeats(target)) {
    throw new RangeError(`${where}: ${name} must hold each element once, got strides ${show(target.strides)}`);
  }
  for (const other in others) {
    const tensor = others[other];
    if (tensor !== undefined && overlaps(target, tensor)) {
      throw new RangeError(`${where}: ${name} must share no element with ${other}, got overlapping views`);
    }
  }
}
