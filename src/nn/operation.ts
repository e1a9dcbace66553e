/** Operations and losses of a user's own, on the tape beside those of this package. */
import * as check from "../check.js";
import { list } from "../check-number.js";
import { Tensor } from "../tensor.js";
import { checkInstance, checkUndisposed, checkValue } from "./check-nn.js";
import type { Loss } from "./loss.js";
import type { Nn } from "./nn.js";
import { Value } from "./value.js";

/**
 * What {@link operation} takes: the shape of the result, and both passes.
 *
 * @example const copy: Operation = { shape: [2, 5, 8], forward: (y) => y.set(x.toArray()), backward: (dy, [dx]) => dx?.set(dy.data) };
 */
export interface Operation {
  /** Sizes of the result. */
  shape: readonly number[];
  /**
   * Writes every element of the result. Called once, at once.
   *
   * @example const forward: Operation["forward"] = (y) => y.set(x.toArray());
   */
  forward(y: Tensor): void;
  /**
   * Given the gradient of the result, adds to those of the inputs, which begin as zeros: one for each input, `undefined` where
   * none is wanted. Called once in a step, after the backward passes of all that was made of the result. `dy` is only to be read: it may be
   * the gradient of other values too.
   *
   * @example const backward: Operation["backward"] = (dy, [dx]) => dx?.set(dy.data);
   */
  backward(dy: Tensor, gradients: readonly (Tensor | undefined)[]): void;
}

/**
 * An operation of your own, computed in JavaScript or by `nn.la`. What it makes with `nn.la` inside a step ends with the step.
 * @param inputs All values that the result depends on; the same one may stand twice
 * @param passes The shape of the result, and both passes
 * @throws What `forward` throws; TypeError for an input that is no value of this instance, or a pass that is no function, or returns a
 * promise or other tensors, or disposes what it writes; RangeError for a wrong shape, and when memory is exhausted
 *
 * @example
 * const double = (x: Value) =>
 *   operation(nn, [x], {
 *     shape: x.shape,
 *     forward: (y) => y.set(x.toArray().map((one) => 2 * one)),
 *     backward: (dy, [dx]) => dx?.data.forEach((_, i, data) => { data[i]! += 2 * dy.data[i]!; }),
 *   });
 * double(x).shape; // [2, 5, 8]
 */
export function operation(nn: Nn, inputs: readonly Value[], passes: Operation): Value {
  checkInstance("operation", nn);
  const { tape } = nn;
  const { shape, forward, backward } = passes ?? {};
  const sizes = check.shape("operation", shape, "f32");
  list("operation", "inputs", inputs);
  check.callback("operation", forward, "forward");
  check.callback("operation", backward, "backward");
  const values = Array.from(inputs);
  for (const [index, input] of values.entries()) checkValue("operation", `inputs[${index}]`, nn, input, "any");
  const y = tape.empty(sizes);
  checkWritten("forward", forward(y), [y]);
  checkUndisposed("operation", { y });
  return tape.record(y, values, [], (dy) => {
    const made = values.map((input) => {
      const gradient = input.tracked ? tape.empty(input.shape) : undefined;
      gradient?.data.fill(0);
      return gradient;
    });
    Object.freeze(made); // an element that is replaced would be lost too
    checkWritten("backward", backward(dy, made), [dy, made, ...made]);
    for (const [index, gradient] of made.entries()) {
      if (gradient === undefined) continue;
      checkUndisposed("operation", { [`gradients[${index}]`]: gradient });
      tape.hand(values[index]!, gradient);
    }
  });
}

const isResult = (one: unknown): boolean => one instanceof Tensor || Value.is(one);

/** Passes write into what they are given, which they may return; other tensors that they return, alone or in an array, would be lost. */
function checkWritten(name: "forward" | "backward", result: unknown, given: readonly unknown[]): void {
  check.notPromise("operation", result, name);
  const all: readonly unknown[] = Array.isArray(result) ? result : [result];
  if (all.every((one) => given.includes(one) || !isResult(one))) return;
  const task = name === "forward" ? "write the result into y" : "add to the gradients that it is given";
  throw new TypeError(`operation: ${name} must ${task}, got ${check.show(result)} returned`);
}

/**
 * A loss of your own.
 * @param x What it is a function of
 * @param compute Returns the loss, and adds its gradient with respect to x to `dx`, which begins as zeros, unless none is wanted
 * @throws What `compute` throws; TypeError when it returns no number; RangeError when memory is exhausted
 *
 * @example
 * const goal = x.toArray().fill(1);
 * const mse = loss(nn, x, (dx) => {
 *   const errors = x.toArray().map((one, i) => one - goal[i]!);
 *   dx?.set(errors.map((one) => (2 * one) / errors.length));
 *   return errors.reduce((sum, one) => sum + one * one, 0) / errors.length;
 * });
 * mse.item;
 */
export function loss(nn: Nn, x: Value, compute: (dx: Tensor | undefined) => number): Loss {
  checkValue("loss", "x", nn, x, "any");
  const { tape } = nn;
  check.callback("loss", compute, "compute");
  const dx = tape.tracks([x]) ? tape.empty(x.shape) : undefined;
  dx?.data.fill(0);
  const item = compute(dx);
  if (typeof item !== "number") throw new TypeError(`loss: compute must return a number, got ${check.show(item)}`);
  checkUndisposed("loss", { dx });
  return tape.loss(item, x, dx);
}
