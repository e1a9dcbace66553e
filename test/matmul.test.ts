import { test } from "uvu";
import * as assert from "uvu/assert";
import type { LaserAttention, Tensor } from "../src/index.js";
import { sameBits } from "./support/bits.js";
import { engines } from "./support/engines.js";
import { loadKernels, targets } from "./support/kernels.js";
import { Random } from "./support/random.js";

const r = new Random(3);

/** A matrix by its element (row, column), so that a transpose is a swap of arguments. */
type Matrix = (row: number, column: number) => number;
const matrix =
  (x: ArrayLike<number>, columns: number): Matrix =>
  (i, j) =>
    x[i * columns + j]!;
const transposed =
  (a: Matrix): Matrix =>
  (i, j) =>
    a(j, i);

/**
 * got [m, n] against the float64 product of a [m, k] and b [k, n]. k products and k - 1 sums in any order, each rounded
 * (or fused), err by at most k * 2^-24 of the sum of magnitudes, to first order; 2^-149 for products that underflow.
 */
function assertProduct(label: string, got: Float32Array, a: Matrix, b: Matrix, [m, n, k]: readonly number[]): void {
  for (let i = 0; i < m!; i++) {
    for (let j = 0; j < n!; j++) {
      let [sum, size] = [0, 0];
      for (let p = 0; p < k!; p++) {
        const term = a(i, p) * b(p, j);
        sum += term;
        size += Math.abs(term);
      }
      const error = Math.abs(got[i * n! + j]! - sum);
      if (!(error <= k! * (2 ** -24 * size + 2 ** -149))) {
        assert.unreachable(
          `${label} [${i}, ${j}]: expected ${sum}, got ${got[i * n! + j]}, bound ${k! * 2 ** -24 * size}`,
        );
      }
    }
  }
}

/**
 * m, n, k around the register tiles (4 or 6 rows, 8 columns), the blocks (48 rows, 1024 columns, depth 256), and what is packed
 * at once of the depth: 1024 up to 128 columns, 768 of 150 (in spans of 256), 256 from 512 on.
 */
const sizes = [
  [1, 1, 1],
  [3, 7, 2],
  [4, 8, 255],
  [5, 9, 256],
  [6, 16, 257],
  [7, 17, 513],
  [47, 8, 31],
  [48, 31, 32],
  [49, 33, 64],
  [97, 5, 3],
  [2, 1023, 4],
  [3, 1024, 5],
  [13, 1025, 7],
  [7, 8, 1023],
  [5, 9, 1024],
  [6, 3, 1025],
  [3, 150, 767],
  [3, 150, 769],
  [2, 511, 257],
] as const;

const build = (la: LaserAttention, rows: number, columns: number, flip: boolean) =>
  la.tensor(r.normals(rows * columns), flip ? [columns, rows] : [rows, columns]);

for (const transposeA of [false, true]) {
  for (const transposeB of [false, true]) {
    const options = { transposeA, transposeB };
    test(`matmul and its gradients are float64 products within k 2^-24 sum |a||b|, ${JSON.stringify(options)}`, () => {
      for (const la of engines) {
        for (const [m, n, k] of sizes) {
          la.scope(() => {
            const a = build(la, m, k, transposeA);
            const b = build(la, k, n, transposeB);
            const dout = build(la, m, n, false);
            const A = transposeA ? transposed(matrix(a.toArray(), m)) : matrix(a.toArray(), k);
            const B = transposeB ? transposed(matrix(b.toArray(), k)) : matrix(b.toArray(), n);
            const G = matrix(dout.toArray(), n);
            const label = `${la.simd} ${m} x ${n} x ${k}`;
            assertProduct(`c ${label}`, la.matmul(a, b, options).toArray(), A, B, [m, n, k]);

            const { da, db } = la.matmulBackward(dout, a, b, options); // dA = G B^T, dB = A^T G, as a and b are stored
            if (transposeA) assertProduct(`da ${label}`, da.toArray(), B, transposed(G), [k, m, n]);
            else assertProduct(`da ${label}`, da.toArray(), G, transposed(B), [m, k, n]);
            if (transposeB) assertProduct(`db ${label}`, db.toArray(), transposed(G), A, [n, k, m]);
            else assertProduct(`db ${label}`, db.toArray(), transposed(A), G, [k, n, m]);
          });
        }
      }
    });
  }
}

