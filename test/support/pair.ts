/** A model of two parameters, and steps that give one of them a gradient. */
import { loss, Module, type Nn, type Parameter } from "../../src/nn/index.js";

export class Pair extends Module {
  readonly a: Parameter;
  readonly b: Parameter;
  constructor(nn: Nn, value = 0) {
    super();
    this.a = nn.parameter(new Float32Array(3).fill(value), [3]);
    this.b = nn.parameter(new Float32Array(3).fill(value), [3]);
  }
}

/** A step whose loss gives `parameter` this gradient. */
export const pull = (nn: Nn, parameter: Parameter, gradient = 1): number => {
  const forward = () =>
    loss(nn, parameter, (dx) => {
      dx?.data.fill(1);
      return 0;
    });
  return nn.step(forward, gradient);
};
