/** Safetensors files made by hand, and what their headers say. */

/** A file with this header text and so many bytes behind it. */
export function file(header: string | object, bytes = 0): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const made = new Uint8Array(8 + text.length + bytes);
  new DataView(made.buffer).setUint32(0, text.length, true);
  made.set(text, 8);
  return made;
}

/** An entry of a header. */
export const tensor = (dtype: string, shape: unknown, begin: unknown, end: unknown) => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

export const headerOf = (bytes: Uint8Array): string =>
  new TextDecoder().decode(bytes.subarray(8, 8 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)));
