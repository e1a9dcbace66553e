/** x times its sigmoid, elementwise; behind a linear layer it is one pass with the bias (linear.ts). */
import { count } from "../shape.js";
import { value } from "./check-nn.js";
import { ACTIVATION_WORK, ACTIVATIONS } from "./linear.js";
import type { Nn } from "./nn.js";
import { split } from "./split.js";
import type { Value } from "./value.js";

/**
 * x times its sigmoid (Elfwing et al., arXiv 1702.03118): `torch.nn.functional.silu`.
 * @param x Any shape
 * @returns The same shape
 * @throws TypeError when x is no value of this instance, or has ended with its step
 *
 * @example const y = silu(nn, x);
 */
export function silu(nn: Nn, x: Value): Value {
  const { tape, engine } = nn;
  value("silu", "x", nn, x, "any");
  const n = count(x.shape);
  const y = tape.empty(x.shape);
  split(engine, "act", n, 64, ACTIVATION_WORK * n, (first, size) => {
    return [y.ptr + 4 * first, x.tensor.ptr + 4 * first, size, ACTIVATIONS.silu];
  });

  return tape.record(y, [x], [], (dy) => {
    tape.give(x, (dx) => {
      split(engine, "actBackward", n, 64, ACTIVATION_WORK * n, (first, size) => {
        const at = 4 * first;
        return [dx.ptr + at, dy.ptr + at, x.tensor.ptr + at, size, ACTIVATIONS.silu];
      });
    });
  });
}
