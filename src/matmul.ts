import * as check from "./check.js";
import { inner, leading, operand, rankAtLeast, shapeIs } from "./check-tensor.js";
import { type Engine, producing } from "./engine.js";
import { PANEL, SPAN, TILE_ROWS } from "./generated/shared.js";
import { batchAxes, broadcastStrides, count, extent, forEachOffset, type Shape } from "./shape.js";
import type { Tensor } from "./tensor.js";
import type { MatmulOptions } from "./types.js";

/** A batch of matrices in memory; strides in elements, one batch stride per leading axis of the product. */
interface Matrices extends Matrix {
  readonly batch: Shape;
}

/** A matrix in memory; strides in elements. */
export interface Matrix {
  readonly ptr: number;
  readonly row: number;
  readonly col: number;
  /** Whether it is a right factor in panels, as `packRows` leaves it; then `col` is its depth and `row` says nothing. */
  readonly packed?: boolean;
}

/** c [.., m, n] = a [.., m, k] b [.., k, n], with a and b as read: transposed and broadcast where asked for. */
interface Product {
  readonly leading: Shape;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly a: Matrices;
  readonly b: Matrices;
  /**
   * One b for all of a, as in a linear layer: leading sizes and m are one size, and the batch is a single product, whose
   * gradient of b is one sum over all rows. By the shapes, so that strides (0 repeats as well) change no bit.
   */
  readonly tall: boolean;
  readonly transposeA: boolean | undefined;
  readonly transposeB: boolean | undefined;
}

const transpose = ({ ptr, batch, row, col }: Matrices): Matrices => ({ ptr, batch, row: col, col: row });

function matricesOf({ ptr, shape, strides }: Tensor, lead: Shape, transposed = false): Matrices {
  const batch = broadcastStrides(batchAxes(shape), batchAxes(strides), lead);
  const matrices = { ptr, batch, row: strides[strides.length - 2]!, col: strides[strides.length - 1]! };
  return transposed ? transpose(matrices) : matrices;
}

