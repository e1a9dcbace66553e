import { createSync, type MatmulOptions, type Tensor } from "laser-attention";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "./support/random.js";

const la = createSync();
const random = new Random(9);
const normal = (shape: readonly number[]): Tensor =>
  la.tensor(random.normals(shape.reduce((n, size) => n * size, 1)), shape);

/** The place in a contiguous array of `shape` of a full index, where axes of size 1 and missing axes are repeated. */
function at(shape: readonly number[], index: readonly number[]): number {
  let place = 0;
  for (const [axis, size] of shape.entries())
    place = place * size + (index[index.length - shape.length + axis]! % size);
  return place;
}

/** Calls `visit` with every index of `shape`. */
function each(shape: readonly number[], visit: (index: number[]) => void, index: number[] = []): void {
  if (index.length === shape.length) visit(index);
  else for (let i = 0; i < shape[index.length]!; i++) each(shape, visit, [...index, i]);
}

/** The product and its gradients in float64, and beside each the same sums of magnitudes. */
function reference(a: Tensor, b: Tensor, g: Tensor, lead: readonly number[], options: MatmulOptions) {
  const [x, y, dz] = [a.toArray(), b.toArray(), g.toArray()];
  const [m, n] = g.shape.slice(-2) as [number, number];
  const k = options.transposeA ? a.shape.at(-2)! : a.shape.at(-1)!;
  const zeros = (length: number) => ({ sum: new Float64Array(length), size: new Float64Array(length) });
  const [c, da, db] = [zeros(dz.length), zeros(x.length), zeros(y.length)];
  const add = (to: typeof c, place: number, term: number): void => {
    to.sum[place]! += term;
    to.size[place]! += Math.abs(term);
  };
  each([...lead, m, n, k], (full) => {
    const [batch, [i, j, p]] = [full.slice(0, -3), full.slice(-3) as [number, number, number]];
    const ia = at(a.shape, [...batch, ...(options.transposeA ? [p, i] : [i, p])]);
    const ib = at(b.shape, [...batch, ...(options.transposeB ? [j, p] : [p, j])]);
    const ic = at(g.shape, [...batch, i, j]);
    add(c, ic, x[ia]! * y[ib]!);
    add(da, ia, dz[ic]! * y[ib]!);
    add(db, ib, x[ia]! * dz[ic]!);
  });
  return { c, da, db };
}

/** A float32 sum of `terms` products, in any order, errs by at most about terms * 2^-24 of the sum of magnitudes. */
function close(got: Tensor, want: { sum: Float64Array; size: Float64Array }, terms: number, label: string): void {
  for (const [i, value] of got.toArray().entries()) {
    const bound = (terms + 1) * 2 ** -24 * want.size[i]!;
    assert.ok(Math.abs(value - want.sum[i]!) <= bound, `${label} [${i}]: expected ${want.sum[i]}, got ${value}`);
  }
}

const leads: [a: number[], b: number[], out: number[]][] = [
  [[], [], []],
  [[3], [3], [3]],
  [[2, 3], [], [2, 3]],
  [[], [2, 3], [2, 3]],
  [[2, 1], [3], [2, 3]],
  [
    [1, 3],
    [2, 1],
    [2, 3],
  ],
  [
    [2, 3],
    [1, 1],
    [2, 3],
  ],
];
const sizes = [
  [1, 1, 1],
  [5, 7, 3],
  [13, 9, 17],
];

for (const transposeA of [false, true]) {
  for (const transposeB of [false, true]) {
    test(`matmul and its gradients agree with float64 sums, transposeA ${transposeA}, transposeB ${transposeB}`, () => {
      for (const [leadA, leadB, lead] of leads) {
        for (const [m, n, k] of sizes as [number, number, number][]) {
          const a = normal([...leadA, ...(transposeA ? [k, m] : [m, k])]);
          const b = normal([...leadB, ...(transposeB ? [n, k] : [k, n])]);
          const dout = normal([...lead, m, n]);
          const options = { transposeA, transposeB };
          const want = reference(a, b, dout, lead, options);
          const label = `[${a.shape}] x [${b.shape}]`;
          la.scope(() => {
            const c = la.matmul(a, b, options);
            assert.equal(c.shape, dout.shape);
            const { da, db } = la.matmulBackward(dout, a, b, options);
            const batch = lead.reduce((product, size) => product * size, 1);
            close(c, want.c, k, `c ${label}`);
            close(da, want.da, batch * n, `da ${label}`);
            close(db, want.db, batch * m, `db ${label}`);
          });
          for (const t of [a, b, dout]) t.dispose();
        }
      }
    });
  }
}

