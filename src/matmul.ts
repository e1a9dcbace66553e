import * as check from "./check.js";
import { inner, leading, operand, rankAtLeast, shapeIs } from "./check-tensor.js";
import { type Engine, producing } from "./engine.js";
import { broadcastStrides, count, forEachOffset, type Shape } from "./shape.js";
import type { Tensor } from "./tensor.js";
import type { MatmulOptions } from "./types.js";

/** A batch of matrices in memory; strides in elements, one batch stride per leading axis of the product. */
interface Matrices {
  readonly ptr: number;
  readonly batch: Shape;
  readonly row: number;
  readonly col: number;
}

/** c [.., m, n] = a [.., m, k] b [.., k, n], with a and b as read: transposed and broadcast where asked for. */
interface Product {
  readonly leading: Shape;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly a: Matrices;
  readonly b: Matrices;
  /** Whether a has all leading sizes itself and b has none: by their shapes, since strides of 0 repeat as well. */
  readonly shared: boolean;
  readonly options: MatmulOptions;
}

const transpose = ({ ptr, batch, row, col }: Matrices): Matrices => ({ ptr, batch, row: col, col: row });

function matricesOf({ ptr, shape, strides }: Tensor, lead: Shape, transposed = false): Matrices {
  const batch = broadcastStrides(shape.slice(0, -2), strides.slice(0, -2), lead);
  const matrices = { ptr, batch, row: strides.at(-2)!, col: strides.at(-1)! };
  return transposed ? transpose(matrices) : matrices;
}

function describe(where: string, engine: Engine, a: Tensor, b: Tensor, options: MatmulOptions = {}): Product {
  operand(where, "a", a, "f32", engine.space);
  operand(where, "b", b, "f32", engine.space);
  rankAtLeast(where, "a", a, 2);
  rankAtLeast(where, "b", b, 2);
  check.options(where, options, ["transposeA", "transposeB"]);
  check.flag(where, "transposeA", options.transposeA);
  check.flag(where, "transposeB", options.transposeB);
  const lead = leading(where, a.shape, b.shape);
  const [m, k] = options.transposeA ? [a.shape.at(-1)!, a.shape.at(-2)!] : [a.shape.at(-2)!, a.shape.at(-1)!];
  const [kB, n] = options.transposeB ? [b.shape.at(-1)!, b.shape.at(-2)!] : [b.shape.at(-2)!, b.shape.at(-1)!];
  inner(where, k, kB, a.shape, b.shape);
  return {
    leading: lead,
    m,
    n,
    k,
    a: matricesOf(a, lead, options.transposeA),
    b: matricesOf(b, lead, options.transposeB),
    shared: count(a.shape.slice(0, -2)) === count(lead) && count(b.shape.slice(0, -2)) === 1,
    options,
  };
}

/** Whether the rows of all matrices follow each other at one stride, so that the batch is one tall matrix. */
function isTall({ batch, row }: Matrices, lead: Shape, m: number): boolean {
  let stride = row * m;
  for (let axis = lead.length - 1; axis >= 0; axis--) {
    if (lead[axis] === 1) continue;
    if (batch[axis] !== stride) return false;
    stride *= lead[axis]!;
  }
  return true;
}

/** One b for all of a, as in a linear layer: leading sizes and m become one size, and the batch is a single product. */
function fold(product: Product, others: readonly Matrices[]): Product {
  const { leading: lead, m, a, b, shared, options } = product;
  const tall = [a, ...others].every((matrices) => isTall(matrices, lead, m));
  if (!shared || !tall || options.transposeA) return product;
  return { ...product, leading: [], m: m * count(lead), a: { ...a, batch: [] }, b: { ...b, batch: [] } };
}

/**
 * target [m, n] (+)= left [m, k] right [k, n] over the batch `lead`. Where several batch entries meet in one matrix of the
 * target (batch stride 0), the first overwrites it and the others are added in ascending row-major order.
 */
function multiply(
  { kernels, space: { arena } }: Engine,
  lead: Shape,
  [m, n, k]: readonly [number, number, number],
  target: Matrices,
  left: Matrices,
  right: Matrices,
): void {
  if (m * n === 0) return;
  const repeated = lead.map((size, axis) => (size > 1 && target.batch[axis] === 0 ? 1 : 0));
  const partial = repeated.includes(1) ? m * n : 0;
  arena.borrow(4 * (kernels.matmulScratch(m, n, k) >>> 0), (scratch) =>
    arena.borrow(4 * partial, (sum) => {
      const strides = [target.batch, left.batch, right.batch, repeated];
      forEachOffset(lead, strides, ([c, a, b, later]) => {
        const into = target.ptr + 4 * c!;
        const ptr = later === 0 ? into : sum;
        const cRow = later === 0 ? target.row : n;
        const from = [left.ptr + 4 * a!, right.ptr + 4 * b!] as const;
        kernels.matmul(ptr, ...from, scratch, m, n, k, left.row, left.col, right.row, right.col, cRow);
        if (later !== 0) accumulate(arena.f32(into, m * n), arena.f32(sum, m * n));
      });
    }),
  );
}

function accumulate(target: Float32Array, terms: Float32Array): void {
  for (let i = 0; i < target.length; i++) target[i]! += terms[i]!;
}

export function matmul(engine: Engine, a: Tensor, b: Tensor, options?: MatmulOptions): Tensor {
  const product = describe("matmul", engine, a, b, options);
  const { leading: lead, m, n, k } = product;
  return producing(engine, (make) => {
    const c = make([...lead, m, n]);
    if (k === 0) c.data.fill(0);
    else {
      const flat = fold(product, []);
      multiply(engine, flat.leading, [flat.m, n, k], matricesOf(c, flat.leading), flat.a, flat.b);
    }
    return c;
  });
}

export function matmulBackward(
  engine: Engine,
  dout: Tensor,
  a: Tensor,
  b: Tensor,
  options?: MatmulOptions,
): { da: Tensor; db: Tensor } {
  const where = "matmulBackward";
  const product = describe(where, engine, a, b, options);
  operand(where, "dout", dout, "f32", engine.space);
  shapeIs(where, "dout", dout, [...product.leading, product.m, product.n]);
  return producing(engine, (make) => {
    const da = make(a.shape);
    const db = make(b.shape);
    if (count(dout.shape) === 0) {
      da.data.fill(0);
      db.data.fill(0);
      return { da, db };
    }
    const whole = matricesOf(dout, product.leading);
    const { leading: lead, m, n, k, ...p } = fold(product, [whole]);
    const g = { ...whole, batch: lead.length === 0 ? [] : whole.batch };
    const toA = matricesOf(da, lead);
    const toB = matricesOf(db, lead);
    // c = a b: da = g b^T, db = a^T g; a factor that was read transposed gets the transposed product.
    if (p.options.transposeA) multiply(engine, lead, [k, m, n], toA, p.b, transpose(g));
    else multiply(engine, lead, [m, k, n], toA, g, transpose(p.b));
    if (p.options.transposeB) multiply(engine, lead, [n, k, m], toB, transpose(g), p.a);
    else multiply(engine, lead, [k, n, m], toB, transpose(p.a), g);
    return { da, db };
  });
}
