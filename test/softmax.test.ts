import { test } from "uvu";
import * as assert from "uvu/assert";
import { engines } from "./support/engines.js";
import { Random } from "./support/random.js";

const r = new Random(5);

/** Softmax of a row in float64. */
function softmax(x: ArrayLike<number>): number[] {
  const row = Array.from(x);
  const most = Math.max(...row);
  const weights = row.map((y) => Math.exp(y - most));
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((w) => w / total);
}

const widths = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 191, 192, 193, 1009];

for (const deviation of [0.01, 1, 30]) {
  test(`softmax rows of deviation ${deviation} are those of float64, at every width around the vectors`, () => {
    for (const la of engines) {
      for (const width of widths) {
        const rows = 3;
        const x = r.normals(rows * width, deviation, deviation > 1 ? 1000 : 0);
        const y = la.scope(() => la.softmax(la.tensor(x, [1, rows, width])).toArray());
        for (let row = 0; row < rows; row++) {
          const from = row * width;
          const expected = softmax(x.subarray(from, from + width));
          const most = Math.max(...x.subarray(from, from + width));
          for (let j = 0; j < width; j++) {
            // Relative: x - max is rounded once, exp is within 3 units of 2^-24 and takes |x - max| of them from the
            // scaling by log2 e; the float64 sum of the row is rounded once, then a division. Absolute: exp flushes to 0 below 2^-126.
            const relative = 2 ** -24 * (2 * Math.abs(x[from + j]! - most) + 6 + 4);
            const error = Math.abs(y[from + j]! - expected[j]!);
            const bound = relative * expected[j]! + 2 ** -125;
            assert.ok(
              error <= bound,
              `${la.simd} width ${width} [${row}, ${j}]: expected ${expected[j]}, got ${y[from + j]}`,
            );
          }
        }
      }
    }
  });
}

test("softmax gradients are the central differences of the float64 softmax", () => {
  const h = 2 ** -17;
  for (const la of engines) {
    for (const width of [1, 4, 7, 17]) {
      const [xs, douts] = [r.normals(3 * width, 2), r.normals(3 * width)];
      const dxs = la.scope(() => {
        const out = la.softmax(la.tensor(xs, [1, 3, width]));
        return la.softmaxBackward(la.tensor(douts, [1, 3, width]), out).toArray();
      });
      for (let from = 0; from < dxs.length; from += width) {
        const [x, dout, dx] = [xs, douts, dxs].map((all) => all.subarray(from, from + width)) as [
          Float32Array,
          Float32Array,
          Float32Array,
        ];
        const loss = (j: number, by: number) =>
          softmax(Float64Array.from(x, (y, n) => (n === j ? y + by : y))).reduce((f, y, n) => f + dout[n]! * y, 0);
        // The difference itself is good to 1e-9; out is rounded and errs by 2^-24 (|x - max| + ...), 24 for these.
        const bound = 1e-9 + 24 * 2 ** -24 * dout.reduce((a, g) => a + Math.abs(g), 0);
        for (const [j, got] of dx.entries()) {
          const expected = (loss(j, h) - loss(j, -h)) / (2 * h);
          const where = `${la.simd} width ${width} [${from + j}]`;
          assert.ok(Math.abs(got - expected) <= bound, `${where}: expected ${expected}, got ${got}`);
        }
      }
    }
  }
});

test("a row of equal values is uniform and -inf gets exactly 0, however large the values are", () => {
  for (const la of engines) {
    for (const size of [0, 1e38, -1e38, 2 ** -149]) {
      const x = Float32Array.of(size, -Infinity, size, -Infinity, -Infinity, size, size);
      assert.equal(Array.from(la.softmax(la.tensor(x, [7])).toArray()), [0.25, 0, 0.25, 0, 0, 0.25, 0.25]);
    }
    const apart = la.softmax(la.tensor(Float32Array.of(3e38, -3e38, 3e38), [3])).toArray();
    assert.equal(Array.from(apart), [0.5, 0, 0.5]);
  }
});

test("NaN, +inf and a row of nothing but -inf give NaN in their own row and nowhere else, forward and backward", () => {
  const width = 13;
  for (const la of engines) {
    for (const at of [0, 3, 4, 12]) {
      for (const value of [Number.NaN, Infinity, -Infinity]) {
        const x = r.normals(3 * width);
        if (value === -Infinity) x.fill(value, width, 2 * width);
        else x[width + at] = value;
        const y = la.softmax(la.tensor(x, [3, width]));
        const dx = la.softmaxBackward(la.tensor(r.normals(3 * width), [3, width]), y).toArray();
        for (const result of [y.toArray(), dx]) {
          const inside = result.subarray(width, 2 * width);
          assert.ok(inside.some(Number.isNaN), `${value} at ${at}: its row must hold NaN, got ${inside}`);
          for (const [n, z] of result.entries()) {
            assert.ok(Math.floor(n / width) === 1 || Number.isFinite(z), `${value}: [${n}] is ${z}`);
          }
        }
      }
    }
  }
});

// exp has 1 ulp, sums are float64: 2^-24 for the rounding of a total, of a quotient, and 2^-23 for exp. Float32 sums were off by 1e-3 here.
test("long rows of equal scores have equal probabilities that sum to 1, and no gradient for an equal one of all", () => {
  for (const la of engines) {
    for (const n of [50_257, 2 ** 20]) {
      la.scope(() => {
        const x = new Float32Array(n).fill(Math.log(0.9667));
        x[0] = 0;
        const y = la.softmax(la.tensor(x, [n]));
        const sum = y.toArray().reduce((total, p) => total + p, 0);
        assert.ok(Math.abs(sum - 1) < 2 ** -22, `${n}: ${sum - 1}`);
        const dx = la.softmaxBackward(la.tensor(new Float32Array(n).fill(1.1), [n]), y).toArray();
        const most = dx.reduce((largest, g) => Math.max(largest, Math.abs(g)), 0);
        assert.ok(most * n < 2 ** -21, `${n}: ${most * n}`);
      });
    }
  }
});

test.run();
