/** Dropout outside attention: elements become 0 with probability p, the others are scaled by 1 / (1 - p). */
import { integer, list, real } from "../check-number.js";
import { count } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { checkValue } from "./check-nn.js";
import type { Nn } from "./nn.js";
import { split } from "./split.js";
import type { Value } from "./value.js";

export function checkProbability(where: string, name: string, p: number): void {
  real(where, name, p, 0);
  if (p >= 1) throw new RangeError(`${where}: ${name} must be from 0 to below 1, got ${p}`);
}

/** Passes (split.ts) that an element takes: 0.7 ns. */
const PASSES = 2;

/**
 * Elements become 0 with probability p, the others are divided by 1 - p: `torch.nn.functional.dropout` with numbers that a seed decides.
 * @param x Any shape
 * @param p From 0 to below 1
 * @param seed Two integers of 32 bits. The same pair drops the same elements, at any number of threads.
 * @throws RangeError when p is not from 0 to below 1
 *
 * @example const y = dropout(nn, x, 0.1, [random.bits(), random.bits()]); // the shape of x
 */
export function dropout(nn: Nn, x: Value, p: number, seed: ArrayLike<number>): Value {
  list("dropout", "seed", seed); // before x, which a getter may dispose
  if (seed.length !== 2) throw new RangeError(`dropout: seed must be two integers, got ${seed.length}`);
  const words = [seed[0]!, seed[1]!] as const;
  for (const word of words) integer("dropout", "every word of seed", word, -(2 ** 31), 2 ** 32 - 1);
  checkValue("dropout", "x", nn, x, "any");
  checkProbability("dropout", "p", p);
  if (p === 0) return x;
  const { tape, engine } = nn;
  const n = count(x.shape);
  const run = (to: Tensor, from: Tensor): void => {
    split(engine, "dropout", n, 64, PASSES * n, (first, size) => {
      return [to.ptr + 4 * first, from.ptr + 4 * first, size, ...words, first, p];
    });
  };
  const y = tape.empty(x.shape);
  run(y, x.tensor);

  return tape.record(y, [x], [], (dy) => {
    tape.give(x, (dx) => run(dx, dy));
  });
}
