import { alibiSlopes } from "./alibi.js";
import * as check from "./check.js";
import { innermost, operand, rank, shapeIs, writable } from "./check-tensor.js";
import type { Shape } from "./shape.js";
import type { Space } from "./space.js";
import { type AnyTensor, Tensor } from "./tensor.js";
import type { AttentionBackwardOptions, AttentionOptions, GradientName, SavedAttention } from "./types.js";

/** What q, k and v of a call agree on. */
export interface Sizes {
  B: number;
  H: number;
  Hkv: number;
  N: number;
  M: number;
  D: number;
  E: number;
}

/** The inputs of one call and the shapes of its results, all in the call's layout. */
export interface Call {
  readonly sizes: Sizes;
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly options: AttentionOptions;
  /** One slope per query head, a copy: an array over linear memory would not survive growth. */
  readonly slopes: Float32Array | undefined;
  /** Shape of out and dout. */
  readonly outShape: number[];
}

/**
 * All options, and whether what a query gets depends on its number; "rows": where they have a row for each. One more must say it
 * here; whether heads can be rows with it, `headsAsRows` in attention.ts.
 */
export const NUMBERED: Readonly<Record<keyof AttentionOptions, boolean | "rows">> = {
  variant: false,
  causal: true,
  window: true,
  align: false, // but by others
  mask: "rows",
  bias: "rows",
  scale: false,
  softcap: false,
  alibi: true,
  layout: false,
  out: false,
};

const OPTION_NAMES = /* @__PURE__ */ Object.keys(NUMBERED);

const GRADIENTS: readonly GradientName[] = ["dq", "dk", "dv", "dbias"];

/** A shape in [B, H, N, D] order becomes one in the order of the layout, and back. */
export function inLayout(shape: Shape, layout: AttentionOptions["layout"]): [number, number, number, number] {
  const swapped = layout === "BNHD"; // by index, as in shape.ts
  return [shape[0]!, shape[swapped ? 2 : 1]!, shape[swapped ? 1 : 2]!, shape[3]!];
}

/** Returns a copy, so that no getter is left. */
function checkWindow(where: string, name: string, value: unknown): AttentionOptions["window"] {
  if (value === undefined) return undefined;
  const sides: unknown[] = Array.isArray(value) ? Array.from(value) : [];
  if (sides.length !== 2 || sides.some((side) => typeof side !== "number")) {
    throw new TypeError(`${where}: ${name} must be [left, right], got ${check.show(value)}`);
  }
  if (sides.every((side) => Number.isInteger(side) || Math.abs(side as number) === Number.POSITIVE_INFINITY)) {
    return sides as [number, number];
  }
  throw new RangeError(`${where}: ${name} must hold integers, or Infinity for unlimited, got ${check.show(value)}`);
}

/** Kernels count scores in units of log 2: what enters them must be a finite float32 there too. */
function checkLog2(where: string, name: string, value: number): void {
  check.finite(where, name, value);
  if (Number.isFinite(Math.fround(value * Math.LOG2E))) return;
  throw new RangeError(`${where}: ${name} must be at most 2.35e38 in size, got ${value}`);
}

function checkAlibi(where: string, name: string, value: unknown, { H, N }: Sizes): Float32Array | undefined {
  if (value === undefined || value === false) return undefined;
  if (value === true) return N === 0 ? undefined : alibiSlopes(H); // without a query there may be billions of heads
  if (check.kindOf(value) !== "Float32Array") {
    throw new TypeError(`${where}: ${name} must be true, false or a Float32Array, got ${check.show(value)}`);
  }
  const length = check.lengthOf(value); // 0 of a detached one, which can't be copied
  if (length !== H) {
    throw new RangeError(`${where}: ${name} must have one slope for each of ${H} query heads, got ${length}`);
  }
  const slopes = new Float32Array(value as Float32Array);
  for (const slope of slopes) checkLog2(where, `a slope of ${name}`, slope);
  return slopes;
}

/** How messages name an option: in backward it belongs to saved. */
type Label = (name: keyof AttentionOptions) => string;

/**
 * The options of a call as an object of their own: each is read once, inherited ones too, so that what is checked is what
 * runs and what backward finds in saved.
 */
