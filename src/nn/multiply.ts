/** Products of two values of one shape, such as a gate and what it lets through. */
import { shapeIs } from "../check-tensor.js";
import { checkUndisposed, checkValue } from "./check-nn.js";
import type { Nn } from "./nn.js";
import type { Value } from "./value.js";

/**
 * x y, elementwise: `torch.mul`.
 * @param x Any shape
 * @param y The same shape
 * @throws RangeError when the shapes differ; TypeError when x or y is no value of this instance, or has ended with its step
 *
 * @example const y = multiply(nn, activation(nn, x, "silu"), x); // SwiGLU, whose second factor is another projection
 */
export function multiply(nn: Nn, x: Value, y: Value): Value {
  checkValue("multiply", "x", nn, x, "any");
  const { tape } = nn;
  checkValue("multiply", "y", nn, y, "any");
  shapeIs("multiply", "y", y.tensor, x.shape);
  const z = tape.empty(x.shape);
  tape.multiply(z, x.tensor, y.tensor);

  return tape.record(z, [x, y], [], (dz) => {
    checkUndisposed("multiply", { x: x.tensor, y: y.tensor });
    tape.give(x, (dx) => tape.multiply(dx, dz, y.tensor));
    tape.give(y, (dy) => tape.multiply(dy, dz, x.tensor));
  });
}
