/** x times its sigmoid, elementwise; linear.ts has it behind a product. */
import type { Tensor } from "../tensor.js";
import { act, actBackward } from "./activation.js";
import { checkValue } from "./check-nn.js";
import type { Nn } from "./nn.js";
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
  checkValue("silu", "x", nn, x, "any");
  const { tape } = nn;
  const y = tape.empty(x.shape);
  const slope = tape.tracks([x]) ? tape.empty(x.shape) : undefined;
  act(nn, y, x.tensor, "silu", slope);

  const backward = (dy: Tensor): void => {
    actBackward(nn, slope!, dy, slope!);
    tape.hand(x, slope!);
  };
  return tape.record(y, [x], [], backward, { handed: slope });
}
