/** Rows that are one row: a stride of 0 along the tokens, which kernels could not walk in place. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { LaserAttention, Tensor } from "../src/index.js";
import { firstDifference } from "./support/bits.js";
import { engines } from "./support/engines.js";
import { Random } from "./support/random.js";

const [H, N, M] = [2, 5, 9];

/** out, dq, dk and dv. */
function results(la: LaserAttention, q: Tensor, k: Tensor, v: Tensor, variant: "standard" | "laser"): Float32Array[] {
  const saved = la.attentionForward(q, k, v, { variant });
  const dout = la.tensor(new Random(9).normals(H * q.shape[2]! * q.shape[3]!), saved.out.shape);
  const { dq, dk, dv } = la.attentionBackward(dout, saved);
  return [saved.out, dq, dk, dv].map((tensor) => tensor.toArray());
}

/** The view, and the same numbers in memory of their own; none is 0. */
const pair = (la: LaserAttention, view: Tensor): [view: Tensor, copy: Tensor] => [
  view,
  la.tensor(view.toArray(), view.shape),
];

for (const variant of ["standard", "laser"] as const) {
  test(`${variant}: q, k or v whose rows repeat one row by a stride of 0 gives the bits of its copy, forward and backward`, () => {
    for (const la of engines) {
      for (const D of [8, 12, 64]) {
        for (const which of [0, 1, 2]) {
          la.scope(() => {
            const tensors = [N, M, M].map((rows, n) =>
              la.tensor(new Random(n + 1).normals(H * rows * D), [1, H, rows, D]),
            );
            const [view, copy] = pair(la, tensors[which]!.view([1, H, which === 0 ? N : M, D], [0, D, 0, 1]));
            const [got, expected] = [view, copy].map((tensor) => {
              const [q, k, v] = tensors.map((other, n) => (n === which ? tensor : other)) as [Tensor, Tensor, Tensor];
              return results(la, q, k, v, variant);
            });
            assert.ok(expected![0]!.some((x) => x !== 0));
            for (const [n, x] of got!.entries()) {
              assert.is(firstDifference(x, expected![n]!), -1, `${la.simd} D ${D} "${"qkv"[which]}" ${n}`);
            }
          });
        }
      }
    }
  });
}

test("the stride of an axis of one row says nothing, whatever it is: in attention, copies, writes, exp and matmul", () => {
  for (const la of engines) {
    la.scope(() => {
      const q = la.tensor(new Random(3).normals(H * N * 8), [1, H, N, 8]);
      const row = la.tensor(new Random(4).normals(H * 8), [H * 8]);
      const [expected, ...others] = [8, 0, 2 ** 29, 2 ** 30, 3 * 2 ** 30].map((stride) => {
        const key = row.view([1, H, 1, 8], [H * 8, 8, stride, 1]);
        return results(la, q, key, key, "standard");
      });
      for (const got of others) {
        for (const [n, x] of got.entries()) assert.is(firstDifference(x, expected![n]!), -1, `${la.simd} ${n}`);
      }
      const numbers = Float32Array.from({ length: 6 }, (_, n) => n);
      const x = la.tensor(numbers, [6]).view([3, 1, 2], [2, 2 ** 32, 1]);
      assert.equal(x.toArray(), numbers);
      x.set(numbers);
      assert.equal(x.toArray(), numbers);
      assert.equal(la.exp(x).toArray(), la.exp(la.tensor(numbers, [6])).toArray());
      const ones = la.tensor(new Float32Array(6).fill(1), [3, 1, 2]);
      const { db } = la.matmulBackward(ones, x, la.zeros([2, 2]));
      assert.equal(db.toArray(), Float32Array.of(6, 6, 9, 9));
    });
  }
});

test.run();
