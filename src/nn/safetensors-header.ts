/** The header of a safetensors file: what it may say, and every check of it, before anything is made of it. */
import { printable, show } from "../check.js";
import { host } from "../host.js";
import { count } from "../shape.js";

/**
 * Element types by the names that the format has for them.
 *
 * @example const dtype: SafetensorsType = "BF16";
 */
export type SafetensorsType =
  | "U64"
  | "I64"
  | "F64"
  | "F32"
  | "U32"
  | "I32"
  | "BF16"
  | "F16"
  | "U16"
  | "I16"
  | "I8"
  | "U8"
  | "BOOL";

/** Bytes of an element, in the order in which the reference writes them: tensors of wide types come first. */
export const ITEM_BYTES: Readonly<Record<SafetensorsType, number>> = {
  U64: 8,
  I64: 8,
  F64: 8,
  F32: 4,
  U32: 4,
  I32: 4,
  BF16: 2,
  F16: 2,
  U16: 2,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

/** The reference's limit, in bytes. */
export const MAX_HEADER = 100_000_000;

export const METADATA = "__metadata__";

/** A tensor as the header describes it: its bytes lie from `begin` to `end` behind the header. */
export interface Entry {
  name: string;
  dtype: SafetensorsType;
  shape: number[];
  begin: number;
  end: number;
}

export interface Header {
  /** In the order of their bytes. */
  entries: Entry[];
  metadata: Record<string, string>;
  /** Where the tensors' bytes begin in the file. */
  start: number;
}

const WHERE = "readSafetensors";

/** Reads and checks the header of a whole file. */
export function readHeader(bytes: Uint8Array): Header {
  const text = headerText(bytes);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new RangeError(`${WHERE}: the header must be JSON: ${printable((error as Error).message)}`, { cause: error });
  }
  const { [METADATA]: metadata, ...tensors } = parsed as Record<string, unknown>;
  const entries = Object.entries(tensors).map(([name, value]) => readEntry(name, value));
  refuseDuplicates(text); // behind what is quicker to see
  const start = 8 + lengthOf(bytes);
  checkPlaces(entries, bytes.length - start);
  return { entries, metadata: readMetadata(metadata), start };
}

/** Eight bytes, little-endian; beyond 2^53 rounded, which is too much in any case. */
function lengthOf(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  return view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
}

function headerText(bytes: Uint8Array): string {
  if (bytes.length < 8) {
    throw new RangeError(`${WHERE}: the file must begin with a header length of 8 bytes, got ${bytes.length} bytes`);
  }
  const length = lengthOf(bytes);
  if (length > MAX_HEADER) {
    // What else it may be (an archive of torch.save, a pointer of git-lfs, an index in JSON) shows in its first bytes.
    const hint = `; a file of safetensors begins with that number, this one with ${show(String.fromCharCode(...bytes.slice(0, 8)))}`;
    throw new RangeError(`${WHERE}: the header must be at most ${MAX_HEADER} bytes long, got ${length}${hint}`);
  }
  if (length > bytes.length - 8) {
    throw new RangeError(`${WHERE}: the header must end inside the file of ${bytes.length} bytes, got ${length} bytes`);
  }
  const header = bytes.slice(8, 8 + length); // a copy, since browsers decode no shared memory
  if (header[0] !== 0x7b) {
    const got = length === 0 ? "none" : `byte ${header[0]}`;
    throw new RangeError(`${WHERE}: the header must begin with "{", got ${got}`);
  }
  try {
    return new host.TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(header);
  } catch (error) {
    throw new RangeError(`${WHERE}: the header must be UTF-8`, { cause: error });
  }
}

