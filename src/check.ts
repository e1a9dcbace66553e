/**
 * Checks of user input: sizes, shapes, arrays, options. Everything that is wrong throws here or in check-*.ts, before
 * any kernel runs: TypeError for the wrong kind of thing, RangeError for the right kind out of range. Messages name the
 * call, the argument, what was expected and what came.
 */
import { ADDRESS_SPACE, count, extent, ITEM_BYTES, isContiguous, type Shape } from "./shape.js";
import type { CreateOptions, DType } from "./types.js";

/** What a value is, "Float32Array" or "Map", whichever realm it comes from. */
export const tag = (value: unknown): string => Object.prototype.toString.call(value).slice("[object ".length, -1);

const propertyOf = (name: PropertyKey): ((array: unknown) => unknown) => {
  const { get } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), name)!;
  return (array) => get!.call(array);
};

/** "Float32Array", of any realm; undefined for what is no typed array, whatever its tag says. */
export const kindOf = /* @__PURE__ */ propertyOf(Symbol.toStringTag) as (value: unknown) => string | undefined;

/** Of a typed array itself: a subclass may say something else, and what it says may change. */
export const lengthOf = /* @__PURE__ */ propertyOf("length") as (array: unknown) => number;
export const bufferOf = /* @__PURE__ */ propertyOf("buffer") as (array: unknown) => unknown;
export const byteOffsetOf = /* @__PURE__ */ propertyOf("byteOffset") as (array: unknown) => number;

/** "an Object", "a Uint8Array". */
export const withArticle = (name: string): string => `${/^[AEIO]/.test(name) ? "an" : "a"} ${name}`;

/**
 * Text from a file or a caller, as it may stand in a line of a message: control characters, ends of lines, and marks that turn the direction of
 * writing become escapes of JSON, which itself escapes only those before the space.
 */
