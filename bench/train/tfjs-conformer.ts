/**
 * A Conformer block of a training step in TensorFlow.js. The convolution over time and both its gradients are XNNPACK's
 * `depthwiseConv2d`: for the input with the taps reversed, for the taps with the gradient as a filter of N taps. Other ways took
 * so many times as long, a whole step at d 64, 128 and 192, in turn with this one on a busy machine:
 *
 * - shifted products, summed over rows by products with ones: 1.15, 1.22, 1.2
 * - the gradient of the taps on typed arrays: 1.02, 1.03, 1.05
 * - by itself: on typed arrays 1.5, a sum over a stack of the shifted inputs 3, products of each channel with a Toeplitz matrix 3
 *   to 11
 * - no convolution at all: 0.93, 0.95, 0.96
 *
 * One product cut in value and gate is as fast as a product for each.
 */
import type { Tensor, Tf } from "../peers/tfjs.js";
import type { Apply, Layer, Layers } from "./tfjs-layers.js";

/** The first half of x times the sigmoid of the second. */
function glu(tf: Tf, x: Tensor): Layer {
  const [value, gate] = tf.split(x, 2, 1) as [Tensor, Tensor];
  const s = tf.sigmoid(gate);
  const y = tf.mul(value, s);
  return [y, (dy) => tf.concat([tf.mul(dy, s), tf.mul(dy, tf.mul(y, tf.sub(1, s)))], 1)];
}

/** Weight [K, C]. */
function depthwise(layers: Layers, x: Tensor, name: string): Layer {
  const { tf, workload, form, give } = layers.parts;
  const { batch: B, width: C } = workload.sizes;
  const N = form.rows;
  const weight = layers.of(`${name}.weight`);
  const K = weight.shape[0]!;
  const P = (K - 1) / 2;
  const convolve = (z: Tensor, w: Tensor) =>
    tf.reshape(tf.depthwiseConv2d(tf.reshape(z, [B, N, 1, C]), tf.reshape(w, [K, 1, C, 1]), 1, "same"), [B * N, C]);
  /** To [N, B C]: one image of B C channels. */
  const wide = (z: Tensor) => tf.reshape(tf.transpose(tf.reshape(z, [B, N, C]), [1, 0, 2]), [N, B * C]);
  const back = (dy: Tensor) => {
    const around = tf.pad(wide(x), [
      [P, P],
      [0, 0],
    ]);
    const image = tf.reshape(around, [1, N + 2 * P, 1, B * C]);
    const each = tf.depthwiseConv2d(image, tf.reshape(wide(dy), [N, 1, B * C, 1]), 1, "valid");
    give(`${name}.weight`, tf.sum(tf.reshape(each, [K, B, C]), 1));
    give(`${name}.bias`, layers.sumRows(dy));
    return convolve(dy, tf.reverse(weight, 0));
  };
  return [tf.add(convolve(x, weight), layers.of(`${name}.bias`)), back];
}

export function conformerBlock(layers: Layers, at: string): readonly Apply[] {
  const feedForward = (name: string): Apply => {
    const hidden: Apply[] = [
      (y) => layers.norm(y, `${at}.${name}_ln`),
      (y) => layers.linear(y, `${at}.${name}_fc`),
      (y) => layers.silu(y),
      (y) => layers.linear(y, `${at}.${name}_out`),
    ];
    return (x) => layers.residual(x, hidden, 0.5);
  };
  const attention: Apply[] = [(y) => layers.norm(y, `${at}.attn_ln`), (y) => layers.attention(y, `${at}.attn`)];
  const convolution: Apply[] = [
    (y) => layers.norm(y, `${at}.conv_ln`),
    (y) => layers.linear(y, `${at}.pw1`),
    (y) => glu(layers.parts.tf, y),
    (y) => depthwise(layers, y, `${at}.dw`),
    (y) => layers.norm(y, `${at}.conv_norm`),
    (y) => layers.silu(y),
    (y) => layers.linear(y, `${at}.pw2`),
  ];
  return [
    feedForward("ff1"),
    (x) => layers.residual(x, attention),
    (x) => layers.residual(x, convolution),
    feedForward("ff2"),
    (x) => layers.norm(x, `${at}.ln`),
  ];
}
