/**
 * Arithmetic on shapes and strides, both in elements. What every call uses reads them by index: V8 takes its slow path for methods and
 * destructuring of frozen arrays, which they are (docs/design.md, "Small calls").
 */

export type Shape = readonly number[];

export const ITEM_BYTES = { f32: 4, u8: 1 } as const;

/** Bytes that 32-bit pointers reach. */
export const ADDRESS_SPACE = 2 ** 32;

/** Bytes of a page, by which linear memory grows. */
export const PAGE = 65536;

/** The number of elements. A zero anywhere wins over sizes whose product would be infinite. */
export function count(shape: Shape): number {
  let product = 1;
  for (let axis = 0; axis < shape.length; axis++) {
    const size = shape[axis]!;
    if (size === 0) return 0;
    product *= size;
  }
  return product;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a.length !== b.length) return false;
  for (let axis = 0; axis < a.length; axis++) if (a[axis] !== b[axis]) return false;
  return true;
}

/** Sizes or strides of all axes but the last two. */
export function batchAxes(shape: Shape): number[] {
  const batch: number[] = [];
  for (let axis = 0; axis < shape.length - 2; axis++) batch.push(shape[axis]!);
  return batch;
}

/** Row-major strides: the last axis is contiguous. */
export function rowMajor(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= Math.max(1, shape[axis]!);
  }
  return strides;
}

/** Whether the elements lie one after the other; axes of size 1 have no say. */
export function isContiguous(shape: Shape, strides: Shape): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis]!;
    if (size === 1) continue;
    if (strides[axis] !== expected) return count(shape) === 0;
    expected *= size;
  }
  return true;
}

/** Elements from the first one to the last one, both included. */
export function extent(shape: Shape, strides: Shape): number {
  let end = 1;
  for (let axis = 0; axis < shape.length; axis++) {
    const size = shape[axis]!;
    if (size === 0) return 0;
    end += (size - 1) * strides[axis]!;
  }
  return end;
}

/** NumPy's rule: aligned at the last axis, equal or 1. undefined when the two do not fit. */
export function broadcast(a: Shape, b: Shape): number[] | undefined {
  const rank = Math.max(a.length, b.length);
  const shape: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const x = a[axis - rank + a.length] ?? 1;
    const y = b[axis - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return undefined;
    shape.push(x === 1 ? y : x);
  }
  return shape;
}

/** Strides of a tensor of `shape` read as `target`: 0 along every axis that is repeated. */
export function broadcastStrides(shape: Shape, strides: Shape, target: Shape): number[] {
  const missing = target.length - shape.length;
  return target.map((_, axis) => (axis < missing || shape[axis - missing] === 1 ? 0 : strides[axis - missing]!));
}

/** Calls `visit` with the offset of every index of `shape`, row-major, for each of the stride lists. */
export function forEachOffset(shape: Shape, strides: readonly Shape[], visit: (offsets: number[]) => void): void {
  if (shape.includes(0)) return;
  const index = shape.map(() => 0);
  const offsets = strides.map(() => 0);
  for (;;) {
    visit(offsets);
    let axis = shape.length - 1;
    for (; axis >= 0; axis--) {
      index[axis]!++;
      for (let t = 0; t < strides.length; t++) offsets[t]! += strides[t]![axis]!;
      if (index[axis]! < shape[axis]!) break;
      for (let t = 0; t < strides.length; t++) offsets[t]! -= shape[axis]! * strides[t]![axis]!;
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}
