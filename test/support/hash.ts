/** A short name for many bits, to be written down in a test. */
import { createHash } from "node:crypto";

/** The first 16 digits of the SHA-256 of the array's bytes. */
export const hashOf = (x: Float32Array | Float64Array): string =>
  createHash("sha256")
    .update(new Uint8Array(x.buffer, x.byteOffset, x.byteLength))
    .digest("hex")
    .slice(0, 16);