test("one b for a batch: product and gradients have the same bits however a and dout lie in memory", () => {
  const [batch, m, n, k] = [6, 70, 9, 33];
  const [A, B, G] = [r.normals(batch * m * k), r.normals(k * n), r.normals(batch * m * n)];
  for (const la of engines) {
    const apart = (data: Float32Array, columns: number, across: boolean) => {
      const base = la.zeros([batch, (m + 3) * columns]);
      const strides = [(m + 3) * columns, ...(across ? [1, m] : [columns, 1])];
      const view = base.view([batch, m, columns], strides);
      view.set(data);
      return view;
    };
    const b = la.tensor(B, [k, n]);
    const run = (a: Tensor, dout: Tensor) => {
      const { da, db } = la.matmulBackward(dout, a, b);
      return [la.matmul(a, b), da, db].map((t) => t.toArray());
    };
    const expected = run(la.tensor(A, [batch, m, k]), la.tensor(G, [batch, m, n]));
    assert.equal(run(apart(A, k, false), la.tensor(G, [batch, m, n])), expected);
    assert.equal(run(apart(A, k, true), apart(G, n, false)), expected);
    assert.equal(run(la.tensor(A, [batch, m, k]), apart(G, n, true)), expected);
  }
});

test("an element has the same bits however much of the depth is packed at once", () => {
  const [m, n, k] = [7, 600, 1300];
  const [A, B] = [r.normals(m * k), r.normals(k * n)];
  const turned = Float32Array.from(A, (_, i) => A[(i % m) * k + Math.floor(i / m)]!);
  for (const la of engines) {
    const b = la.tensor(B, [k, n]);
    const columns = (count: number) => {
      const out = la.matmul(la.tensor(A, [m, k]), b.view([k, count], [n, 1])).toArray();
      return Array.from({ length: m }, (_, i) => [...out.subarray(i * count, i * count + 8)]);
    };
    const expected = columns(n); // 256 at once
    for (const count of [8, 129, 150, 300]) assert.equal(columns(count), expected, `${la.simd} ${count}`);
    const spans = la.matmul(la.tensor(turned, [k, m]), b.view([k, 8], [n, 1]), { transposeA: true }).toArray(); // one at once
    assert.equal([...spans], expected.flat(), la.simd);
  }
});

test("a product writes nothing beyond the scratch that its size, or more columns, ask for", async () => {
  for (const target of targets) {
    const { exports: kernels, f32 } = await loadKernels(target);
    for (const [m, n, k, whole] of [
      [48, 1, 1030, 1],
      [50, 64, 1100, 131],
      [49, 128, 1024, 256],
      [48, 129, 1100, 129],
      [48, 136, 1100, 271],
      [48, 256, 600, 512],
      [48, 512, 600, 1024],
      [7, 1030, 300, 2100],
    ] as const) {
      const scratch = kernels.matmulScratch(whole, k);
      assert.is(scratch % 4, 0);
      const at = 2 ** 19;
      const [a, b, c] = [at + 4 * scratch + 64, at + 4 * (scratch + m * k) + 64, at + 4 * (scratch + (m + n) * k) + 64];
      f32(at, scratch + (m + n) * k + m * n + 64); // grows the memory
      f32(a, (m + n) * k).fill(1);
      const behind = f32(at + 4 * scratch, 16).fill(7);
      for (const span of [128, 256]) {
        kernels.matmul(c, a, b, at, m, n, k, k, 1, n, 1, n, span, 0, 0, 0);
        assert.ok(
          behind.every((x) => x === 7),
          `${target} ${m} x ${n} of ${whole} x ${k}`,
        );
        assert.ok(f32(c, m * n).every((x) => x === k));
      }
    }
  }
});

