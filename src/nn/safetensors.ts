/**
 * Files of named tensors in the format of https://github.com/huggingface/safetensors: eight bytes of header length, a JSON
 * header, the elements, all little-endian, as is the memory of every machine that this package runs on.
 */

import { options as checkOptions, show, tag } from "../check.js";
import { arrayOf, bytesOf } from "../check-number.js";
import { host } from "../host.js";
import { count } from "../shape.js";
import type { Copied } from "../types.js";
import { bitsOf, narrowBfloat, narrowHalf, widenBfloat, widenHalf } from "./half.js";
import {
  checkName,
  checkShape,
  type Entry,
  ITEM_BYTES,
  MAX_HEADER,
  METADATA,
  readHeader,
  type SafetensorsType,
} from "./safetensors-header.js";

export type { SafetensorsType };

/**
 * The arrays that hold elements: F16 and BF16 are widened to a Float32Array, BOOL is 0 and 1, I64 and U64 are bigints.
 *
 * @example const data: SafetensorsData = new Float32Array(6);
 */
export type SafetensorsData =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

/**
 * A tensor of a file.
 *
 * @example const tensor: SafetensorsTensor = { dtype: "F32", shape: [2, 3], data: new Float32Array(6) };
 */
export interface SafetensorsTensor {
  /** What the file has, or is to have: "F16" and "BF16" go with a Float32Array, "BOOL" with a Uint8Array. */
  dtype: SafetensorsType;
  /** Sizes of the axes. */
  shape: number[];
  /** The elements, row-major. */
  data: SafetensorsData;
}

/**
 * What {@link readSafetensors} gives.
 *
 * @example const file: Safetensors = readSafetensors(writeSafetensors(model.stateDict()));
 */
export interface Safetensors {
  /** By name, in the order of the file. */
  tensors: Map<string, SafetensorsTensor>;
  /** The text that goes with them; empty when there is none. */
  metadata: Record<string, string>;
}

/**
 * What {@link writeSafetensors} takes for a tensor; without `dtype` the array decides.
 *
 * @example const tensor: SafetensorsInput = { shape: [2, 3], data: new Float32Array(6) };
 */
export interface SafetensorsInput {
  /** What the file is to have. Default: what the array is. */
  dtype?: SafetensorsType | undefined;
  /** Sizes of the axes. */
  shape: readonly number[];
  /** The elements, row-major. */
  data: SafetensorsData;
}

/**
 * Options of {@link writeSafetensors}.
 *
 * @example const options: WriteSafetensorsOptions = { metadata: { step: "4000" }, dtype: "BF16" };
 */
export interface WriteSafetensorsOptions {
  /** Text that goes with the tensors. */
  metadata?: Readonly<Record<string, string>> | undefined;
  /**
   * What every Float32Array is stored as, whatever its own `dtype` says. F16 and BF16 round to nearest, ties to even; from
   * 65520 on F16 is infinite. Default: the tensor's own, or F32.
   */
  dtype?: "F32" | "F16" | "BF16" | undefined;
}

type ArrayType = new (buffer: ArrayBuffer) => SafetensorsData;

/** The array of each type; of two types with the same array the first one is what `data` means by itself. */
const ARRAYS: Readonly<Record<SafetensorsType, ArrayType>> = {
  F32: Float32Array,
  BF16: Float32Array,
  F16: Float32Array,
  F64: Float64Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
  I32: Int32Array,
  U32: Uint32Array,
  I16: Int16Array,
  U16: Uint16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
};

/** The conversions of the types that are narrower in the file than in memory. */
const HALVES = {
  F16: { widen: widenHalf, narrow: narrowHalf },
  BF16: { widen: widenBfloat, narrow: narrowBfloat },
} as const;

const halfOf = (dtype: SafetensorsType) => (dtype === "F16" || dtype === "BF16" ? HALVES[dtype] : undefined);