function describe(where: string, engine: Engine, a: Tensor, b: Tensor, options: MatmulOptions = {}): Product {
  check.options(where, options, ["transposeA", "transposeB"]);
  const { transposeA, transposeB } = options; // first, and once: a getter may do anything
  check.flag(where, "transposeA", transposeA);
  check.flag(where, "transposeB", transposeB);
  operand(where, "a", a, "f32", engine.space);
  operand(where, "b", b, "f32", engine.space);
  rankAtLeast(where, "a", a, 2);
  rankAtLeast(where, "b", b, 2);
  const lead = leading(where, a.shape, b.shape);
  const size = ({ shape }: Tensor, fromEnd: number): number => shape[shape.length - fromEnd]!;
  const [m, k] = transposeA ? [size(a, 1), size(a, 2)] : [size(a, 2), size(a, 1)];
  const [kB, n] = transposeB ? [size(b, 1), size(b, 2)] : [size(b, 2), size(b, 1)];
  inner(where, k, kB, a.shape, b.shape);
  return {
    leading: lead,
    m,
    n,
    k,
    a: matricesOf(a, lead, transposeA),
    b: matricesOf(b, lead, transposeB),
    tall: transposeA !== true && count(batchAxes(a.shape)) === count(lead) && count(batchAxes(b.shape)) === 1,
    transposeA,
    transposeB,
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

/** Runs `body` with the batch as one tall matrix, copied together where it does not lie so. */
function asTall<T>(
  engine: Engine,
  matrices: Matrices,
  lead: Shape,
  m: number,
  n: number,
  body: (tall: Matrices) => T,
): T {
  if (isTall(matrices, lead, m)) return body({ ...matrices, batch: [] });
  const { arena } = engine.space;
  const { ptr, batch, row, col } = matrices;
  return arena.borrow(4 * count(lead) * m * n, (copy) => {
    const target = arena.f32(copy, count(lead) * m * n);
    const reach = extent([n], [col]);
    let to = 0;
    forEachOffset([...lead, m], [[...batch, row]], ([from]) => {
      const source = arena.f32(ptr + 4 * from!, reach);
      if (col === 1) target.set(source, to);
      else for (let i = 0; i < n; i++) target[to + i] = source[i * col]!;
      to += n;
    });
    return body({ ptr: copy, batch: [], row: n, col: 1 });
  });
}

/** The matrix of a batch that begins `offset` elements after the first. */
const at = (matrices: Matrices, offset: number): Matrix => ({ ...matrices, ptr: matrices.ptr + 4 * offset });

/**
 * target [m, n] = left [m, k] right [k, n] over the batch `lead`. Where several batch entries meet in one matrix of the target (batch
 * stride 0), they are added in ascending row-major order, in float64.
 */
function multiply(
  engine: Engine,
  lead: Shape,
  [m, n, k]: readonly [number, number, number],
  target: Matrices,
  left: Matrices,
  right: Matrices,
): void {
  if (m * n === 0) return;
  const { arena } = engine.space;
  /** Sizes of the axes along which the target has matrices of its own, and of those along which it is repeated; 1 elsewhere. */
  const repeated = lead.map((size, axis) => (target.batch[axis] === 0 ? size : 1));
  const own = lead.map((size, axis) => (target.batch[axis] === 0 ? 1 : size));
  const terms = count(repeated);
  arena.borrow(terms > 1 ? 4 * m * n : 0, (ptr) => {
    withProduct(engine, [m, n, k], (product) => {
      forEachOffset(own, [target.batch, left.batch, right.batch], ([c, a, b]) => {
        const to = at(target, c!);
        if (terms === 1) return product(to, at(left, a!), at(right, b!));
        const sum = new Float64Array(m * n).fill(-0); // -0 plus x is x, the sign of 0 included
        forEachOffset(repeated, [left.batch, right.batch], ([x, y]) => {
          product({ ...to, ptr, row: n }, at(left, a! + x!), at(right, b! + y!));
          const term = arena.f32(ptr, m * n);
          for (let i = 0; i < sum.length; i++) sum[i]! += term[i]!;
        });
        arena.f32(to.ptr, m * n).set(sum);
      });
    });
  });
}

/** No matrix. */
const NONE: Matrix = { ptr: 0, row: 0, col: 1 };

/** Where a share begins when `count` rows or columns are divided into `shares` in multiples of `unit`; the first are the largest. */
export const beginOf = (count: number, unit: number, share: number, shares: number): number =>
  Math.min(count, unit * Math.ceil((Math.ceil(count / unit) * share) / shares));

/**
 * With fewer rows or columns of c than so many an operation takes longer, for memory, and is worth a thread sooner: one row or one column from an
 * eighth of the work on. On two threads one row of 768 x 3,072 takes 0.55 to 0.84 of the time of one
 * (`npm run bench:compare -- DIR --entry threads --filter "matmul 1 x"`).
 */
const BOUND = 8;

/** Operations of a job of a thread: a second at a quarter of this machine's peak, a tenth of what a pool waits for progress. */
const JOB_WORK = 1.5e10;

type Multiply = (c: Matrix, a: Matrix, b: Matrix, base?: Matrix) => void;

/**
 * Gives `body` the product of one size, c [m, n] = a [m, k] b [k, n], with its scratch. Threads share it by rows or by columns of c,
 * whichever are more: each element is summed by one thread in one order. With a `base`, whose columns are contiguous, c = base + a b.
 */
function withProduct(
  { kernels, pool, space: { arena } }: Engine,
  [m, n, k]: readonly [number, number, number],
  body: (product: Multiply) => void,
  span = SPAN,
): void {
  const work = 2 * m * n * k;
  const byRows = m >= n;
  // A multiple of the rows of a register tile in every build, or whole panels, where a packed factor can be cut.
  const [count, unit] = byRows ? [m, TILE_ROWS] : [n, PANEL];
  const worth = work * Math.max(1, BOUND / Math.max(1, Math.min(m, n)));
  const members = Math.min(pool?.members(worth) ?? 1, Math.max(1, Math.ceil(count / unit)));
  const bytes = 4 * kernels.matmulScratch(n, k);
  arena.borrow(members * bytes, (scratch) => {
    const jobs = Math.ceil(work / (members * JOB_WORK));
    body((c, a, b, base = NONE) => {
      const strides = [a.row, a.col, b.row, b.col, c.row] as const;
      const packed = Number(b.packed === true);
      if (pool === undefined || members === 1) {
        kernels.matmul(c.ptr, a.ptr, b.ptr, scratch, m, n, k, ...strides, span, base.ptr, base.row, packed);
        return;
      }
      for (let job = 0; job < jobs; job++) {
        pool.run("matmul", members, (member) => {
          const share = job * members + member;
          const first = beginOf(count, unit, share, jobs * members);
          const size = beginOf(count, unit, share + 1, jobs * members) - first;
          const [row, column] = byRows ? [4 * first, 0] : [0, 4 * first]; // bytes at a stride of 1
          const pointers = [c.ptr + row * c.row + column, a.ptr + row * a.row, b.ptr + column * b.col] as const;
          const sizes = byRows ? ([size, n, k] as const) : ([m, size, k] as const);
          const from = base.ptr && base.ptr + row * base.row + column;
          return [...pointers, scratch + member * bytes, ...sizes, ...strides, span, from, base.row, packed];
        });
      }
    });
  });
}

/**
 * One product: c [m, n] = base + a [m, k] b [k, n], summed in spans of `span` products. base: none, c itself, another matrix, or a
 * row of n for all rows of c, whose `row` is 0.
 */
export function product(
  engine: Engine,
  sizes: readonly [m: number, n: number, k: number],
  c: Matrix,
  a: Matrix,
  b: Matrix,
  span: number,
  base?: Matrix,
): void {
  withProduct(engine, sizes, (run) => run(c, a, b, base), span);
}

export function matmul(engine: Engine, a: Tensor, b: Tensor, options?: MatmulOptions): Tensor {
  const product = describe("matmul", engine, a, b, options);
  const { leading: lead, m, n, k } = product;
  return producing(engine, (make) => {
    const c = make([...lead, m, n]);
    if (product.tall && isTall(product.a, lead, m)) {
      const [to, from] = [matricesOf(c, []), product.a];
      multiply(engine, [], [m * count(lead), n, k], to, { ...from, batch: [] }, { ...product.b, batch: [] });
    } else multiply(engine, lead, [m, n, k], matricesOf(c, lead), product.a, product.b);
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
    const { leading: lead, m, n, k, transposeA, transposeB } = product;
    // c = a b: da = g b^T, db = a^T g; a factor that was read transposed gets the transposed product.
    const gradients = (over: Shape, rows: number, x: Matrices, g: Matrices, y: Matrices): void => {
      const [toA, toB] = [matricesOf(da, over), matricesOf(db, over)];
      if (transposeA) multiply(engine, over, [k, rows, n], toA, y, transpose(g));
      else multiply(engine, over, [rows, k, n], toA, g, transpose(y));
      if (transposeB) multiply(engine, over, [n, k, rows], toB, transpose(g), x);
      else multiply(engine, over, [k, n, rows], toB, transpose(x), g);
    };
    const g = matricesOf(dout, lead);
    if (!product.tall) gradients(lead, m, product.a, g, product.b);
    else {
      asTall(engine, product.a, lead, m, k, (x) =>
        asTall(engine, g, lead, m, n, (y) => gradients([], m * count(lead), x, y, { ...product.b, batch: [] })),
      );
    }
    return { da, db };
  });
}
