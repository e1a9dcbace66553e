const CHANNELS = 3;

/**
 * Images as a {@link vit} takes them: [B, patches, 3 * patch * patch], patches row by row, each by channel, row and column, pixels
 * from 0 to 255 scaled to -1 to 1.
 * @param pixels B images of [3, side, side], one after the other
 * @throws RangeError when the pixels are no whole images, or side no multiple of patch
 *
 * @example
 * const patches = patchesOf(new Uint8Array(3 * 32 * 32), 32, 4); // [1, 64, 48]
 */
export function patchesOf(pixels: Uint8Array, side: number, patch: number): Float32Array {
  const size = CHANNELS * side * side;
  if (side % patch !== 0) throw new RangeError(`patchesOf: side must be a multiple of patch (${patch}), got ${side}`);
  if (pixels.length % size !== 0) {
    throw new RangeError(`patchesOf: pixels must be images of ${size} bytes, got ${pixels.length} bytes`);
  }
  const out = new Float32Array(pixels.length);
  let to = 0;
  for (let image = 0; image < pixels.length; image += size) {
    for (let y = 0; y < side; y += patch) {
      for (let x = 0; x < side; x += patch) {
        for (let channel = 0; channel < CHANNELS; channel++) {
          for (let row = 0; row < patch; row++) {
            const from = image + (channel * side + y + row) * side + x;
            for (let column = 0; column < patch; column++) out[to++] = pixels[from + column]! / 127.5 - 1;
          }
        }
      }
    }
  }
  return out;
}
