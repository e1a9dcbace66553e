/**
 * A Conformer block of a training step in jax-js. The convolution over time is a sum of shifted products. Other ways took so many
 * times as long, a whole step at d 64, 128 and 192, in turn with this one on a busy machine:
 *
 * - `convGeneralDilated` with a group a channel: 0.9 to 1.07, 1.0, 1.07; by itself 2 to 4
 * - shifted products with time as the last axis: 1.15, 1.0
 * - a sum over a stack of the shifted inputs: 1.1, 1.1
 * - multiplied before the shift: 1.05, 1.0, 1.1
 * - a term for each gradient, the other factor under `stopGradient`, for fewer kernels: 1.0, 1.1, 1.05
 * - by itself: products of each channel with a Toeplitz matrix 5 to 57, with its shifted inputs as columns 4 to 9
 * - no convolution at all: 0.8, 0.83, 0.95
 *
 * One product cut in value and gate is as fast as a product for each.
 */
import type { Jarray, Tree } from "../peers/jax-js.js";
import type { Layers } from "./jax-layers.js";

/** Weight [K, C]. */
function depthwise(layers: Layers, x: Jarray, p: Tree, name: string, K: number): Jarray {
  const { width: C, batch: B } = layers.workload.sizes;
  const N = layers.rows;
  const P = (K - 1) / 2;
  const around = layers.jax.numpy.pad(x.reshape([B, N, C]), [
    [0, 0],
    [P, P],
    [0, 0],
  ]);
  const weight = p[`${name}.weight`]!;
  let sum = p[`${name}.bias`]!;
  for (let k = 0; k < K; k++) {
    const shifted = around.ref.slice([], [k, k + N], []);
    sum = shifted.mul(weight.ref.slice(k)).add(sum);
  }
  around.dispose();
  weight.dispose();
  return sum.reshape([B * N, C]);
}

export function conformerBlock(layers: Layers, x: Jarray, p: Tree, at: string, mask: Jarray | undefined): Jarray {
  const { task } = layers.workload;
  if (task.family !== "conformer") throw new Error(`a ${task.family} has no convolution`);
  const feedForward = (of: Jarray, name: string) => {
    const hidden = layers.silu(layers.linear(layers.norm(of, p, `${at}.${name}_ln`), p, `${at}.${name}_fc`));
    return layers.linear(hidden, p, `${at}.${name}_out`).mul(0.5);
  };
  let y = x.ref.add(feedForward(x, "ff1"));
  y = y.ref.add(layers.attention(layers.norm(y, p, `${at}.attn_ln`), p, `${at}.attn`, mask));
  const seen = layers.norm(y.ref, p, `${at}.conv_ln`);
  const [value, gate] = layers.jax.numpy.split(layers.linear(seen, p, `${at}.pw1`), 2, 1) as [Jarray, Jarray];
  const gated = layers.gated(value, gate.mul(-1));
  const convolved = layers.norm(depthwise(layers, gated, p, `${at}.dw`, task.kernel), p, `${at}.conv_norm`);
  y = y.add(layers.linear(layers.silu(convolved), p, `${at}.pw2`));
  y = y.ref.add(feedForward(y, "ff2"));
  return layers.norm(y, p, `${at}.ln`);
}
