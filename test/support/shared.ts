/** A module that the tests of nn share, and gradients held against differences. */
import * as assert from "uvu/assert";
import { embedding, type Loss, Module, type Nn, type Parameter, Random, type Value } from "../../src/nn/index.js";

/** Its parameters are used in several places. */

export class Shared extends Module {
  readonly table: Parameter;
  readonly gamma: Parameter;
  readonly beta: Parameter;
  readonly other: Parameter;
  readonly taps: Parameter;
  readonly square: Parameter;

  constructor(nn: Nn) {
    super();
    const random = new Random(4);
    const make = (...shape: number[]) =>
      nn.parameter(
        random.normals(
          shape.reduce((a, b) => a * b),
          0.7,
        ),
        shape,
      );
    this.table = make(5, 4);
    this.gamma = make(4);
    this.beta = make(4);
    this.other = make(4);
    this.taps = make(4, 1, 3);
    this.square = make(4, 4);
  }
}

export const ids = [0, 1, 2, 3, 4, 0];
export const targets = [1, 2, 3, 0, 2, 1];
export const tokens = (nn: Nn, { table }: Shared): Value => embedding(nn, ids, [2, 3], table);

/** Every gradient of `loss` is its central difference. */
export function checkGradients(label: string, nn: Nn, model: Module, loss: () => Loss): void {
  // Gradients of an earlier step lie about, and count as used up.
  for (const { grad } of model.parameters.values()) grad.data.fill(1e3);
  nn.step(loss);
  for (const [name, { tensor, grad, fresh }] of model.parameters) {
    // One that has no part has no gradient: then the loss must not move with it at all.
    const [values, gradient] = [tensor.toArray(), fresh ? grad.toArray().fill(0) : grad.toArray()];
    const size = Math.max(...gradient.map(Math.abs));
    assert.ok(fresh || size > 1e-3, `${label} ${name}: ${size}`);
    for (let i = 0; i < values.length; i++) {
      const h = 2 ** -7;
      const at = (value: number): number => {
        tensor.set(values.map((x, n) => (n === i ? value : x)));
        return nn.evaluate(() => loss().item);
      };
      const difference = (at(values[i]! + h) - at(values[i]! - h)) / (2 * h);
      tensor.set(values);
      // The rounding of two losses, 2^-22 each, over 2 h, and h^2 times a third derivative of order one.
      const error = Math.abs(difference - gradient[i]!);
      assert.ok(error <= (fresh ? 0 : 2e-4 + 0.01 * size), `${label} ${name} ${i}: ${gradient[i]}, ${difference}`);
    }
  }
}