/**
 * Reads a whole file. The tensors are copies: the bytes may change afterwards. I64 and U64 are always bigints
 * (BigInt64Array), so that the type does not depend on the values.
 *
 * @example
 * const { tensors, metadata } = readSafetensors(writeSafetensors(model.stateDict())); // or what readFile or fetch gives
 * const weight = tensors.get("head.weight"); // { dtype: "F32", shape: [24, 16], data: Float32Array }
 *
 * @throws TypeError for another kind of thing, in the call or in the header; RangeError for a file that is cut off, has bytes
 * left over, whose header contradicts itself, or with a BOOL that is neither 0 nor 1. Nothing is allocated for tensors before the
 * whole header is checked.
 */
export function readSafetensors(bytes: Uint8Array | ArrayBuffer): Safetensors {
  const file = bytesOf("readSafetensors", "bytes", bytes);
  const { entries, metadata, start } = readHeader(file);
  const tensors = new Map(
    entries.map(({ name, dtype, shape, begin, end }) => {
      const copy = new Uint8Array(end - begin); // not slice, which gives a Buffer of Node a place in its pool
      copy.set(file.subarray(start + begin, start + end));
      const data = decode(dtype, copy.buffer);
      checkBools(`readSafetensors: ${show(name)}`, dtype, data);
      return [name, { dtype, shape, data }];
    }),
  );
  return { tensors, metadata };
}

function decode(dtype: SafetensorsType, buffer: ArrayBuffer): SafetensorsData {
  const half = halfOf(dtype);
  if (half === undefined) return new ARRAYS[dtype](buffer);
  const narrow = new Uint16Array(buffer);
  const data = new Float32Array(narrow.length);
  const bits = bitsOf(data);
  for (let n = 0; n < bits.length; n++) bits[n] = half.widen(narrow[n]!);
  return data;
}

/**
 * Writes a file, byte by byte as the reference does: tensors of wide types first, then by name; the header padded with
 * spaces to a multiple of 8 bytes.
 *
 * @example
 * const tensors = new Map([["head.weight", { shape: [2, 3], data: new Float32Array(6) }]]);
 * const bytes = writeSafetensors(tensors, { metadata: { step: "4000" }, dtype: "BF16" });
 *
 * @throws TypeError for another kind of thing, RangeError for a shape that does not fit the data; both name the tensor.
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, SafetensorsInput>,
  options: WriteSafetensorsOptions = {},
): Copied<"u8"> {
  const where = "writeSafetensors";
  checkOptions(where, options, ["metadata", "dtype"]);
  const { metadata: given = {}, dtype } = options;
  if (dtype !== undefined && dtype !== "F32" && halfOf(dtype) === undefined) {
    throw new TypeError(`${where}: dtype must be "F32", "F16" or "BF16", got ${show(dtype)}`);
  }
  const metadata = checkMetadata(where, given);
  if (tag(tensors) !== "Map") {
    throw new TypeError(`${where}: tensors must be a Map of tensors by name, got ${show(tensors)}`);
  }
  const placed = place(Array.from(tensors, ([name, tensor]) => checkTensor(where, name, tensor, dtype)));
  const header = encodeHeader(where, placed, metadata);
  const file = new Uint8Array(8 + header.length + (placed.at(-1)?.end ?? 0));
  new DataView(file.buffer).setUint32(0, header.length, true);
  file.set(header, 8);
  for (const { dtype, data, begin } of placed) file.set(encode(dtype, data), 8 + header.length + begin);
  return file;
}

type Placed = Entry & { data: SafetensorsData };

/** A copy: what is checked is what is written. */
function checkMetadata(where: string, given: unknown): Record<string, string> {
  if (tag(given) !== "Object") {
    throw new TypeError(`${where}: metadata must be an object of strings, got ${show(given)}`);
  }
  const metadata = { ...(given as Record<string, string>) };
  for (const [key, text] of Object.entries(metadata)) {
    if (typeof text !== "string") {
      throw new TypeError(`${where}: ${show(key)} of metadata must be a string, got ${show(text)}`);
    }
    for (const one of [key, text]) checkName(where, `${show(key)} of metadata`, one);
  }
  return metadata;
}