export function readOptions(where: string, name: string, value: unknown): Record<keyof AttentionOptions, unknown> {
  if (value === undefined) throw new TypeError(`${where}: ${name} must be an object with a variant, got undefined`);
  check.options(where, value, OPTION_NAMES, name);
  // Name by name: a loop over names would look each one up in a table of the engine.
  const { variant, causal, window, align, mask, bias, scale, softcap, alibi, layout, out } = value as AttentionOptions;
  return { variant, causal, window, align, mask, bias, scale, softcap, alibi, layout, out };
}

/** Options that are no tensors and need no sizes; a window becomes a copy. */
function checkOptions(where: string, label: Label, given: Record<keyof AttentionOptions, unknown>): void {
  check.oneOf(where, label("variant"), given.variant, ["standard", "laser"]);
  check.flag(where, label("causal"), given.causal);
  if (given.align !== undefined) check.oneOf(where, label("align"), given.align, ["bottom-right", "top-left"]);
  if (given.layout !== undefined) check.oneOf(where, label("layout"), given.layout, ["BHND", "BNHD"]);
  given.window = checkWindow(where, label("window"), given.window);
  if (given.scale !== undefined) check.finite(where, label("scale"), given.scale);
  if (given.softcap === undefined) return;
  check.finite(where, label("softcap"), given.softcap);
  if (Math.fround(given.softcap) <= 0) {
    throw new RangeError(`${where}: ${label("softcap")} must be above 0 as a float32, got ${given.softcap}`);
  }
}

/** scale and softcap in the form in which the kernels use them (packQueries and capRow in assembly/score.ts). */
function checkFactors(where: string, label: Label, { scale, softcap }: AttentionOptions, D: number): void {
  const factor = scale ?? 1 / Math.sqrt(D);
  if (softcap === undefined) {
    checkLog2(where, label("scale"), factor);
    return;
  }
  checkLog2(where, label("softcap"), softcap);
  if (Number.isFinite(Math.fround(Math.fround(factor) / Math.fround(softcap)))) return;
  throw new RangeError(
    `${where}: ${label("scale")} / ${label("softcap")} must be a finite float32, got ${factor} / ${softcap}`,
  );
}

function checkSizes(where: string, q: Tensor, k: Tensor, v: Tensor, layout: AttentionOptions["layout"]): Sizes {
  const [B, H, N, D] = inLayout(q.shape, layout);
  const [Bk, Hkv, M, Dk] = inLayout(k.shape, layout);
  const E = v.shape[3]!;
  const refuse = (expected: string): never => {
    const got = `got q ${check.show(q.shape)}, k ${check.show(k.shape)}, v ${check.show(v.shape)}`;
    throw new RangeError(`${where}: ${expected}, ${got}`);
  };
  if (B === 0) refuse("B must be 1 or more");
  if (H === 0) refuse("H must be 1 or more");
  if (Hkv === 0) refuse("Hkv must be 1 or more");
  if (D === 0) refuse("D must be 1 or more");
  if (E === 0) refuse("E must be 1 or more");
  if (Bk !== B) refuse(`k must have the batch size of q, ${B}`);
  if (Dk !== D) refuse(`k must have the width of q, ${D}`);
  shapeIs(where, "v", v, inLayout([B, Hkv, M, E], layout));
  if (H % Hkv !== 0) refuse(`the query heads, ${H}, must be a multiple of the key heads, ${Hkv}`);
  return { B, H, Hkv, N, M, D, E };
}

/** mask or bias: [B, H, N, M] in every layout, where B, H and N may be 1. */
function checkScores(where: string, name: string, tensor: AnyTensor, { B, H, N, M }: Sizes): void {
  const full = [B, H, N, M];
  const fits =
    tensor.shape.length === 4 && tensor.shape.every((size, axis) => size === full[axis] || (axis < 3 && size === 1));
  if (!fits) {
    const expected = `[${[B, H, N].map((size) => (size === 1 ? "1" : `${size} or 1`)).join(", ")}, ${M}]`;
    throw new RangeError(`${where}: ${name} must have shape ${expected}, got ${check.show(tensor.shape)}`);
  }
  innermost(where, name, tensor);
}

