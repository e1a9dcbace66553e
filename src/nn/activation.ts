/** Activations, elementwise. The forward pass makes the slope as well, from the same exp: the backward pass is one product. */
import { oneOf } from "../check.js";
import { ACTIVATIONS } from "../generated/shared.js";
import { count } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { checkValue } from "./check-nn.js";
import type { Nn } from "./nn.js";
import { split } from "./split.js";
import type { Value } from "./value.js";

/**
 * `gelu`: with tanh, as in GPT-2 (elsewhere `gelu_new`, `gelu_pytorch_tanh`, `approximate="tanh"`); `gelu-erf`: exact, what others call
 * `gelu`, as in the original BERT and ViT; `silu`: x times its sigmoid; `relu`; `tanh`.
 *
 * @example const activation: Activation = "gelu";
 */
export type Activation = "gelu" | "gelu-erf" | "silu" | "relu" | "tanh";

export function checkActivation(where: string, activation: unknown, name = "activation"): void {
  oneOf(where, name, activation, Object.keys(ACTIVATIONS));
}

/** Passes (split.ts) that an element takes: 1.1 ns with `gelu`, 1.4 with its slope; `silu` 1.0 and 1.3, `gelu-erf` 1.9 and 2.3. */
const PASSES = 4;

/** y = act(z), and slope = act'(z) where it is asked for, which may be z. */
export function act({ engine }: Nn, y: Tensor, z: Tensor, activation: Activation, slope?: Tensor): void {
  const n = count(z.shape);
  split(engine, "act", n, 64, PASSES * n, (first, size) => {
    const at = 4 * first;
    return [y.ptr + at, slope === undefined ? 0 : slope.ptr + at, z.ptr + at, size, ACTIVATIONS[activation]];
  });
}

/**
 * An activation by itself, elementwise; a linear layer has it behind its product.
 * @param x Any shape
 * @param kind "gelu" (Hendrycks and Gimpel, arXiv 1606.08415), "gelu-erf", "silu" (Elfwing et al., arXiv 1702.03118), "relu" or "tanh"
 * @returns The same shape
 * @throws TypeError when x is no value of this instance, or has ended with its step, and for no such activation
 *
 * @example const y = activation(nn, x, "silu");
 */
export function activation(nn: Nn, x: Value, kind: Activation): Value {
  checkValue("activation", "x", nn, x, "any");
  checkActivation("activation", kind, "kind");
  const { tape } = nn;
  const y = tape.empty(x.shape);
  const slope = tape.tracks([x]) ? tape.empty(x.shape) : undefined;
  act(nn, y, x.tensor, kind, slope);

  const backward = (dy: Tensor): void => {
    tape.multiply(slope!, dy, slope!);
    tape.hand(x, slope!);
  };
  return tape.record(y, [x], [], backward, { handed: slope });
}
