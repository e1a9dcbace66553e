import type { Tensor } from "../tensor.js";
import { Value } from "./value.js";

/**
 * A number that training makes smaller: what `nn.step` takes. Made by `crossEntropy`, `ctcLoss` and `loss`.
 *
 * @example
 * const value = nn.step(() => {
 *   const loss: Loss = model.loss(ids, targets);
 *   console.log(loss.item);
 *   return loss;
 * });
 */
export class Loss extends Value {
  /** The loss, in float64. */
  readonly item: number;

  /** @internal */
  constructor(tensor: Tensor, tracked: boolean, item: number) {
    super(tensor, tracked);
    this.item = item;
  }
}
