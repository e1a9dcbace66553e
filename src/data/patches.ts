/** Of a picture: red, green, blue. */
export const CHANNELS = 3;

/** The patches of one image, row by row, each by channel, row and column, pixels from 0 to 255 scaled to -1 to 1. */
export function toPatches(out: Float32Array, image: Uint8Array, side: number, patch: number): void {
  let to = 0;
  for (let top = 0; top < side; top += patch) {
    for (let left = 0; left < side; left += patch) {
      for (let channel = 0; channel < CHANNELS; channel++) {
        for (let y = top; y < top + patch; y++) {
          const row = (channel * side + y) * side;
          for (let x = left; x < left + patch; x++) out[to++] = image[row + x]! / 127.5 - 1;
        }
      }
    }
  }
}
