/** Wave files, chunk by chunk. */
const ascii = (text: string): number[] => Array.from(text, (character) => character.charCodeAt(0));

export const little = (value: number, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, n) => Number((BigInt.asUintN(64, BigInt(value)) >> BigInt(8 * n)) & 0xffn));

/** A chunk: name, size, bytes, and one more byte where the size is odd. */
export const chunk = (name: string, bytes: readonly number[], size = bytes.length): number[] => [
  ...ascii(name),
  ...little(size, 4),
  ...bytes,
  ...(bytes.length % 2 === 1 ? [0] : []),
];

export interface FormatFields {
  codec?: number;
  channels?: number;
  rate?: number;
  bits?: number;
  frame?: number;
  /** Further bytes. */
  more?: readonly number[];
}

export function formatChunk({
  codec = 1,
  channels = 1,
  rate = 8000,
  bits = 16,
  frame,
  more = [],
}: FormatFields): number[] {
  const bytes = frame ?? (channels * bits) / 8;
  const fields = [...little(codec, 2), ...little(channels, 2), ...little(rate, 4), ...little(rate * bytes, 4)];
  return chunk("fmt ", [...fields, ...little(bytes, 2), ...little(bits, 2), ...more]);
}

/** The file of these chunks. */
export function riff(...chunks: readonly number[][]): Uint8Array {
  const body = [...ascii("WAVE"), ...chunks.flat()];
  return Uint8Array.from([...ascii("RIFF"), ...little(body.length, 4), ...body]);
}

/** An ordinary file: a format and samples, integers or floats. */
export function wav(format: FormatFields, samples: readonly number[]): Uint8Array {
  const { codec = 1, bits = 16 } = format;
  const Floats = bits === 64 ? Float64Array : Float32Array;
  const data =
    codec === 3 ? [...new Uint8Array(Floats.from(samples).buffer)] : samples.flatMap((x) => little(x, bits / 8));
  return riff(formatChunk(format), chunk("data", data));
}