/** Checks everything of a forward call. `prefix`: before the names of options in messages, "saved." in backward. */
export function checkForward(
  where: string,
  space: Space,
  q: unknown,
  k: unknown,
  v: unknown,
  options: unknown,
  prefix = "",
): Call {
  const label: Label = (name) => (prefix === "" ? name : `${prefix}options.${name}`);
  const given = readOptions(where, `${prefix}options`, options); // before the tensors, which a getter may dispose
  checkOptions(where, label, given);
  operand(where, `${prefix}q`, q, "f32", space);
  rank(where, `${prefix}q`, q, 4);
  operand(where, `${prefix}k`, k, "f32", space);
  rank(where, `${prefix}k`, k, 4);
  operand(where, `${prefix}v`, v, "f32", space);
  rank(where, `${prefix}v`, v, 4);
  const checked = given as unknown as AttentionOptions;
  const { layout, mask, bias, alibi, out } = checked;
  const sizes = checkSizes(where, q, k, v, layout);
  innermost(where, `${prefix}q`, q);
  innermost(where, `${prefix}k`, k);
  innermost(where, `${prefix}v`, v);
  checkFactors(where, label, checked, sizes.D);
  const slopes = checkAlibi(where, label("alibi"), alibi, sizes);
  if (mask !== undefined) {
    operand(where, label("mask"), mask, "u8", space);
    checkScores(where, label("mask"), mask, sizes);
  }
  if (bias !== undefined) {
    operand(where, label("bias"), bias, "f32", space);
    checkScores(where, label("bias"), bias, sizes);
  }
  const outShape = inLayout([sizes.B, sizes.H, sizes.N, sizes.E], layout);
  if (out !== undefined) {
    operand(where, "out", out, "f32", space);
    shapeIs(where, "out", out, outShape);
    innermost(where, "out", out);
    writable(where, "out", out, { q, k, v, bias });
  }
  return { sizes, q, k, v, options: checked, slopes, outShape };
}

type Gradients<T> = { readonly [name in GradientName]: T | undefined };

/** Each entry, read once. */
const readEach = <T>({ dq, dk, dv, dbias }: Partial<Gradients<T>>): Gradients<T> => ({ dq, dk, dv, dbias });

/** Checks everything of a backward call, the saved tensors included: they may have been disposed since. */
export function checkBackward(
  space: Space,
  dout: unknown,
  saved: unknown,
  given: unknown,
): Call & Pick<SavedAttention, "out" | "lse"> & { dout: Tensor; into: Gradients<Tensor>; needs: Gradients<boolean> } {
  const where = "attentionBackward";
  if (typeof saved !== "object" || saved === null || Tensor.is(saved)) {
    throw new TypeError(`${where}: saved must be the result of attentionForward, got ${check.show(saved)}`);
  }
  const { out, lse, q, k, v, options } = saved as SavedAttention;
  check.options(where, given, ["into", "needs"]);
  const { into: targets = {}, needs: wanted = {} } = (given ?? {}) as AttentionBackwardOptions;
  check.options(where, targets, GRADIENTS, "into");
  check.options(where, wanted, GRADIENTS, "needs");
  const [into, needs] = [readEach(targets), readEach(wanted)];
  for (const name of GRADIENTS) check.flag(where, `needs.${name}`, needs[name]);
  const call = checkForward(where, space, q, k, v, options, "saved.");
  const { B, H, N } = call.sizes;
  operand(where, "saved.out", out, "f32", space);
  shapeIs(where, "saved.out", out, call.outShape);
  innermost(where, "saved.out", out);
  operand(where, "saved.lse", lse, "f32", space);
  shapeIs(where, "saved.lse", lse, [B, H, N]);
  check.contiguous(where, "saved.lse", lse, ", as attentionForward makes it");
  operand(where, "dout", dout, "f32", space);
  shapeIs(where, "dout", dout, call.outShape);
  innermost(where, "dout", dout);

  checkInto(where, space, into, needs, { dout, out, lse, q, k, v, bias: call.options.bias });
  return { ...call, out, lse, dout, into, needs };
}

function checkInto(
  where: string,
  space: Space,
  into: Gradients<Tensor>,
  needs: Gradients<boolean>,
  inputs: Readonly<Record<string, AnyTensor | undefined>>,
): void {
  const others = { ...inputs };
  for (const name of GRADIENTS) {
    const target = into[name];
    if (target === undefined) continue;
    const label = `into.${name}`;
    const source = inputs[name.slice(1)];
    if (source === undefined) throw new TypeError(`${where}: ${label} must be left out, the call had no bias`);
    if (needs[name] === false) throw new TypeError(`${where}: ${label} must be left out when needs.${name} is false`);
    operand(where, label, target, "f32", space);
    shapeIs(where, label, target, source.shape);
    innermost(where, label, target);
    writable(where, label, target, others);
    others[label] = target;
  }
}
