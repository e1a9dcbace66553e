import { arrayOf, integer } from "../check-number.js";
import { CHANNELS, toPatches } from "../data/patches.js";

/**
 * The pixels of one image as {@link classify} and {@link patchesOf} take them, [3, height, width]: red, green, blue. A canvas and decoders of
 * images give each pixel's numbers side by side. For several images, call it for each and put the results one after the other. Of an image in
 * gray give each byte three times.
 * @param pixels [height, width, channels] bytes; a fourth channel, opacity, is left out
 * @param channels 4, the default, or 3 where there is no opacity: which it is, the bytes do not tell
 * @throws TypeError for pixels that are no bytes; RangeError when they are no whole pixels, or of other channels
 *
 * @example
 * const data = new Uint8ClampedArray(4 * 32 * 32); // or context.getImageData(0, 0, 32, 32).data
 * const patches = patchesOf(planesOf(data), 32, 4);
 */
export function planesOf(pixels: Uint8Array | Uint8ClampedArray, channels = 4): Uint8Array {
  arrayOf("planesOf", "pixels", pixels, "Uint8Array", "Uint8ClampedArray");
  integer("planesOf", "channels", channels, CHANNELS, CHANNELS + 1);
  if (pixels.length % channels !== 0) {
    throw new RangeError(`planesOf: pixels must be ${channels} bytes each, got ${pixels.length} bytes`);
  }
  const size = pixels.length / channels;
  const planes = new Uint8Array(CHANNELS * size);
  for (let c = 0; c < CHANNELS; c++) {
    for (let n = 0; n < size; n++) planes[c * size + n] = pixels[n * channels + c]!;
  }
  return planes;
}

/**
 * Images as a {@link vit} takes them: [B, patches, 3 * patch * patch], patches row by row, each by channel, row and column, pixels
 * from 0 to 255 scaled to -1 to 1.
 * @param pixels B images of [3, side, side], one after the other
 * @param side Of an image, in pixels
 * @param patch Side of a patch
 * @throws TypeError for pixels that are no Uint8Array; RangeError when they are no whole images, or side no multiple of patch
 *
 * @example
 * const patches = patchesOf(new Uint8Array(3 * 32 * 32), 32, 4); // [1, 64, 48]
 */
export function patchesOf(pixels: Uint8Array, side: number, patch: number): Float32Array {
  arrayOf("patchesOf", "pixels", pixels, "Uint8Array");
  integer("patchesOf", "side", side, 1);
  integer("patchesOf", "patch", patch, 1);
  const size = CHANNELS * side * side;
  if (side % patch !== 0) throw new RangeError(`patchesOf: side must be a multiple of patch (${patch}), got ${side}`);
  if (pixels.length % size !== 0) {
    throw new RangeError(`patchesOf: pixels must be images of ${size} bytes, got ${pixels.length} bytes`);
  }
  const out = new Float32Array(pixels.length);
  for (let at = 0; at < pixels.length; at += size) {
    toPatches(out.subarray(at, at + size), pixels.subarray(at, at + size), side, patch);
  }
  return out;
}
