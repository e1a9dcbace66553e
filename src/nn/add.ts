/** Sums of two values of one shape, such as residual connections, and of two losses. */
import { finite } from "../check.js";
import { shapeIs } from "../check-tensor.js";
import { checkValue } from "./check-nn.js";
import { Loss } from "./loss.js";
import type { Nn } from "./nn.js";
import type { Value } from "./value.js";

/**
 * x + factor y: `torch.add(x, y, alpha=factor)`. Two losses give a loss.
 * @param x Any shape
 * @param y The same shape
 * @param factor Of y, default 1
 * @throws RangeError when the shapes differ, or factor is not finite as a float32; TypeError for a loss from outside of the step
 *
 * @example const y = add(nn, x, activation(nn, x, "silu"), 0.5); // the shape of x
 */
export function add(nn: Nn, x: Loss, y: Loss, factor?: number): Loss;
export function add(nn: Nn, x: Value, y: Value, factor?: number): Value;
export function add(nn: Nn, x: Value, y: Value, factor = 1): Value {
  checkValue("add", "x", nn, x, "any");
  const { tape } = nn;
  checkValue("add", "y", nn, y, "any");
  shapeIs("add", "y", y.tensor, x.shape);
  finite("add", "factor", factor);
  const sum = tape.empty(x.shape);
  tape.sum(sum, x.tensor, y.tensor, factor);
  const item = x instanceof Loss && y instanceof Loss ? x.item + factor * y.item : undefined;

  const out: Value = tape.record(
    sum,
    [x, y],
    [],
    (dout) => {
      if (factor === 1) tape.pass(y, out, dout);
      else tape.give(y, (to) => tape.scale(to, dout, factor));
      tape.pass(x, out, dout);
    },
    { item },
  );
  return out;
}