/** JSON.parse takes the last of several equal keys without a word. `text` is known to be JSON. */
function refuseDuplicates(text: string): void {
  const open: (Set<string> | undefined)[] = []; // the keys of every object around, undefined for an array
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === "{") open.push(new Set());
    else if (character === "[") open.push(undefined);
    else if (character === "}" || character === "]") open.pop();
    if (character !== '"') continue;
    const first = at;
    for (at++; text[at] !== '"'; at++) if (text[at] === "\\") at++;
    let next = at + 1;
    while (" \t\n\r".includes(text[next]!)) next++;
    if (text[next] !== ":") continue;
    const key: string = JSON.parse(text.slice(first, at + 1)); // "a" and "\u0061" are the same
    const keys = open.at(-1)!;
    if (keys.has(key))
      throw new RangeError(`${WHERE}: every key of the header must stand once, got ${show(key)} twice`);
    keys.add(key);
  }
}

/** Half a surrogate pair is no text that another reader would take. */
export function checkName(where: string, what: string, name: string): void {
  if (!/\p{Surrogate}/u.test(name)) return;
  throw new RangeError(`${where}: ${what} must be well-formed text, got ${show(name)}`);
}

function readMetadata(given: unknown): Record<string, string> {
  const value = given ?? {}; // null is none for the reference too
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError(`${WHERE}: ${METADATA} must be an object of strings, got ${show(value)}`);
  }
  for (const [key, text] of Object.entries(value)) {
    if (typeof text === "string") continue;
    throw new TypeError(`${WHERE}: ${show(key)} of ${METADATA} must be a string, got ${show(text)}`);
  }
  return value as Record<string, string>;
}

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

export function checkShape(at: string, shape: unknown): asserts shape is number[] {
  if (!Array.isArray(shape)) throw new TypeError(`${at}: shape must be an array of sizes, got ${show(shape)}`);
  if (Array.from(shape).every(isSize)) return; // holes included
  throw new RangeError(`${at}: every size of shape must be an integer of 0 or more, got ${show(shape)}`);
}

function readEntry(name: string, value: unknown): Entry {
  const at = `${WHERE}: ${show(name)}`;
  checkName(WHERE, "the name of a tensor", name);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError(`${at} must be an object with dtype, shape and data_offsets, got ${show(value)}`);
  }
  const { dtype, shape, data_offsets: offsets } = value as Record<string, unknown>;
  if (typeof dtype !== "string" || !Object.hasOwn(ITEM_BYTES, dtype)) {
    throw new TypeError(`${at}: dtype must be one of ${Object.keys(ITEM_BYTES).join(", ")}, got ${show(dtype)}`);
  }
  const type = dtype as SafetensorsType;
  checkShape(at, shape);
  if (!Array.isArray(offsets) || offsets.length !== 2) {
    throw new TypeError(`${at}: data_offsets must be an array of two offsets, got ${show(offsets)}`);
  }
  if (!offsets.every(isSize)) {
    throw new RangeError(`${at}: both data_offsets must be integers of 0 or more, got ${show(offsets)}`);
  }
  const [begin, end] = offsets as [number, number];
  const size = count(shape) * ITEM_BYTES[type];
  if (end - begin !== size) {
    throw new RangeError(
      `${at}: data_offsets must span the ${size} bytes of ${type} ${show(shape)}, got ${show(offsets)}`,
    );
  }
  return { name, dtype: type, shape, begin, end };
}

/** Sorts the tensors by their bytes, which must follow each other without gap or overlap and fill the file. */
function checkPlaces(entries: Entry[], available: number): void {
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let reached = 0;
  for (const { name, begin, end } of entries) {
    const at = `${WHERE}: ${show(name)}: data_offsets`;
    if (end > available) {
      throw new RangeError(`${at} must lie within the ${available} bytes behind the header, got [${begin}, ${end}]`);
    }
    if (begin !== reached) {
      const wrong = begin < reached ? "they overlap" : "that leaves a gap";
      throw new RangeError(
        `${at} must begin where the tensor before ends, at ${reached}, got [${begin}, ${end}]: ${wrong}`,
      );
    }
    reached = end;
  }
  if (reached !== available) {
    throw new RangeError(`${WHERE}: the file must end with its last tensor, got ${available - reached} bytes more`);
  }
}
