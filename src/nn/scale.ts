/** A value, or a loss, times a number. */
import { finite } from "../check.js";
import { checkValue } from "./check-nn.js";
import { Loss } from "./loss.js";
import type { Nn } from "./nn.js";
import type { Value } from "./value.js";

/**
 * factor x. A loss gives a loss.
 * @throws RangeError when factor is not finite as a float32; TypeError for a loss from outside of the step
 *
 * @example nn.step(() => scale(nn, model.loss(ids, targets), 0.5));
 */
export function scale(nn: Nn, x: Loss, factor: number): Loss;
export function scale(nn: Nn, x: Value, factor: number): Value;
export function scale(nn: Nn, x: Value, factor: number): Value {
  checkValue("scale", "x", nn, x, "any");
  const { tape } = nn;
  finite("scale", "factor", factor);
  const y = tape.empty(x.shape);
  tape.scale(y, x.tensor, factor);

  return tape.record(
    y,
    [x],
    [],
    (dy) => {
      tape.give(x, (dx) => tape.scale(dx, dy, factor));
    },
    { item: x instanceof Loss ? factor * x.item : undefined },
  );
}
