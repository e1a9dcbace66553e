/**
 * CIFAR-10 in the binary layout in which it is published (https://www.cs.toronto.edu/~kriz/cifar.html): a record is one label
 * byte and 3,072 bytes of pixels, 32 rows of 32 in red, then green, then blue.
 */
import { bytesOf, integer } from "../check-number.js";
import { CHANNELS, toPatches } from "./patches.js";
import type { Random } from "./random.js";

const SIDE = 32;
const PLANE = SIDE * SIDE;
const PIXELS = CHANNELS * PLANE;
const RECORD = 1 + PIXELS;

/**
 * The names of the labels 0 to 9.
 *
 * @example CIFAR10_CLASSES[6]; // "frog"
 */
export const CIFAR10_CLASSES: readonly string[] = [
  "airplane",
  "automobile",
  "bird",
  "cat",
  "deer",
  "dog",
  "frog",
  "horse",
  "ship",
  "truck",
];

/**
 * The images of one or more files.
 *
 * @example const none: Cifar10 = { count: 0, labels: new Uint8Array(0), pixels: new Uint8Array(0) };
 */
export interface Cifar10 {
  /** How many images. */
  readonly count: number;
  /** A label of 0 to 9 for every image. */
  readonly labels: Uint8Array;
  /** [count, 3, 32, 32], row-major. */
  readonly pixels: Uint8Array;
}

/**
 * Reads files of the official binary layout, one after the other.
 *
 * @example
 * const black = readCifar10(new Uint8Array(3073)); // a record: label 0, and 3 x 32 x 32 pixels
 * CIFAR10_CLASSES[black.labels[0]!]; // "airplane"
 *
 * @throws RangeError for a file that is no whole number of records, or that has a label above 9.
 */
export function readCifar10(...files: readonly (Uint8Array | ArrayBuffer)[]): Cifar10 {
  const where = "readCifar10";
  const read = files.map((file, n) => {
    const bytes = bytesOf(where, `file ${n}`, file);
    if (bytes.length === 0 || bytes.length % RECORD !== 0) {
      const size = `a number of records of ${RECORD} bytes, a label and ${CHANNELS} x ${SIDE} x ${SIDE} pixels each`;
      throw new RangeError(`${where}: file ${n} must be ${size}, got ${bytes.length} bytes`);
    }
    return bytes;
  });
  const count = read.reduce((sum, bytes) => sum + bytes.length / RECORD, 0);
  const labels = new Uint8Array(count);
  const pixels = new Uint8Array(count * PIXELS);
  let image = 0;
  for (const [n, bytes] of read.entries()) {
    for (let at = 0; at < bytes.length; at += RECORD, image++) {
      integer(where, `label ${at / RECORD} of file ${n}`, bytes[at], 0, 9);
      labels[image] = bytes[at]!;
      pixels.set(bytes.subarray(at + 1, at + RECORD), image * PIXELS);
    }
  }
  return { count, labels, pixels };
}

/** A batch of {@link cifar10Batch}. */
export interface ImageBatch {
  /** [batch, patches, 3 * patch * patch], row-major. */
  patches: Float32Array;
  labels: Int32Array;
}

/**
 * Images as patches: pixels / 127.5 - 1, patches row by row over the image, the elements of a patch ordered by channel, row
 * and column. With a generator every image is mirrored with probability 1/2 and shifted by up to 4 pixels either way.
 *
 * @example
 * const random = new Random(1);
 * const order = random.permutation(train.count);
 * const { patches, labels } = cifar10Batch(train, order.subarray(0, 32), 4, random); // [32, 64, 48]
 */
export function cifar10Batch(set: Cifar10, indices: ArrayLike<number>, patch: number, random?: Random): ImageBatch {
  const patches = new Float32Array(indices.length * PIXELS);
  const labels = new Int32Array(indices.length);
  for (let n = 0; n < indices.length; n++) {
    const index = indices[n]!;
    const image = set.pixels.subarray(index * PIXELS, (index + 1) * PIXELS);
    toPatches(
      patches.subarray(n * PIXELS, (n + 1) * PIXELS),
      random ? augmentImage(image, random) : image,
      SIDE,
      patch,
    );
    labels[n] = set.labels[index]!;
  }
  return { patches, labels };
}

/** The largest shift of {@link augmentImage}, in pixels. */
const SHIFT = 4;

/**
 * A copy of a [3, 32, 32] image, mirrored with probability 1/2, then shifted by -4 to 4 pixels down and to the right; what
 * comes in at the edges is 0 (black).
 *
 * @example const other = augmentImage(train.pixels.subarray(0, 3072), new Random(1));
 */
export function augmentImage(image: Uint8Array, random: Random): Uint8Array {
  const mirrored = random.int(2) === 1;
  const down = random.int(2 * SHIFT + 1) - SHIFT;
  const right = random.int(2 * SHIFT + 1) - SHIFT;
  const out = new Uint8Array(PIXELS);
  for (let row = 0; row < CHANNELS * SIDE; row++) {
    const y = (row % SIDE) - down;
    if (y < 0 || y >= SIDE) continue;
    for (let x = 0; x < SIDE; x++) {
      const from = x - right;
      if (from < 0 || from >= SIDE) continue;
      out[row * SIDE + x] = image[(row - down) * SIDE + (mirrored ? SIDE - 1 - from : from)]!;
    }
  }
  return out;
}
