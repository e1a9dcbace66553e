/** Convolution over time, every channel by itself. */
import { checkFeatures, checkParameter, checkUndisposed, checkValue } from "./check-nn.js";
import type { Nn } from "./nn.js";
import { splitWithScratch } from "./split.js";
import type { Parameter, Value } from "./value.js";

/** Passes (split.ts) that a tap of an element takes: 0.1 ns, 0.2 for the gradients of the parameters. */
const PASSES = 0.25;

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
  const work = PASSES * B * T * width * taps;
  const y = tape.empty(x.shape);
  const n = T * width;
  // Batch entries are shared; each thread packs the weights for itself.
  splitWithScratch(engine, "depthwise", B, 1, work, scratchBytes, (first, size, scratch) => {
    const at = 4 * first * n;
    const pointers = [y.ptr + at, x.tensor.ptr + at, weight.tensor.ptr, bias.tensor.ptr] as const;
    return [...pointers, scratch, size, T, width, taps];
  });

  return tape.record(y, [x, weight, bias], [], (dy) => {
    checkUndisposed("depthwise", { x: x.tensor, weight: weight.tensor });
    tape.giveBoth(weight, bias, (dw, db, add) => {
      splitWithScratch(engine, "depthwiseParams", width, 16, work, scratchBytes, (first, size, scratch) => {
        const range = [B, T, width, taps, first, first + size, add ? 1 : 0] as const;
        return [dw.ptr, db.ptr, dy.ptr, x.tensor.ptr, scratch, ...range];
      });
    });
    tape.give(x, (dx) => {
      splitWithScratch(engine, "depthwiseBackward", B, 1, work, scratchBytes, (first, size, scratch) => {
        const at = 4 * first * n;
        return [dx.ptr + at, dy.ptr + at, weight.tensor.ptr, scratch, size, T, width, taps];
      });
    });
  });
}
