/** Losses whose gradients are known, and a model of two parameters for them. */
import { type Loss, loss, Module, type Nn, type Parameter, type Value } from "../../src/nn/index.js";

export class Pair extends Module {
  readonly a: Parameter;
  readonly b: Parameter;
  constructor(nn: Nn, value = 0) {
    super();
    this.a = nn.parameter(new Float32Array(3).fill(value), [3]);
    this.b = nn.parameter(new Float32Array(3).fill(value), [3]);
  }
}

/** The sum of y times numbers that do not change, so that its gradient is these. */
export const weighed = (nn: Nn, y: Value, weights: Float32Array): Loss =>
  loss(nn, y, (dy) => {
    dy?.set(weights);
    return y.toArray().reduce((sum, one, i) => sum + one * weights[i]!, 0);
  });

/** A step whose loss gives `parameter` this gradient. */
export const pull = (nn: Nn, parameter: Parameter, gradient = 1): number => {
  const forward = () =>
    loss(nn, parameter, (dx) => {
      dx?.data.fill(1);
      return 0;
    });
  return nn.step(forward, gradient);
};
