/** A value, or a loss, times a number. */
import { real } from "../check-number.js";
import { count } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { value } from "./check-nn.js";
import { Loss } from "./loss.js";
import type { Nn } from "./nn.js";
import { split } from "./split.js";
import type { Value } from "./value.js";

/**
 * factor x. A loss gives a loss.
 *
 * @example nn.step(() => scale(nn, model.loss(ids, targets), 0.5));
 */
export function scale(nn: Nn, x: Loss, factor: number): Loss;
export function scale(nn: Nn, x: Value, factor: number): Value;
export function scale(nn: Nn, x: Value, factor: number): Value {
  const { tape, engine } = nn;
  value("scale", "x", nn, x, "any");
  real("scale", "factor", factor);
  const n = count(x.shape);
  const run = (to: Tensor, from: Tensor): void => {
    split(engine, "scale", n, 64, n, (first, size) => [to.ptr + 4 * first, from.ptr + 4 * first, factor, size]);
  };
  const y = tape.empty(x.shape);
  run(y, x.tensor);

  return tape.record(
    y,
    [x],
    [],
    (dy) => {
      tape.give(x, (dx) => run(dx, dy));
    },
    Loss.maker(y, x instanceof Loss ? factor * x.item : undefined),
  );
}
