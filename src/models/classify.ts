/** What an image shows, by a Vision Transformer. */
import { options as checkOptions } from "../check.js";
import { arrayOf, integer } from "../check-number.js";
import { checkOutside, own } from "../nn/check-nn.js";
import type { Nn } from "../nn/nn.js";
import { modelOf } from "./check-models.js";
import { type Candidate, candidatesOf } from "./distribution.js";
import { patchesOf } from "./patches.js";
import { Vit } from "./vit.js";

/** Images of one pass: as fast as more at once, and the memory does not grow with the number of images. */
const BATCH = 16;

/**
 * Options of {@link classify}.
 *
 * @example const options: ClassifyOptions = { candidates: 3 };
 */
export interface ClassifyOptions {
  /** How many classes to list. Default: all. */
  candidates?: number | undefined;
}

/**
 * The classes of each image with their probabilities, which sum to 1 over all classes, best first.
 *
 * @param model Of the same instance
 * @param pixels Images of [3, side, side], one after the other, from 0 to 255
 * @param options How many classes
 * @throws TypeError for a model of another instance, and inside of a step or of `evaluate`; RangeError for pixels that are no whole
 * images, `candidates` below 1, or scores that are not finite
 *
 * @example
 * const seeing = vit(nn, { side: 8, patch: 4, classes: 10, width: 16, heads: 2, layers: 1, variant: "laser" });
 * const [first] = classify(nn, seeing, new Uint8Array(3 * 8 * 8), { candidates: 3 });
 * first?.[0]; // { id, probability } of the likeliest class
 */
export function classify(nn: Nn, model: Vit, pixels: Uint8Array, options: ClassifyOptions = {}): Candidate[][] {
  const where = "classify";
  modelOf(where, nn, model, Vit, "vit");
  checkOutside(where, nn.engine.space);
  arrayOf(where, "pixels", pixels, "Uint8Array");
  checkOptions(where, options, ["candidates"]);
  const { side, patch, classes } = model.config;
  const { candidates = classes } = options;
  integer(where, "candidates", candidates, 1);
  const size = 3 * side * side;
  if (pixels.length % size !== 0) {
    throw new RangeError(`${where}: pixels must be images of ${size} bytes, got ${pixels.length} bytes`);
  }
  const found: Candidate[][] = [];
  const all = own(nn, pixels);
  for (let first = 0; first < all.length; first += BATCH * size) {
    const patches = patchesOf(all.subarray(first, first + BATCH * size), side, patch);
    const scores = nn.evaluate(() => model.logits(patches).toArray());
    for (let at = 0; at < scores.length; at += classes) {
      found.push(candidatesOf(where, scores.subarray(at, at + classes), candidates));
    }
  }
  return found;
}
