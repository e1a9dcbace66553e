/**
 * Cross-entropy of rows of logits against one target each, and its gradient, in one pass over a row:
 *
 *   loss_r = log sum_j exp(x_j) - x_target        dlogits_j = (exp(x_j) / sum - [j is the target]) factor
 */
import { expRow } from "../log-sum-exp";
import { Simd } from "../simd";
import { exp64, log64 } from "./float64";

/**
 * loss [rows] float64, logits and dlogits [rows, width], targets i32 [rows]: below 0, the row has loss and gradient 0. dlogits may be
 * logits, or 0: only the loss.
 */
export function crossEntropy(
  loss: usize,
  dlogits: usize,
  logits: usize,
  targets: usize,
  rows: i32,
  width: i32,
  factor: f64,
): void {
  assert(rows >= 0 && width > 0, "rows must be 0 or more, width 1 or more");
  const bytes = (<usize>width) << 2;
  for (let r = 0; r < rows; ++r, logits += bytes, loss += 8, targets += 4) {
    const target = load<i32>(targets);
    assert(target < width, "targets must be below width");
    if (target < 0) {
      store<f64>(loss, 0);
      if (dlogits) memory.fill(dlogits, 0, bytes);
    } else {
      const at = (<usize>target) << 2;
      const chosen = <f64>load<f32>(logits + at);
      const top = Simd.max(logits, width);
      const sum = expRow(dlogits, logits, width, top);
      store<f64>(loss, <f64>top - chosen + log64(sum));
      if (dlogits) gradient(dlogits, at, exp64(chosen - <f64>top), width, sum, factor);
    }
    if (dlogits) dlogits += bytes;
  }
}

/** The target's own gradient is made in float64: where its probability is near 1, the difference would lose all digits. */
function gradient(d: usize, at: usize, chosen: f64, width: i32, sum: f64, factor: f64): void {
  const own = <f32>(((chosen - sum) / sum) * factor);
  const f = f32x4.splat(<f32>(factor / sum));
  for (let c = 0; c < width; c += 4) {
    const to = d + ((<usize>c) << 2);
    if (Simd.storeEnds(to, f32x4.mul(v128.load(to), f), width - c)) break;
  }
  store<f32>(d + at, own);
}
