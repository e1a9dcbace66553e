/** Softmax and cross-entropy in one pass, which writes the gradient too. */
import { alive } from "../check.js";
import { count } from "../shape.js";
import { checkIds, checkValue } from "./check-nn.js";
import type { Loss } from "./loss.js";
import type { Nn } from "./nn.js";
import { split } from "./split.js";
import type { Value } from "./value.js";

/** Passes (split.ts) that an element takes: 3.9 ns, with 65 classes. */
const PASSES = 10;

/**
 * Mean of -log softmax(logits)[target] over the targets that are not ignored.
 * @param logits [..., V]
 * @param targets An integer of 0 to V - 1 for each row, or -1 to leave the row out
 * @returns The mean; NaN when every target is ignored, as in PyTorch
 * Computes `torch.nn.functional.cross_entropy(logits, targets, ignore_index=-1)`, summed in float64.
 * @throws RangeError when a target is neither -1 nor a column of logits, or there are not as many as rows
 *
 * @example crossEntropy(nn, x, [0, 1, 2, 3, 4, 5, 6, 7, -1, -1]).item; // x is [2, 5, 8]: ten rows of eight classes
 */
export function crossEntropy(nn: Nn, logits: Value, targets: ArrayLike<number>): Loss {
  checkValue("crossEntropy", "logits", nn, logits);
  const { tape, engine } = nn;
  const [rows, width] = [count(logits.shape.slice(0, -1)), logits.shape.at(-1)!];
  const checked = checkIds("crossEntropy", targets, rows, width, -1, "targets");
  alive("crossEntropy", "logits", logits.tensor); // still, when all getters have run
  const seen = checked.filter((target) => target >= 0).length;
  const numbers = tape.integers(checked);
  const losses = tape.empty([2 * rows]); // float64
  const dlogits = tape.tracks([logits]) ? tape.empty(logits.shape) : undefined;
  split(engine, "crossEntropy", rows, 1, PASSES * rows * width, (first, size) => {
    const at = 4 * first * width;
    const inputs = [logits.tensor.ptr + at, numbers.ptr + 4 * first, size, width, 1 / seen] as const;
    return [losses.ptr + 8 * first, dlogits === undefined ? 0 : dlogits.ptr + at, ...inputs];
  });
  const mean = engine.kernels.sum64(losses.ptr, rows) / seen;
  losses.dispose();
  return tape.loss(mean, logits, dlogits, [numbers]);
}