function checkTensor(where: string, name: unknown, tensor: SafetensorsInput, floats?: SafetensorsType): Placed {
  if (typeof name !== "string")
    throw new TypeError(`${where}: the name of a tensor must be a string, got ${show(name)}`);
  if (name === METADATA) throw new RangeError(`${where}: no tensor can have the name ${METADATA}`);
  checkName(where, "the name of a tensor", name);
  const at = `${where}: ${show(name)}`;
  if (typeof tensor !== "object" || tensor === null) {
    throw new TypeError(`${at} must be an object with shape and data, got ${show(tensor)}`);
  }
  const { shape: sizes, data, dtype }: { shape: unknown; data: SafetensorsData; dtype?: unknown } = tensor;
  arrayOf(at, "data", data, ...new Set(Object.values(ARRAYS).map(({ name }) => name)));
  const kind = tag(data);
  const fits = (Object.keys(ARRAYS) as SafetensorsType[]).filter((type) => ARRAYS[type].name === kind);
  const own = (dtype === undefined ? fits[0]! : dtype) as SafetensorsType;
  if (!fits.includes(own)) {
    throw new TypeError(`${at}: dtype must be ${fits.join(" or ")} for a ${kind}, got ${show(dtype)}`);
  }
  const shape: unknown = Array.isArray(sizes) ? Array.from(sizes) : sizes; // a copy: what is checked is what is written
  checkShape(at, shape);
  if (count(shape) !== data.length) {
    throw new RangeError(`${at}: data must have ${count(shape)} elements for shape ${show(shape)}, got ${data.length}`);
  }
  checkBools(at, own, data);
  return { name, dtype: kind === "Float32Array" ? (floats ?? own) : own, shape, data, begin: 0, end: 0 };
}

function checkBools(at: string, dtype: SafetensorsType, data: SafetensorsData): void {
  if (dtype === "BOOL" && (data as Uint8Array).some((one) => one > 1)) {
    throw new RangeError(`${at}: every element of BOOL must be 0 or 1`);
  }
}

/** The reference's order: by type, then by name, whose order is that of its bytes. */
function place(tensors: Placed[]): Placed[] {
  const types = Object.keys(ITEM_BYTES);
  const names = new Map(tensors.map(({ name }) => [name, Array.from(name, (character) => character.codePointAt(0)!)]));
  tensors.sort((a, b) => {
    const [x, y] = [names.get(a.name)!, names.get(b.name)!];
    const n = x.findIndex((point, n) => point !== y[n]);
    return types.indexOf(a.dtype) - types.indexOf(b.dtype) || (n < 0 ? x.length - y.length : x[n]! - (y[n] ?? -1));
  });
  let reached = 0;
  for (const tensor of tensors) {
    tensor.begin = reached;
    reached += tensor.data.length * ITEM_BYTES[tensor.dtype];
    tensor.end = reached;
  }
  return tensors;
}

function encodeHeader(where: string, placed: Placed[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const entries: [string, unknown][] = placed.map(({ name, dtype, shape, begin, end }) => [
    name,
    { dtype, shape, data_offsets: [begin, end] },
  ]);
  if (Object.keys(metadata).length > 0) entries.unshift([METADATA, metadata]);
  // Not one object: its keys that look like integers would move to the front.
  const members = entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  const text = new host.TextEncoder().encode(`{${members.join(",")}}`);
  const header = new Uint8Array(Math.ceil(text.length / 8) * 8).fill(0x20);
  header.set(text);
  if (header.length <= MAX_HEADER) return header;
  throw new RangeError(`${where}: the header must be at most ${MAX_HEADER} bytes long, got ${header.length}`);
}

/** The bytes of a tensor's elements in the file. */
function encode(dtype: SafetensorsType, data: SafetensorsData): Uint8Array {
  const half = halfOf(dtype);
  const stored = half === undefined ? data : Uint16Array.from(bitsOf(data as Float32Array), half.narrow);
  return new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
}