export const printable = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is about
  text.replace(/[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (one) => {
    return `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });

/**
 * A short description of any value for an error message, however long or deep a file or a caller made it; and of one that is not of the
 * class `wanted` but of its namesake.
 */
export function show(value: unknown, wanted?: { readonly name: string }): string {
  if (typeof value === "string") {
    return printable(JSON.stringify(value.length > 200 ? `${value.slice(0, 200)}...` : value));
  }
  if (typeof value === "function") return "a function";
  if (Array.isArray(value)) {
    const shown = value.slice(0, 8).map((one) => (Array.isArray(one) ? "[...]" : show(one)));
    return `[${shown.join(", ")}${value.length > 8 ? ", ..." : ""}]`;
  }
  if (typeof value === "object" && value !== null) {
    const given: unknown = value.constructor?.name ?? "null-prototype object";
    const name = typeof given === "string" ? given : "Object";
    return `${withArticle(name)}${name === wanted?.name ? ", but none that this copy of laser-attention made" : ""}`;
  }
  return typeof value === "bigint" ? `the bigint ${value}` : String(value);
}

const isSize = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;

/** The error for sizes of which one is none: of the wrong kind, or out of range. */
const badSizes = (values: readonly unknown[], text: string): Error =>
  new (values.every((value) => typeof value === "number") ? RangeError : TypeError)(text);

/** The largest single size: kernels count with signed 32-bit integers, where a zero elsewhere leaves no bytes too. */
const MAX_SIZE = 2 ** 31 - 1;

/** An instance that still has its memory. */
export function instance(disposed: boolean): void {
  if (disposed) throw new TypeError("laser-attention: this instance is disposed");
}

export function alive(where: string, name: string, tensor: { readonly alive: boolean }): void {
  if (!tensor.alive)
    throw new TypeError(`${where}: ${name} is disposed, a view of a disposed tensor, or of a step that has ended`);
}

/** A copy of sizes whose elements fit into 32-bit memory, also when a view repeats them: kernels count in 32 bits. */
export function shape(where: string, value: unknown, type: DType): number[] {
  if (!Array.isArray(value)) throw new TypeError(`${where}: shape must be an array of sizes, got ${show(value)}`);
  const sizes: number[] = [...value]; // holes are undefined in it
  if (!sizes.every(isSize)) {
    throw badSizes(sizes, `${where}: every size of shape must be an integer of 0 or more, got ${show(sizes)}`);
  }
  const bytes = count(sizes) * ITEM_BYTES[type];
  if (bytes > ADDRESS_SPACE) {
    throw new RangeError(
      `${where}: shape must take at most ${ADDRESS_SPACE} bytes, got ${show(sizes)}, which takes ${bytes} bytes`,
    );
  }
  if (sizes.some((size) => size > MAX_SIZE)) {
    throw new RangeError(`${where}: every size of shape must be at most ${MAX_SIZE}, got ${show(sizes)}`);
  }
  return sizes;
}

export function dtype(where: string, value: unknown): asserts value is DType {
  if (value === "f32" || value === "u8") return;
  throw new TypeError(`${where}: dtype must be "f32" or "u8", got ${show(value)}`);
}

/** "f32" or "u8" for the array. */
export function dtypeOf(where: string, name: string, array: unknown): DType {
  const kind = kindOf(array);
  if (kind === "Float32Array") return "f32";
  if (kind === "Uint8Array") return "u8";
  throw new TypeError(`${where}: ${name} must be a Float32Array or a Uint8Array, got ${show(array)}`);
}

export function typedArray(where: string, name: string, array: unknown, type: DType): void {
  const expected = type === "f32" ? "Float32Array" : "Uint8Array";
  if (kindOf(array) === expected) return;
  throw new TypeError(`${where}: ${name} must be a ${expected}, got ${show(array)}`);
}

export function length(where: string, name: string, array: unknown, shape: Shape): void {
  const got = lengthOf(array);
  if (got === count(shape)) return;
  throw new RangeError(`${where}: ${name} must have ${count(shape)} elements for shape ${show(shape)}, got ${got}`);
}

export function contiguous(where: string, name: string, tensor: { shape: Shape; strides: Shape }, remedy = ""): void {
  const { shape, strides } = tensor;
  if (isContiguous(shape, strides)) return;
  throw new RangeError(
    `${where}: ${name} must be contiguous${remedy}, got shape ${show(shape)} with strides ${show(strides)}`,
  );
}

export function narrow(shape: Shape, axis: number, start: number, length: number): void {
  if (!isSize(axis) || axis >= shape.length) {
    throw badSizes([axis], `Tensor.narrow: axis must be an integer from 0 to ${shape.length - 1}, got ${show(axis)}`);
  }
  if (!isSize(start) || !isSize(length) || start + length > shape[axis]!) {
    throw badSizes(
      [start, length],
      `Tensor.narrow: start and length must lie inside axis ${axis} of size ${shape[axis]}, ` +
        `got start ${show(start)}, length ${show(length)}`,
    );
  }
}

export function reshape(shape: Shape, from: Shape): void {
  if (count(shape) === count(from)) return;
  throw new RangeError(`Tensor.view: shape must have ${count(from)} elements like ${show(from)}, got ${show(shape)}`);
}

/** Where a view lies: one stride per axis, of which it returns a copy, an offset, and nothing beyond the storage. */
export function view(shape: Shape, given: unknown, offset: unknown, first: number, storageLength: number): number[] {
  if (!Array.isArray(given)) {
    throw new TypeError(`Tensor.view: strides must be an array of integers, got ${show(given)}`);
  }
  const strides: number[] = [...given];
  // Along an axis of one a stride reaches nothing: beyond all memory it would only round the sums of offsets.
  const most = count(shape) > 0 ? ADDRESS_SPACE : Number.POSITIVE_INFINITY;
  if (strides.length !== shape.length || !strides.every((stride) => isSize(stride) && stride <= most)) {
    throw badSizes(
      strides,
      `Tensor.view: strides must be ${shape.length} integers from 0 to ${ADDRESS_SPACE} for shape ${show(shape)}, got ${show(strides)}`,
    );
  }
  if (!isSize(offset)) {
    throw badSizes([offset], `Tensor.view: offset must be an integer of 0 or more, got ${show(offset)}`);
  }
  const end = first + offset + extent(shape, strides);
  if (end > storageLength) {
    throw new RangeError(
      `Tensor.view: shape ${show(shape)}, strides ${show(strides)}, offset ${offset} must stay inside ` +
        `the storage of ${storageLength} elements, got a last element at ${end - 1}`,
    );
  }
  return strides;
}

export function callback(where: string, value: unknown, name = "fn"): void {
  if (typeof value !== "function") throw new TypeError(`${where}: ${name} must be a function, got ${show(value)}`);
}

/** A scope ends when its function returns, so nothing may go on after that. */
export function notPromise(where: string, value: unknown, name = "fn"): void {
  if (typeof (value as { then?: unknown } | null | undefined)?.then !== "function") return;
  throw new TypeError(`${where}: ${name} must be synchronous, got one that returns a promise`);
}

/** Where an option belongs that is none of most entries. */
const hint = (key: string): string => (/^(threads|simd|worker)$/.test(key) ? " of laser-attention/threads" : "");

/**
 * An object, or nothing, with no other keys than `names`. A key whose value is undefined counts as left out. No promise, Map or array: what
 * they hold would be left out too.
 */
export function options(where: string, value: unknown, names: readonly string[], label = "options"): void {
  if (value === undefined) return;
  if (!/^(Object|Module)$/.test(tag(value))) {
    throw new TypeError(`${where}: ${label} must be an object, got ${show(value)}`);
  }
  for (const key of Object.keys(value as object)) {
    if (!names.includes(key)) {
      throw new TypeError(`${where}: ${label} must be among ${names.join(", ")}, got ${show(key)}${hint(key)}`);
    }
  }
}

export function flag(where: string, name: string, value: unknown): void {
  if (value === undefined || typeof value === "boolean") return;
  throw new TypeError(`${where}: ${name} must be true or false, got ${show(value)}`);
}

export function oneOf(where: string, name: string, value: unknown, values: readonly string[]): void {
  if (typeof value === "string" && values.includes(value)) return;
  throw new TypeError(`${where}: ${name} must be ${values.map((one) => show(one)).join(" or ")}, got ${show(value)}`);
}

/** A number that is finite as a float32. */
export function finite(where: string, name: string, value: unknown): asserts value is number {
  if (typeof value !== "number") throw new TypeError(`${where}: ${name} must be a number, got ${show(value)}`);
  if (!Number.isFinite(Math.fround(value))) {
    throw new RangeError(`${where}: ${name} must be a finite float32, got ${value}`);
  }
}

const MIN_MEMORY = 1 << 20;

/** Options of an instance. Where they are refused nobody waits for a promise among them: its failure is no news then. */
export function creation(where: string, given: CreateOptions | undefined, names: readonly string[] = []): void {
  const { wasm, maxMemory: value } = given ?? {};
  if (wasm instanceof Promise) wasm.catch(() => {});
  options(where, given, ["maxMemory", "wasm", ...names]);
  if (value === undefined) return;
  if (typeof value !== "number") throw new TypeError(`${where}: maxMemory must be a number, got ${show(value)}`);
  if (!Number.isInteger(value) || value < MIN_MEMORY || value > ADDRESS_SPACE) {
    throw new RangeError(
      `${where}: maxMemory must be an integer from ${MIN_MEMORY} to ${ADDRESS_SPACE} bytes, got ${value}`,
    );
  }
}