test("a product begins with its base, c itself or one row for all rows, and adds span after span to it", async () => {
  for (const target of targets) {
    const { exports: kernels, f32 } = await loadKernels(target);
    for (const [m, n, k] of [
      [1, 1, 0],
      [1, 1, 1],
      [1, 8, 257],
      [2, 21, 300],
      [3, 137, 260],
      [6, 8, 5],
      [7, 9, 130],
      [8, 17, 40],
      [14, 8, 200],
      [53, 16, 128],
      [50, 21, 300],
      [49, 1030, 260],
    ] as const) {
      const [scratch, size] = [kernels.matmulScratch(n, k), m * n];
      const at = 2 ** 19;
      const a = at + 4 * scratch;
      const b = a + 4 * m * k;
      const [part, c, row] = [b + 4 * k * n, b + 4 * (k * n + size), b + 4 * (k * n + 2 * size)];
      f32(at, scratch + (m + n) * k + 2 * size + n + 4); // grows the memory
      f32(a, (m + n) * k).set(r.normals((m + n) * k));
      f32(row, n).set(r.normals(n));
      for (const [span, base, baseRow] of [
        [128, c, n],
        [128, row, 0],
        [256, row, 0],
      ] as const) {
        const from = r.normals(size);
        f32(c, size).set(from);
        const want = from.map((x, i) => (base === c ? x : f32(row, n)[i % n]!));
        for (let p = 0; p < k; p += span) {
          const depth = Math.min(k - p, span);
          kernels.matmul(part, a + 4 * p, b + 4 * p * n, at, m, n, depth, k, 1, n, 1, n, span, 0, 0, 0);
          for (const [i, x] of f32(part, size).entries()) want[i]! += x;
        }
        kernels.matmul(c, a, b, at, m, n, k, k, 1, n, 1, n, span, base, baseRow, 0);
        sameBits(`${target} ${m} x ${n} x ${k}, span ${span}`, f32(c, size), want);
      }
    }
  }
});

test("few rows, and a column, have the bits that they have among many, however the factors lie in memory", async () => {
  for (const target of targets) {
    const { exports: kernels, f32 } = await loadKernels(target);
    // From 256 columns on, half of those that are left are summed in the other half; from 1,024 on, 512. The depth is none of its concern.
    for (const n of [1, 7, 8, 9, 15, 16, 17, 31, 129, 137, 255, 256, 257, 400, 1023, 1024, 1100]) {
      for (const k of n < 255 ? [1, 4, 7, 8, 255, 256, 260, 1028] : n < 1000 ? [3, 4, 260, 515] : [3, 260]) {
        const m = 11;
        const scratch = kernels.matmulScratch(Math.max(m, n), k);
        const at = 2 ** 19;
        const a = at + 4 * scratch;
        const b = a + 4 * m * k;
        const bias = b + 4 * k * n;
        const [all, some] = [bias + 4 * n, bias + 4 * (n + m * n)];
        f32(at, scratch + (m + n) * k + n + 2 * m * n + 4); // grows the memory
        f32(a, (m + n) * k + n).set(r.normals((m + n) * k + n));
        // Rows of a and columns of b contiguous, or columns of a and rows of b.
        for (const [aRow, aColumn] of [[k, 1] as const, [1, m] as const]) {
          for (const [bRow, bColumn] of [[n, 1] as const, [1, k] as const]) {
            for (const base of [0, bias]) {
              const rows = (c: number, count: number) =>
                kernels.matmul(c, a, b, at, count, n, k, aRow, aColumn, bRow, bColumn, n, 256, base, 0, 0);
              rows(all, m);
              for (const count of [0, 1, 2, 3, 4, 5, 8, 9, 10]) {
                f32(some, m * n).fill(7);
                rows(some, count); // none of a thread that has no share
                const want = f32(all, m * n)
                  .slice()
                  .fill(7, count * n);
                sameBits(`${target} ${count} x ${n} x ${k}`, f32(some, m * n), want);
              }
              kernels.matmul(some, b, a, at, n, 1, k, bColumn, bRow, aColumn, aRow, 1, 256, base, 1, 0);
              sameBits(`${target} ${n} x 1 x ${k}`, f32(some, n), f32(all, n));
            }
          }
        }
      }
    }
  }
});

