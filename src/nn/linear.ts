/** y = act(x W^T + b): one product, whose sums begin with b, and one pass for the activation. */
import { oneOf } from "../check.js";
import { product } from "../matmul.js";
import { count } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { parameter, value } from "./check-nn.js";
import type { Nn } from "./nn.js";
import { split } from "./split.js";
import type { Parameter, Value } from "./value.js";

/**
 * `gelu`: with tanh, as GPT and BERT have it; `gelu-erf`: exact; `silu`: x times its sigmoid.
 *
 * @example const activation: Activation = "gelu";
 */
export type Activation = "gelu" | "gelu-erf" | "silu";

/** Numbers of assembly/nn/activation.ts. */
export const ACTIVATIONS = { gelu: 1, "gelu-erf": 2, silu: 3 } as const;

/** With `gelu` 1.5 ns an element forward and backward, with `silu` 1.1 and 1.9, with `gelu-erf` 2.1 and 2.3. */
export const ACTIVATION_WORK = 4;

/**
 * Products that are added to each other before they join a sum: of y and dx, and of dw, whose sums are the longest. With 256, as
 * elsewhere, one weight of 16,384 in the golden bert.laser, whose true gradient is about 2e-8, got a gradient so wrong that Adam's step
 * left a final norm off by 1.2e-5, where 1e-5 is asked for (`npm run parity`); with 192 and 128 5.1e-6, with 256 and 128 1.0e-5, with
 * 192 for all 6.8e-6, with 128 for all 5.8e-6. What a longer span gains: docs/design.md, "Products of training".
 */
const SPAN = 192;
const WEIGHT_SPAN = 128;

/** Rows of x up to which weights are read where they lie (docs/design.md, "A token"). */
const THIN_ROWS = 2;

/** Columns of y at once there (`matmulThin` in assembly/thin.ts). */
const THIN_COLUMNS = 16;

/**
 * A linear layer, `torch.nn.functional.linear`, with an activation behind it where one is named.
 * @param x [..., K]
 * @param weight [N, K]
 * @param bias [N]
 * @returns [..., N]
 * @throws RangeError when x has not K on its last axis
 *
 * @example
 * const [weight, bias] = [nn.parameter(random.normals(24), [3, 8]), nn.parameter(new Float32Array(3), [3])];
 * const y = linear(nn, x, weight, bias, "gelu"); // [2, 5, 3]
 */
export function linear(nn: Nn, x: Value, weight: Parameter, bias?: Parameter, activation?: Activation): Value {
  const { tape, engine } = nn;
  value("linear", "x", nn, x);
  parameter("linear", "weight", nn, weight, [null, x.shape.at(-1)!]);
  const [n, k] = weight.shape as [number, number];
  if (bias !== undefined) parameter("linear", "bias", nn, bias, [n]);
  if (activation !== undefined) oneOf("linear", "activation", activation, ["gelu", "gelu-erf", "silu"]);
  const m = count(x.shape.slice(0, -1));
  const shape = [...x.shape.slice(0, -1), n];
  const z = tape.empty(shape);
  const rowsOf = ({ ptr }: Tensor, columns: number) => ({ ptr, row: columns, col: 1 });
  const columnsOf = ({ ptr }: Tensor, columns: number) => ({ ptr, row: 1, col: columns }); // the transpose
  const base = bias && { ptr: bias.tensor.ptr, row: 0, col: 1 };
  if (m > 0 && m <= THIN_ROWS && n >= THIN_COLUMNS && k > 0 && k % 4 === 0) {
    const groups = Math.floor(n / THIN_COLUMNS);
    split(engine, "matmulThin", groups, 1, m * n * k, (first, size) => {
      const end = first + size === groups ? n : THIN_COLUMNS * (first + size);
      return [z.ptr, x.tensor.ptr, weight.tensor.ptr, m, n, k, THIN_COLUMNS * first, end, SPAN, base?.ptr ?? 0];
    });
  } else {
    product(engine, [m, n, k], rowsOf(z, n), rowsOf(x.tensor, k), columnsOf(weight.tensor, k), SPAN, base);
  }
  const kind = activation && ACTIVATIONS[activation];
  const y = kind === undefined ? z : tape.empty(shape);
  if (kind !== undefined) {
    split(engine, "act", m * n, 64, ACTIVATION_WORK * m * n, (first, size) => {
      const at = 4 * first;
      return [y.ptr + at, z.ptr + at, size, kind];
    });
  }

  return tape.record(y, [x, weight, bias], kind === undefined ? [] : [z], (dy) => {
    const dz = kind === undefined ? dy : tape.empty(shape);
    if (kind !== undefined) {
      split(engine, "actBackward", m * n, 64, ACTIVATION_WORK * m * n, (first, size) => {
        const at = 4 * first;
        return [dz.ptr + at, dy.ptr + at, z.ptr + at, size, kind];
      });
    }
    if (bias !== undefined) tape.give(bias, (db, add) => columnSum(nn, db, dz, m, n, add), true);
    tape.give(
      weight,
      (dw, add) => {
        const to = rowsOf(dw, k);
        product(engine, [n, k, m], to, columnsOf(dz, n), rowsOf(x.tensor, k), WEIGHT_SPAN, add ? to : undefined);
      },
      true,
    );
    tape.give(
      x,
      (dx, add) => {
        const to = rowsOf(dx, k);
        product(engine, [m, k, n], to, rowsOf(dz, n), rowsOf(weight.tensor, k), SPAN, add ? to : undefined);
      },
      true,
    );
    if (kind !== undefined) dz.dispose();
  });
}

/** to[j] (+)= sum of x[i, j] over the rows i. */
function columnSum({ engine }: Nn, to: Tensor, x: Tensor, rows: number, width: number, add: boolean): void {
  split(engine, "columnSum", width, 16, rows * width, (first, size) => {
    return [to.ptr, x.ptr, rows, width, first, first + size, add ? 1 : 0];
  });
}
