/**
 * Connectionist temporal classification (Graves et al. 2006), log softmax included. With the extended target l: blank, label, blank,
 * label, ..., blank (2 S + 1 states), and lp_t(s) = log softmax of the logits of frame t at l_s, all in float64:
 *
 *   alpha_t(s) = lp_t(s) + log(exp alpha_t-1(s) + exp alpha_t-1(s - 1) [+ exp alpha_t-1(s - 2)])
 *   beta_t(s)  = log(exp next(s) + exp next(s + 1) [+ exp next(s + 2)]),   next(s) = beta_t+1(s) + lp_t+1(s)
 *   loss       = -log(exp alpha_end(last) + exp alpha_end(last - 1))
 *   d loss / d logit_tv = softmax_tv - sum over s with l_s = v of exp(alpha_t(s) + beta_t(s) + loss)
 *
 * The step over two states is allowed where it skips a blank between different labels.
 */
import { Exp } from "../exp";
import { expRow } from "../log-sum-exp";
import { Simd } from "../simd";
import { exp64, log64 } from "./float64";

/**
 * Scratch for frames up to T and targets up to S, in floats: lse [T], then alpha [T, 2 S + 1], next and gamma [2 S + 1]. At most what
 * u32 holds: that is too much in any case.
 */
export function ctcScratch(T: i32, S: i32): usize {
  return <usize>min<u64>(2 * (<u64>T + (<u64>T + 2) * (2 * <u64>S + 1)), u32.MAX_VALUE);
}

/** The state s of the extended target. */
function labelOf(targets: usize, s: i32, blank: i32): i32 {
  return s & 1 ? load<i32>(targets + ((<usize>(s >> 1)) << 2)) : blank;
}

/** Whether state s may follow state s - 2. */
function skips(targets: usize, s: i32): bool {
  return s > 1 && (s & 1) == 1 && labelOf(targets, s, 0) != labelOf(targets, s - 2, 0);
}

/** log(exp a + exp b + exp c); NaN stays. */
function logSum(a: f64, b: f64, c: f64): f64 {
  const top = max(a, max(b, c));
  if (top == -Infinity) return top;
  return top + log64(exp64(a - top) + exp64(b - top) + exp64(c - top));
}

/**
 * logits [B, T, V], targets i32 [B, S] of which targetLengths i32 [B] count, frames i32 [B]: how many of the T frames count.
 * loss float64 [B]; dlogits = factors_b d loss_b / d logits, factors f32 [B], 0 beyond frames_b; may be logits, or 0: only the loss.
 *
 * A target that the frames have no room for: loss +inf, and as torch.nn.CTCLoss has it a gradient of NaN; zero_infinity is the
 * caller's. No frames: loss 0 for the empty target, else +inf, and no gradient.
 */
export function ctc(
  loss: usize,
  dlogits: usize,
  logits: usize,
  targets: usize,
  targetLengths: usize,
  frames: usize,
  scratch: usize,
  B: i32,
  T: i32,
  V: i32,
  S: i32,
  blank: i32,
  factors: usize,
): void {
  assert(B >= 0 && T >= 0 && S >= 0 && V > 0, "B, T and S must be 0 or more, V 1 or more");
  assert(0 <= blank && blank < V, "blank must be one of the V labels");
  const bytes = (<usize>T * <usize>V) << 2;
  const alpha = scratch + ((<usize>T) << 3);
  for (let b = 0; b < B; ++b, logits += bytes, targets += (<usize>S) << 2) {
    const at = (<usize>b) << 2;
    const count = load<i32>(frames + at);
    const length = load<i32>(targetLengths + at);
    assert(0 <= count && count <= T, "frames must be 0 to T");
    assert(0 <= length && length <= S, "targetLengths must be 0 to S");
    const states = 2 * length + 1;
    const value = forward(scratch, alpha, logits, targets, count, V, states, blank);
    store<f64>(loss + 2 * at, value);
    if (!dlogits) continue;
    const factor = load<f32>(factors + at);
    const counted = (<usize>count * <usize>V) << 2;
    if (value == Infinity)
      memory.fill(dlogits, 0xff, counted); // NaN
    else backward(dlogits, value, factor, scratch, alpha, logits, targets, count, V, states, blank);
    memory.fill(dlogits + counted, 0, bytes - counted);
    dlogits += bytes;
  }
}