test("NaN in a row of a or a column of b stays in that row or column of the product", () => {
  const [m, n, k] = [50, 21, 300];
  for (const la of engines) {
    for (const at of [0, 7, 47, 48, 49]) {
      const [a, b] = [r.normals(m * k), r.normals(k * n)];
      const [row, column] = [at, at % n];
      a[row * k + 257] = Number.NaN;
      b[3 * n + column] = Number.NaN;
      const c = la.matmul(la.tensor(a, [m, k]), la.tensor(b, [k, n])).toArray();
      for (const [i, x] of c.entries()) {
        assert.is(Number.isNaN(x), Math.floor(i / n) === row || i % n === column, `[${i}]`);
      }
    }
  }
});

test("products reach the ends of the float32 range", () => {
  for (const la of engines) {
    const a = la.tensor(Float32Array.of(2 ** 127, 2 ** -100, 1, 0, -0, 3), [6, 1]);
    const b = la.tensor(Float32Array.of(2, 2 ** -49, 2 ** -27), [1, 3]);
    const expected = [2 ** 127, 2 ** -100, 1, 0, -0, 3].flatMap((x) =>
      [2, 2 ** -49, 2 ** -27].map((y) => Math.fround(x * y) + 0),
    );
    assert.equal(
      Array.from(la.matmul(a, b).toArray(), (x) => x + 0),
      expected,
    ); // overflow to inf, subnormal results kept
  }
});

// A float32 sum of 16,384 equal terms was off by 1.6e-4; this one is rounded once.
test("the gradient of a factor that was repeated is summed in float64", () => {
  for (const la of engines) {
    la.scope(() => {
      const B = 16_384;
      const a = la.tensor(Float32Array.of(1, 2), [2, 1, 1, 1]);
      const b = la.tensor(new Float32Array(B).fill(1.1), [1, B, 1, 1]);
      const ones = la.tensor(new Float32Array(2 * B).fill(1), [2, B, 1, 1]);
      const { da, db } = la.matmulBackward(ones, a, b);
      assert.equal(da.toArray(), new Float32Array(2).fill(B * Math.fround(1.1)));
      assert.equal(db.toArray(), new Float32Array(B).fill(3));
    });
  }
});

test("the gradient of a factor that was repeated has the sign of 0 of its terms, where all of them underflow", () => {
  for (const la of engines) {
    const [tiny, one] = [la.tensor(Float32Array.of(2 ** -100, 2 ** -100), [2, 1, 1]), la.zeros([1, 1, 1])];
    const negative = la.tensor(Float32Array.of(-(2 ** -100), -(2 ** -100)), [2, 1, 1]);
    const [term] = la.matmul(negative, tiny).toArray(); // -0 where products are fused
    sameBits(la.simd, la.matmulBackward(negative, one, tiny).da.toArray(), Float32Array.of(term!));
  }
});

test("a product of no terms is 0, not -0, of few rows too", () => {
  for (const la of engines) {
    for (const m of [1, 2, 4]) {
      for (const n of [1, 7, 8, 16, 17]) {
        const product = la.scope(() => la.matmul(la.empty([m, 0]), la.empty([0, n])).toArray());
        sameBits(`${la.simd} ${m} x 0 x ${n}`, product, new Float32Array(m * n));
      }
    }
  }
});

test.run();