test("matmul reads strided views in place: a transposed view gives the bits of transposeB", () => {
  const [a, b] = [normal([2, 5, 12]).narrow(2, 3, 7), normal([2, 6, 7])];
  const flipped = b.view([2, 7, 6], [42, 1, 7]);
  assert.equal(la.matmul(a, flipped).toArray(), la.matmul(a, b, { transposeB: true }).toArray());
  const [rows, one] = [normal([20, 7]), flipped.view([7, 6], [1, 7])];
  for (const [shape, strides] of [
    [
      [4, 5, 7],
      [0, 0, 1],
    ],
    [
      [4, 5, 7],
      [0, 7, 1],
    ],
    [
      [2, 3, 5, 7],
      [35, 35, 7, 1],
    ],
  ] as const) {
    const repeated = rows.view(shape, strides);
    const whole = la.tensor(repeated.toArray(), shape);
    assert.equal(la.matmul(repeated, one).toArray(), la.matmul(whole, one).toArray());
  }
});

test("gradients of factors that repeat elements by a stride of 0 have the full shape, like those of a copy", () => {
  const [a, b] = [normal([1, 7]).view([1, 5, 7], [0, 0, 1]), normal([7, 6]).view([3, 7, 6], [0, 6, 1])];
  const dout = normal([3, 5, 6]);
  const copies = [a, b].map((t) => la.tensor(t.toArray(), t.shape)) as [Tensor, Tensor];
  const [got, expected] = [la.matmulBackward(dout, a, b), la.matmulBackward(dout, ...copies)];
  assert.equal(got.da.toArray(), expected.da.toArray());
  assert.equal(got.db.toArray(), expected.db.toArray());
});

test("products over a size of 0 are 0, and so are gradients of empty products, in memory that held something else", () => {
  const own = createSync();
  own.tensor(new Float32Array(1000).fill(7), [1000]).dispose();
  assert.equal([...own.empty([6]).data], [7, 7, 7, 7, 7, 7]);
  assert.equal([...own.matmul(own.zeros([2, 0]), own.zeros([0, 3])).data], [0, 0, 0, 0, 0, 0]);
  assert.equal(own.matmul(own.zeros([4, 0, 2]), own.zeros([2, 3])).shape, [4, 0, 3]);
  const rows = own.matmulBackward(own.zeros([4, 0, 3]), own.zeros([4, 0, 2]), own.zeros([2, 3]));
  assert.equal(rows.da.shape, [4, 0, 2]);
  assert.equal([...rows.db.data], [0, 0, 0, 0, 0, 0]);
  const columns = own.matmulBackward(own.zeros([2, 0]), own.zeros([2, 3]), own.zeros([3, 0]));
  assert.equal([...columns.da.data], [0, 0, 0, 0, 0, 0]);
  assert.equal(columns.db.shape, [3, 0]);
  // One b for all rows of an a that has no elements and lies across: its rows would be copied together.
  const across = la.zeros([1]).view([2, 3, 0], [1, 2, 6]);
  const none = la.matmulBackward(normal([2, 3, 4]), across, normal([0, 4]));
  assert.equal(none.da.shape, [2, 3, 0]);
  assert.equal(none.db.shape, [0, 4]);
});

test("exp, log, softmax and their gradients on strided views give the bits of contiguous copies", () => {
  const view = la.exp(normal([3, 4, 10])).narrow(2, 1, 7); // above 0, for log
  const copy = la.tensor(view.toArray(), view.shape);
  const other = normal([3, 7, 4]).view([3, 4, 7], [28, 1, 4]);
  const otherCopy = la.tensor(other.toArray(), other.shape);
  for (const op of ["exp", "log", "softmax"] as const) assert.equal(la[op](view).toArray(), la[op](copy).toArray());
  for (const op of ["expBackward", "logBackward", "softmaxBackward"] as const) {
    assert.equal(la[op](other, view).toArray(), la[op](otherCopy, copy).toArray());
  }
});

test("empty tensors pass through every elementwise operation", () => {
  const empty = la.zeros([3, 0]);
  for (const op of ["exp", "log", "softmax"] as const) assert.equal(la[op](empty).shape, [3, 0]);
  for (const op of ["expBackward", "logBackward", "softmaxBackward"] as const) {
    assert.equal(la[op](empty, empty).shape, [3, 0]);
  }
});

test.run();