function forward(
  lse: usize,
  alpha: usize,
  logits: usize,
  targets: usize,
  count: i32,
  V: i32,
  states: i32,
  blank: i32,
): f64 {
  if (count == 0) return states == 1 ? 0 : Infinity;
  const row = (<usize>states) << 3;
  for (let t = 0; t < count; ++t, logits += (<usize>V) << 2, lse += 8, alpha += row) {
    const top = Simd.max(logits, V);
    const total = <f64>top + log64(expRow(0, logits, V, top));
    store<f64>(lse, total);
    for (let s = 0; s < states; ++s) {
      const at = alpha + ((<usize>s) << 3);
      const before = at - row;
      let path: f64 = s < 2 ? 0 : -Infinity; // frame 0 may have state 0 or 1
      if (t > 0) {
        const one = s > 0 ? load<f64>(before - 8) : -Infinity;
        const two = skips(targets, s) ? load<f64>(before - 16) : -Infinity;
        path = logSum(load<f64>(before), one, two);
      }
      store<f64>(at, path + (<f64>load<f32>(logits + ((<usize>labelOf(targets, s, blank)) << 2)) - total));
    }
  }
  return -logSum(load<f64>(alpha - 8), states > 1 ? load<f64>(alpha - 16) : -Infinity, -Infinity);
}

/** Frames from the last to the first. A row's logits are read before its gradient is written, which may lie there. */
function backward(
  dlogits: usize,
  loss: f64,
  factor: f32,
  lse: usize,
  alpha: usize,
  logits: usize,
  targets: usize,
  count: i32,
  V: i32,
  states: i32,
  blank: i32,
): void {
  const row = (<usize>states) << 3;
  const next = alpha + <usize>count * row;
  const gamma = next + row;
  for (let t = count - 1; t >= 0; --t) {
    const x = logits + ((<usize>t * <usize>V) << 2);
    const d = dlogits + ((<usize>t * <usize>V) << 2);
    const total = load<f64>(lse + ((<usize>t) << 3));
    for (let s = 0; s < states; ++s) {
      const at = (<usize>s) << 3;
      let beta: f64 = s >= states - 2 ? 0 : -Infinity;
      if (t < count - 1) {
        const one = s < states - 1 ? load<f64>(next + at + 8) : -Infinity;
        const two = s < states - 2 && skips(targets, s + 2) ? load<f64>(next + at + 16) : -Infinity;
        beta = logSum(load<f64>(next + at), one, two); // next(s) is not needed again
      }
      const passing = load<f64>(alpha + <usize>t * row + at) + beta + loss;
      store<f64>(gamma + at, exp64(passing) * <f64>factor);
      store<f64>(next + at, beta + (<f64>load<f32>(x + ((<usize>labelOf(targets, s, blank)) << 2)) - total));
    }
    softmaxRow(d, x, V, total, factor);
    for (let s = 0; s < states; ++s) {
      const to = d + ((<usize>labelOf(targets, s, blank)) << 2);
      store<f32>(to, <f32>(<f64>load<f32>(to) - load<f64>(gamma + ((<usize>s) << 3))));
    }
  }
}

/** d = exp(x - total) factor; total is taken off in two parts, since one float32 would not hold it. */
function softmaxRow(d: usize, x: usize, V: i32, total: f64, factor: f32): void {
  const high = f32x4.splat(<f32>total);
  const low = f32x4.splat(<f32>(total - <f64>(<f32>total)));
  const f = f32x4.splat(factor);
  for (let v = 0; v < V; v += 4) {
    const at = (<usize>v) << 2;
    const p = Exp.core(f32x4.sub(f32x4.sub(v128.load(x + at), high), low));
    if (Simd.storeEnds(d + at, f32x4.mul(p, f), V - v)) return;
  }
}
