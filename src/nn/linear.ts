/** y = act(x W^T + b): one product, whose sums begin with b, and one pass for the activation. */
import { options as checkOptions, flag, show } from "../check.js";
import { integer } from "../check-number.js";
import { PANEL, THIN_COLUMNS } from "../generated/shared.js";
import { product } from "../matmul.js";
import { count } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { type Activation, act, checkActivation } from "./activation.js";
import { checkFeatures, checkOutside, checkParameter, checkUndisposed, checkValue } from "./check-nn.js";
import type { Nn } from "./nn.js";
import { columnSum, split } from "./split.js";
import type { Parameter, Value } from "./value.js";

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

/** Lays a weight out in panels, once instead of in every product, or lets go of them. */
export function packWeight(nn: Nn, weight: Parameter, on: boolean): void {
  const { kernels, space } = nn.engine;
  flag("pack", "on", on);
  checkOutside("pack", space);
  checkParameter("pack", "weight", nn, weight, [null, null]);
  const [n, k] = weight.shape as [number, number];
  weight.unpack();
  if (!on) return;
  const panels = space.allocate([PANEL * Math.ceil(n / PANEL), k], "f32");
  kernels.packRows(panels.ptr, PANEL, weight.tensor.ptr, 4 * k, n, k, 1);
  weight.pack(panels);
}

/**
 * Options of {@link linear}.
 *
 * @example const options: LinearOptions = { activation: "gelu", part: [0, 2] };
 */
export interface LinearOptions {
  /** What is applied to the product. Default: nothing. */
  activation?: Activation | undefined;
  /** Features that are computed, if not all: [first, count] of the N. */
  part?: readonly [first: number, count: number] | undefined;
}

/**
 * A linear layer, `torch.nn.functional.linear`, with an activation behind it where one is named.
 * @param x [..., K]
 * @param weight [N, K]
 * @param bias [N]
 * @param options An activation; a part of the features
 * @returns [..., N], or [..., count]
 * @throws RangeError when x has not K on its last axis, or there are no such features
 *
 * @example
 * const [weight, bias] = [nn.parameter(random.normals(24), [3, 8]), nn.parameter(new Float32Array(3), [3])];
 * const y = linear(nn, x, weight, bias, { activation: "gelu" }); // [2, 5, 3]
 */
export function linear(nn: Nn, x: Value, weight: Parameter, bias?: Parameter, options: LinearOptions = {}): Value {
  checkOptions("linear", options, ["activation", "part"]);
  const { activation, part } = options;
  if (part !== undefined && !(Array.isArray(part) && part.length === 2)) {
    throw new TypeError(`linear: part must be [first, count], got ${show(part)}`);
  }
  const [first, wanted] = part ?? [0, undefined]; // before the values, which a getter may dispose
  checkValue("linear", "x", nn, x);
  const { tape, engine } = nn;
  checkParameter("linear", "weight", nn, weight, [null, null]);
  const [features, k] = weight.shape as [number, number];
  checkFeatures("linear", "x", x.shape, k);
  if (bias !== undefined) checkParameter("linear", "bias", nn, bias, [features]);
  if (activation !== undefined) checkActivation("linear", activation);
  const n = part === undefined ? features : wanted;
  integer("linear", "the first feature of part", first, 0, features);
  integer("linear", "the count of part", n, 0, features - first);
  const m = count(x.shape.slice(0, -1));
  const shape = [...x.shape.slice(0, -1), n];
  const z = tape.empty(shape);
  const rowsOf = ({ ptr }: Tensor, columns: number) => ({ ptr, row: columns, col: 1 });
  const columnsOf = ({ ptr }: Tensor, columns: number) => ({ ptr, row: 1, col: columns }); // the transpose
  /** Of the weight, or of its gradient. */
  const rowsOfPart = ({ ptr }: Tensor) => ({ ptr: ptr + 4 * first * k, row: k, col: 1 });
  const own = weight.tensor.ptr + 4 * first * k;
  const biases = bias === undefined ? 0 : bias.tensor.ptr + 4 * first;
  if (m > 0 && m <= THIN_ROWS && n >= THIN_COLUMNS && k > 0 && k % 4 === 0) {
    const groups = Math.floor(n / THIN_COLUMNS);
    split(engine, "matmulThin", groups, 1, m * n * k, (group, size) => {
      const j = THIN_COLUMNS * group;
      const columns = group + size === groups ? n - j : THIN_COLUMNS * size;
      const pointers = [z.ptr + 4 * j, x.tensor.ptr, own + 4 * j * k] as const;
      const strides = [4 * k, 4, 4 * k, 4 * n] as const;
      return [...pointers, m, columns, k, ...strides, SPAN, biases && biases + 4 * j, 0];
    });
  } else {
    // They may have ended with a scope; a part that begins inside of one is read where the weight lies.
    const panels = weight.packed?.alive && first % PANEL === 0 ? weight.packed : undefined;
    const right = { ptr: panels ? panels.ptr + 4 * first * k : own, row: 1, col: k, packed: panels !== undefined };
    product(engine, [m, n, k], rowsOf(z, n), rowsOf(x.tensor, k), right, SPAN, { ptr: biases, row: 0, col: 1 });
  }
  const inputs = [x, weight, bias];
  const y = activation === undefined ? z : tape.empty(shape);
  if (activation !== undefined) act(nn, y, z, activation, tape.tracks(inputs) ? z : undefined);

  return tape.record(y, inputs, activation === undefined ? [] : [z], (dy) => {
    checkUndisposed("linear", { x: x.tensor, weight: weight.tensor });
    const dz = activation === undefined ? dy : z;
    if (activation !== undefined) tape.multiply(dz, dy, z);
    /** What this contribution is added to. The first of a part leaves zeros for the other features. */
    const baseOf = (gradient: Tensor, base: Tensor | undefined): Tensor | undefined => {
      if (n === features || base !== undefined) return base;
      gradient.data.fill(0);
      return gradient;
    };
    if (bias !== undefined) {
      tape.give(
        bias,
        (db, base) => columnSum(engine, db.ptr + 4 * first, dz, m, n, baseOf(db, base) !== undefined),
        "in place",
      );
    }
    tape.give(
      weight,
      (dw, base) => {
        const sum = baseOf(dw, base);
        const left = columnsOf(dz, n);
        product(engine, [n, k, m], rowsOfPart(dw), left, rowsOf(x.tensor, k), WEIGHT_SPAN, sum && rowsOfPart(sum));
      },
      "to a base",
    );
    tape.give(
      x,
      (dx, base) => {
        const to = rowsOf(dx, k);
        product(engine, [m, k, n], to, rowsOf(dz, n), rowsOfPart(weight.tensor), SPAN, base && rowsOf(base, k));
      },
      "to a base",
    );
  });
}
