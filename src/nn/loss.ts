import { count } from "../shape.js";
import type { Tensor } from "../tensor.js";
import type { Nn } from "./nn.js";
import { split } from "./split.js";
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
  static record(nn: Nn, item: number, x: Value, dx: Tensor | undefined, saved: readonly Tensor[]): Loss {
    const { tape, engine } = nn;
    const tensor = tape.empty([1]);
    tensor.data[0] = item;
    const made = dx === undefined ? saved : [...saved, dx];
    const backward = (dout: Tensor): void => {
      const factor = dout.data[0]!;
      const n = count(x.shape);
      tape.give(x, (to) => {
        split(engine, "scale", n, 64, n, (first, size) => [to.ptr + 4 * first, dx!.ptr + 4 * first, factor, size]);
      });
    };
    return tape.record(tensor, [x], made, backward, (tracked) => new Loss(tensor, tracked, item));
  }
}
