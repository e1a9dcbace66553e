/** Convolution over time, every channel by itself. */
import { checkFeatures, checkParameter, checkUndisposed, checkValue } from "./check-nn.js";
import type { Nn } from "./nn.js";
import { splitWithScratch } from "./split.js";
import type { Parameter, Value } from "./value.js";

/** 0.1 ns a tap of an element, 0.2 for the gradients of the parameters. */
const WORK = 0.25;

/**
 * Depthwise convolution over time with zeros around it, as long as x ("same").
 * @param x [B, T, C]
 * @param weight [C, 1, K], K odd
 * @param bias [C]
 * @returns [B, T, C]
 * Computes `torch.nn.functional.conv1d` with groups C and padding (K - 1) / 2, channels last.
 * @throws RangeError when x has not C channels, or K is even
 *
 * @example
 * const [weight, bias] = [nn.parameter(random.normals(24), [8, 1, 3]), nn.parameter(new Float32Array(8), [8])];
 * const y = depthwise(nn, x, weight, bias); // [2, 5, 8]
 */
export function depthwise(nn: Nn, x: Value, weight: Parameter, bias: Parameter): Value {
  checkValue("depthwise", "x", nn, x, 3);
  const { tape, engine } = nn;
  const [B, T, width] = x.shape as [number, number, number];
  checkParameter("depthwise", "weight", nn, weight, [null, 1, null]);
  checkFeatures("depthwise", "x", x.shape, weight.shape[0]!);
  checkParameter("depthwise", "bias", nn, bias, [width]);
  const taps = weight.shape[2]!;
  if (taps % 2 === 0) throw new RangeError(`depthwise: weight must have an odd number of taps, got ${taps}`);
  const scratchBytes = 4 * (engine.kernels.depthwiseScratch(width, taps) >>> 0);
  const work = WORK * B * T * width * taps;
  const y = tape.empty(x.shape);
  const n = T * width;
  /** Batch entries are shared; each thread packs the weights for itself. */
  const run = (kernel: "depthwise" | "depthwiseBackward", argumentsOf: (at: number) => readonly number[]): void => {
    splitWithScratch(engine, kernel, B, 1, work, scratchBytes, (first, size, scratch) => {
      return [...argumentsOf(4 * first * n), scratch, size, T, width, taps];
    });
  };
  run("depthwise", (at) => [y.ptr + at, x.tensor.ptr + at, weight.tensor.ptr, bias.tensor.ptr]);

  return tape.record(y, [x, weight, bias], [], (dy) => {
    checkUndisposed("depthwise", { x: x.tensor, weight: weight.tensor });
    tape.giveBoth(weight, bias, (dw, db, add) => {
      splitWithScratch(engine, "depthwiseParams", width, 16, work, scratchBytes, (first, size, scratch) => {
        const range = [B, T, width, taps, first, first + size, add ? 1 : 0];
        return [dw.ptr, db.ptr, dy.ptr, x.tensor.ptr, scratch, ...range];
      });
    });
    tape.give(x, (dx) => run("depthwiseBackward", (at) => [dx.ptr + at, dy.ptr + at, weight.tensor.ptr]));
  });
}
