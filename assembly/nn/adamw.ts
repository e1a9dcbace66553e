/**
 * One step of AdamW (Loshchilov and Hutter), in the order of torch.optim.AdamW:
 *
 *   g' = g gradScale        p -= lr decay p        m = beta1 m + (1 - beta1) g'        v = beta2 v + (1 - beta2) g'^2
 *   p -= lr (m / correction1) / (sqrt(v / correction2) + eps),   correction = 1 - beta^step
 *
 * The factors are made in float64 and rounded once: 1 - beta2 and 1 - lr decay would lose digits in float32.
 */
import { Simd } from "../simd";

/** p, m and v of n parameters are updated in place. */
export function adamw(
  p: usize,
  g: usize,
  m: usize,
  v: usize,
  n: i32,
  lr: f64,
  beta1: f64,
  beta2: f64,
  eps: f64,
  decay: f64,
  correction1: f64,
  correction2: f64,
  gradScale: f64,
): void {
  assert(n >= 0, "n must be 0 or more");
  const scale = f32x4.splat(<f32>gradScale);
  const keep = f32x4.splat(<f32>(1 - lr * decay));
  const old1 = f32x4.splat(<f32>beta1);
  const new1 = f32x4.splat(<f32>(1 - beta1));
  const old2 = f32x4.splat(<f32>beta2);
  const new2 = f32x4.splat(<f32>(1 - beta2));
  const rate = f32x4.splat(<f32>(lr / correction1));
  const root = f32x4.splat(<f32>(1 / Math.sqrt(correction2)));
  const e = f32x4.splat(<f32>eps);
  for (let i = 0; i < n; i += 4) {
    const at = (<usize>i) << 2;
    const grad = f32x4.mul(v128.load(g + at), scale);
    const first = Simd.madd(v128.load(m + at), old1, f32x4.mul(grad, new1));
    const second = Simd.madd(v128.load(v + at), old2, f32x4.mul(f32x4.mul(grad, grad), new2));
    const below = Simd.madd(f32x4.sqrt(second), root, e);
    const kept = f32x4.mul(v128.load(p + at), keep);
    Simd.storeFirst(p + at, f32x4.sub(kept, f32x4.div(f32x4.mul(first, rate), below)), n - i);
    Simd.storeFirst(m + at, first, n - i);
    Simd.storeFirst(v + at, second, n - i);
  }
}
