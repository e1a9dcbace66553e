/** Just enough of ONNX's protobuf format to write a graph of float32 and int32 tensors: https://onnx.ai, onnx.proto. */

/** Attributes carry their type: `{ i: 1 }`, `{ f: 0.5 }`, `{ ints: [0, 1] }`. */
export type Attribute = { readonly i: number } | { readonly f: number } | { readonly ints: readonly number[] };

export interface OnnxNode {
  op: string;
  inputs: readonly string[];
  outputs: readonly string[];
  domain?: string;
  attributes?: Readonly<Record<string, Attribute>>;
}

export interface OnnxGraph {
  inputs: Readonly<Record<string, readonly number[]>>;
  /** Inputs of int32. */
  indices?: OnnxGraph["inputs"];
  /** Names only: the runtime infers the shapes. */
  outputs: readonly string[];
  nodes: readonly OnnxNode[];
  /** A typed array: a tensor of its type; number[]: an int64 vector, for axes and shapes. */
  constants: Readonly<
    Record<string, { data: Float32Array | Int32Array; shape: readonly number[] } | readonly number[]>
  >;
}

export const node = (
  op: string,
  inputs: string[],
  output: string,
  attributes: OnnxNode["attributes"] = {},
): OnnxNode => ({
  op,
  inputs,
  outputs: [output],
  attributes,
});

/** alpha times the product of a and b, either transposed. */
export const product = (
  a: string,
  b: string,
  output: string,
  { transA = 0, transB = 0, alpha = 1 } = {},
): OnnxNode => ({
  ...node("FusedMatMul", [a, b], output, { transA: { i: transA }, transB: { i: transB }, alpha: { f: alpha } }),
  domain: "com.microsoft",
});

/** The first opset with the op Attention, and the version of the contributed ops. */
const OPSETS = { "": 23, "com.microsoft": 1 };
const IR_VERSION = 11;
const [FLOAT, INT32, INT64] = [1, 6, 7];
const ATTRIBUTE_TYPE = { f: 1, i: 2, ints: 7 };
const text = new TextEncoder();

function varint(value: number): number[] {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
}

function concat(parts: readonly ArrayLike<number>[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Wire types: 0 a varint, 2 bytes with their length first, 5 four bytes. */
const int = (field: number, value: number) => concat([varint(field * 8), varint(value)]);
const bytes = (field: number, value: ArrayLike<number>) => concat([varint(field * 8 + 2), varint(value.length), value]);
const string = (field: number, value: string) => bytes(field, text.encode(value));
const message = (field: number, ...parts: readonly Uint8Array[]) => bytes(field, concat(parts));
const float = (field: number, value: number) =>
  concat([varint(field * 8 + 5), new Uint8Array(Float32Array.of(value).buffer)]);

function attribute([name, value]: [string, Attribute]): Uint8Array {
  const [kind] = Object.keys(value) as (keyof typeof ATTRIBUTE_TYPE)[];
  const payload =
    "f" in value ? [float(2, value.f)] : "i" in value ? [int(3, value.i)] : value.ints.map((x) => int(8, x));
  return message(5, string(1, name), ...payload, int(20, ATTRIBUTE_TYPE[kind!]));
}

function nodeMessage({ op, inputs, outputs, domain = "", attributes = {} }: OnnxNode): Uint8Array {
  return message(
    1,
    ...inputs.map((name) => string(1, name)),
    ...outputs.map((name) => string(2, name)),
    string(4, op),
    ...Object.entries(attributes).map(attribute),
    string(7, domain),
  );
}

function constant([name, value]: [string, OnnxGraph["constants"][string]]): Uint8Array {
  const [type, shape, data] =
    "data" in value
      ? [value.data instanceof Int32Array ? INT32 : FLOAT, value.shape, value.data]
      : [INT64, [value.length], BigInt64Array.from(value, (x) => BigInt(x))];
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return message(5, ...shape.map((n) => int(1, n)), int(2, type), string(8, name), bytes(9, raw));
}

function value(field: number, name: string, shape: readonly number[] | undefined, type = FLOAT): Uint8Array {
  const dims = shape && [message(2, ...shape.map((n) => message(1, int(1, n))))];
  return message(field, string(1, name), message(2, message(1, int(1, type), ...(dims ?? []))));
}

/** The graph as the bytes of an .onnx file. */
export function onnxModel({ inputs, indices = {}, outputs, nodes, constants }: OnnxGraph): Uint8Array {
  const graph = message(
    7,
    ...nodes.map(nodeMessage),
    string(2, "graph"),
    ...Object.entries(constants).map(constant),
    ...Object.entries(inputs).map(([name, shape]) => value(11, name, shape)),
    ...Object.entries(indices).map(([name, shape]) => value(11, name, shape, INT32)),
    ...outputs.map((name) => value(12, name, undefined)),
  );
  const opsets = Object.entries(OPSETS).map(([domain, version]) => message(8, string(1, domain), int(2, version)));
  return concat([int(1, IR_VERSION), graph, ...opsets]);
}
