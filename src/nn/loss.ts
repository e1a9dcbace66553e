import type { Tensor } from "../tensor.js";
import type { Nn } from "./nn.js";
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

  /** What makes the result of an operation: a loss where there is an item. @internal */
  static maker(tensor: Tensor, item: number | undefined): (tracked: boolean) => Value {
    return (tracked) => (item === undefined ? new Value(tensor, tracked) : new Loss(tensor, tracked, item));
  }

  /**
   * A loss whose forward pass has already written its gradient, `dx`, for a gradient of 1.
   * @internal
   */
  static record({ tape }: Nn, item: number, x: Value, dx: Tensor | undefined, saved: readonly Tensor[]): Loss {
    const tensor = tape.empty([1]);
    tensor.data[0] = item;
    const backward = (dout: Tensor): void => {
      tape.scale(dx!, dx!, dout.data[0]!);
      tape.hand(x, dx!);
    };
    return tape.record(tensor, [x], saved, backward, (tracked) => new Loss(tensor, tracked, item), dx);
  }
}
