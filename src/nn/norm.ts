/** Layer norm and RMS norm over the last axis. */
import { real } from "../check-number.js";
import { count } from "../shape.js";
import { checkFeatures, checkParameter, checkUndisposed, checkValue } from "./check-nn.js";
import type { Nn } from "./nn.js";
import { split } from "./split.js";
import type { Parameter, Value } from "./value.js";

/** Passes (split.ts) that an element takes: 0.8 to 1.1 ns, forward and backward. */
const PASSES = 2.5;

/**
 * (x - mean) / sqrt(variance + eps) * weight + bias over the last axis: `torch.nn.functional.layer_norm`.
 * @param x [..., D]
 * @param weight [D]
 * @param bias [D]
 * @param eps 1e-5 by default, as in PyTorch
 * @returns [..., D]
 * @throws RangeError when x has not D on its last axis
 *
 * @example
 * const [weight, bias] = [nn.parameter(new Float32Array(8).fill(1), [8]), nn.parameter(new Float32Array(8), [8])];
 * const y = layerNorm(nn, x, weight, bias); // [2, 5, 8]
 */
export function layerNorm(nn: Nn, x: Value, weight: Parameter, bias: Parameter, eps = 1e-5): Value {
  checkValue("layerNorm", "x", nn, x);
  const { tape, engine } = nn;
  checkParameter("layerNorm", "weight", nn, weight, [null]);
  const width = weight.shape[0]!;
  const rows = count(x.shape.slice(0, -1));
  checkFeatures("layerNorm", "x", x.shape, width);
  checkParameter("layerNorm", "bias", nn, bias, [width]);
  real("layerNorm", "eps", eps, 0);
  const y = tape.empty(x.shape);
  const [mean, rstd] = [tape.empty([rows]), tape.empty([rows])];
  const work = PASSES * rows * width;
  split(engine, "layerNorm", rows, 1, work, (first, size) => {
    const [row, at] = [4 * first, 4 * first * width];
    const [gamma, beta] = [weight.tensor.ptr, bias.tensor.ptr];
    return [y.ptr + at, mean.ptr + row, rstd.ptr + row, x.tensor.ptr + at, gamma, beta, size, width, eps];
  });

  return tape.record(y, [x, weight, bias], [mean, rstd], (dy) => {
    checkUndisposed("layerNorm", { x: x.tensor, weight: weight.tensor });
    tape.giveBoth(weight, bias, (dgamma, dbeta, add) => {
      split(engine, "layerNormParams", width, 16, work, (first, size) => {
        const inputs = [dy.ptr, x.tensor.ptr, mean.ptr, rstd.ptr] as const;
        return [dgamma.ptr, dbeta.ptr, ...inputs, rows, width, first, first + size, add ? 1 : 0];
      });
    });
    tape.give(
      x,
      (dx, base) => {
        split(engine, "layerNormBackward", rows, 1, work, (first, size) => {
          const [row, at] = [4 * first, 4 * first * width];
          const inputs = [dy.ptr + at, x.tensor.ptr + at, weight.tensor.ptr, mean.ptr + row, rstd.ptr + row] as const;
          return [dx.ptr + at, ...inputs, size, width, base === undefined ? 0 : base.ptr + at];
        });
      },
      "to a base",
    );
  });
}

/**
 * x / sqrt(mean of x^2 + eps) * weight over the last axis (Zhang and Sennrich, arXiv 1910.07467).
 * @param x [..., D]
 * @param weight [D]
 * @param eps 1e-6 by default
 * @returns [..., D]
 * @throws RangeError when x has not D on its last axis
 *
 * @example const y = rmsNorm(nn, x, nn.parameter(new Float32Array(8).fill(1), [8])); // [2, 5, 8]
 */
export function rmsNorm(nn: Nn, x: Value, weight: Parameter, eps = 1e-6): Value {
  checkValue("rmsNorm", "x", nn, x);
  const { tape, engine } = nn;
  checkParameter("rmsNorm", "weight", nn, weight, [null]);
  const width = weight.shape[0]!;
  const rows = count(x.shape.slice(0, -1));
  checkFeatures("rmsNorm", "x", x.shape, width);
  real("rmsNorm", "eps", eps, 0);
  const y = tape.empty(x.shape);
  const rstd = tape.empty([rows]);
  const work = PASSES * rows * width;
  split(engine, "rmsNorm", rows, 1, work, (first, size) => {
    const [row, at] = [4 * first, 4 * first * width];
    return [y.ptr + at, rstd.ptr + row, x.tensor.ptr + at, weight.tensor.ptr, size, width, eps];
  });

  return tape.record(y, [x, weight], [rstd], (dy) => {
    checkUndisposed("rmsNorm", { x: x.tensor, weight: weight.tensor });
    tape.give(
      weight,
      (dgamma, base) => {
        split(engine, "rmsNormParams", width, 16, work, (first, size) => {
          const inputs = [dy.ptr, x.tensor.ptr, rstd.ptr] as const;
          return [dgamma.ptr, ...inputs, rows, width, first, first + size, base === undefined ? 0 : 1];
        });
      },
      "in place",
    );
    tape.give(
      x,
      (dx, base) => {
        split(engine, "rmsNormBackward", rows, 1, work, (first, size) => {
          const [row, at] = [4 * first, 4 * first * width];
          const inputs = [dy.ptr + at, x.tensor.ptr + at, weight.tensor.ptr, rstd.ptr + row] as const;
          return [dx.ptr + at, ...inputs, size, width, base === undefined ? 0 : base.ptr + at];
        });
      },
      "to a base",
    );
  });
}
