import * as check from "./check.js";
import type { Disposing } from "./disposable.js";
import { count, extent, forEachOffset, ITEM_BYTES, isContiguous, rowMajor, type Shape } from "./shape.js";
import type { Storage } from "./space.js";
import type { Copied, Data, DType } from "./types.js";

/** Live arrays keep their storage: a tensor that is dropped while its `data` is in use must not be collected. */
const held = new WeakMap<object, Storage>();

/** Under this name an object has the tensors that are in its private fields, for `scope`. @internal */
export const INSIDE = Symbol("tensors inside");

/**
 * A tensor of either element type.
 *
 * @example
 * const release = (tensors: AnyTensor[]) => tensors.forEach((tensor) => tensor.dispose());
 */
export type AnyTensor = Tensor<"f32"> | Tensor<"u8">;

/**
 * A strided array in the linear memory of one instance. Made by `la.tensor`, `la.zeros`, `la.empty` and by every
 * operation; never constructed directly. A tensor owns its memory until `dispose()`; `narrow` and `view` make views
 * that share it and end with it: using a disposed tensor, or a view of one, throws a TypeError.
 * `using t = la.zeros([2])` disposes t at the end of the block, where the engine has `using`.
 *
 * @example
 * const qkv = la.tensor(new Float32Array(2 * 8 * 3 * 4), [2, 8, 3, 4]);
 * const k = qkv.narrow(2, 1, 1); // [2, 8, 1, 4], no copy
 * qkv.dispose();
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: complete() in Space makes what the interface promises
export class Tensor<T extends DType = "f32"> {
  /** Sizes of the axes. */
  readonly shape: readonly number[];
  /** Distance between neighbours along each axis, in elements. */
  readonly strides: readonly number[];
  /** "f32" or "u8". */
  readonly dtype: T;
  // Not for consoles, JSON and copies.
  readonly #storage: Storage;
  readonly #offset: number;
  #owner: boolean;
  #disposed = false;

  /** @internal */
  constructor(storage: Storage, dtype: T, shape: Shape, strides: Shape, offset: number, owner: boolean) {
    this.#storage = storage;
    this.dtype = dtype;
    this.shape = Object.freeze(shape);
    this.strides = Object.freeze(strides);
    this.#offset = offset;
    this.#owner = owner;
    Object.freeze(this); // kernels go by shape and strides
  }

  /** Whether it is one, and no proxy or heir of one, which have no private fields. @internal */
  static is(value: unknown): value is AnyTensor {
    return typeof value === "object" && value !== null && #storage in value;
  }

  /** @internal */
  get storage(): Storage {
    return this.#storage;
  }

  /** First element, counted from the start of the storage. @internal */
  get offset(): number {
    return this.#offset;
  }

  /** Whether the storage lives as long as this tensor. @internal */
  get owner(): boolean {
    return this.#owner;
  }

  /** From now on it does. @internal */
  own(): void {
    this.#owner = true;
    this.#storage.owners++;
  }

  /** @internal */
  get alive(): boolean {
    return !this.#disposed && this.#storage.alive && !this.#storage.space.arena.disposed;
  }

  /** Address of the first element in bytes, unsigned. @internal */
  get ptr(): number {
    return this.#storage.ptr + this.#offset * ITEM_BYTES[this.dtype];
  }

  /**
   * The elements in place: a live view of linear memory, for reading and writing. Memory growth (any call that
   * allocates) may detach the array, so take `data` anew instead of keeping it. Any call but `restore` may be given it.
   * @throws TypeError when the tensor is disposed; RangeError for a view whose elements are not contiguous (see `toArray`).
   *
   * @example
   * const x = la.zeros([3]);
   * x.data[0] = 1;
   */
  get data(): Data<T> {
    check.alive("Tensor.data", "the tensor", this);
    const { arena } = this.#storage.space;
    const kept = arena.views.get(this);
    if (kept?.buffer === arena.buffer) return kept as Data<T>;
    check.contiguous("Tensor.data", "the tensor", this, " (use toArray() or set())");
    const data = this.#live(this.ptr, count(this.shape));
    arena.views.set(this, data);
    return data;
  }

  /**
   * Copies `array` in, row-major.
   * @param array As many elements as the tensor has: a Float32Array for "f32", a Uint8Array for "u8".
   * @throws TypeError for another kind of array, RangeError for another number of elements.
   *
   * @example
   * la.zeros([2, 2]).set(new Float32Array([1, 2, 3, 4]));
   */
  set(array: Data<T>): void {
    check.alive("Tensor.set", "the tensor", this);
    check.typedArray("Tensor.set", "array", array, this.dtype);
    check.length("Tensor.set", "array", array, this.shape);
    if (isContiguous(this.shape, this.strides)) {
      this.data.set(array);
      return;
    }
    // An array that lies in the same memory may overlap the target, so it is copied first.
    const source = this.#storage.space.arena.holds(array) ? array.slice() : array;
    const target = this.#reach();
    let index = 0;
    forEachOffset(this.shape, [this.strides], ([offset]) => {
      target[offset!] = source[index++]!;
    });
  }

  /**
   * A copy of the elements, row-major, independent of linear memory. Works on every view.
   * Throws a TypeError when the tensor is disposed.
   *
   * @example
   * la.tensor(new Float32Array([1, 2, 3, 4]), [2, 2]).narrow(1, 0, 1).toArray(); // [1, 3]
   */
  toArray(): Copied<T> {
    check.alive("Tensor.toArray", "the tensor", this);
    if (isContiguous(this.shape, this.strides)) return this.data.slice() as Copied<T>;
    const source = this.#reach();
    const copy = (
      this.dtype === "u8" ? new Uint8Array(count(this.shape)) : new Float32Array(count(this.shape))
    ) as Copied<T>;
    let index = 0;
    forEachOffset(this.shape, [this.strides], ([offset]) => {
      copy[index++] = source[offset!]!;
    });
    return copy;
  }

  /**
   * The part `start <= index < start + length` of one axis, as a view.
   * @param axis 0 to rank - 1.
   * @param start Its first index, 0 or more
   * @param length How many, 0 or more
   * @throws RangeError when the part does not lie inside the axis.
   *
   * @example
   * q.narrow(2, 0, 2).shape; // [B, H, 2, D]
   */
  narrow(axis: number, start: number, length: number): Tensor<T> {
    check.alive("Tensor.narrow", "the tensor", this);
    check.narrow(this.shape, axis, start, length);
    const shape = this.shape.map((size, index) => (index === axis ? length : size));
    return new Tensor(
      this.#storage,
      this.dtype,
      shape,
      [...this.strides],
      this.#offset + (count(shape) && start * this.strides[axis]!), // nothing may begin behind the storage
      false,
    );
  }

  /**
   * A view of the same storage with other sizes.
   * @param shape Sizes of the view. Without `strides` and `offset` it reshapes a contiguous tensor.
   * @param strides One per axis, in elements, 0 or more (0 repeats an element). Default: row-major.
   * @param offset First element, counted in elements from this tensor's first one. Default 0.
   * @throws RangeError when the view would reach beyond the storage, or reshapes a tensor that is not contiguous.
   *
   * @example
   * const qkv = la.zeros([2, 8, 3, 4, 16]); // [B, N, 3, H, D]
   * const k = qkv.view([2, 4, 8, 16], [8 * 192, 16, 192, 1], 64); // [B, H, N, D]
   */
  view(shape: readonly number[], strides?: readonly number[], offset?: number): Tensor<T> {
    check.alive("Tensor.view", "the tensor", this);
    const sizes = check.shape("Tensor.view", shape, this.dtype);
    if (strides === undefined) {
      check.contiguous("Tensor.view", "the tensor", this, " (or give strides)");
      if (offset === undefined) check.reshape(sizes, this.shape);
    }
    const start = offset === undefined ? 0 : offset;
    const steps = check.view(
      sizes,
      strides === undefined ? rowMajor(sizes) : strides,
      start,
      this.#offset,
      this.#storage.length,
    );
    return new Tensor(this.#storage, this.dtype, sizes, steps, this.#offset + start, false);
  }

  /**
   * Gives the memory back; a second call does nothing. Disposing a view ends the view only.
   *
   * @example
   * const x = la.zeros([1000]);
   * x.dispose();
   */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    if (!this.#owner) return;
    const storage = this.#storage;
    storage.scope?.delete(this as AnyTensor);
    if (--storage.owners > 0 || !storage.alive) return;
    storage.alive = false;
    const { arena, registry } = storage.space;
    if (storage.source !== undefined) storage.source.release(storage.ptr);
    else {
      registry?.unregister(storage);
      if (!arena.disposed) arena.release(storage.ptr);
    }
  }

  /** What consoles print: element type, sizes and the first elements. @internal */
  toString(): string {
    const { alive, dtype, shape } = this;
    const elements = alive && (isContiguous(shape, this.strides) ? this.data : this.toArray()).subarray(0, 9); // of which 8 are shown
    const shown = elements ? check.show(Array.from(elements, (x) => Number(x.toPrecision(4)))) : "disposed";
    return `Tensor ${dtype} ${check.show(shape)} ${shown}`;
  }

  #live(ptr: number, length: number): Data<T> {
    const { arena } = this.#storage.space;
    const array = arena[this.dtype](ptr, length) as Data<T>;
    held.set(array, this.#storage);
    return array;
  }

  /** The memory from the first element to the last one. */
  #reach(): Data<T> {
    return this.#live(this.ptr, extent(this.shape, this.strides));
  }
}

// biome-ignore lint/correctness/noUnusedVariables: a merged declaration has the parameters of the class
export interface Tensor<T extends DType = "f32"> extends Disposing {}
