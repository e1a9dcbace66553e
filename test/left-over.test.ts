/** Row groups that are not full: their rows are taken one by one, with the bits that they have in full ones. */
import { test } from "uvu";
import type { LaserAttention } from "../src/facade.js";
import type { Tensor } from "../src/tensor.js";
import { assertSameBits } from "./support/bits.js";
import { engines } from "./support/engines.js";
import { Random } from "./support/random.js";

/** Every number of rows that groups of four and six leave over, of the first and of the second block of 48; 60 has them all. */
const COUNTS = [...Array(13).keys(), ...[...Array(12).keys()].map((n) => 47 + n)].map((n) => n + 1);
const MOST = 60;
const [H, D, E] = [2, 20, 40];
const random = new Random(11);
const data = {
  ...{ q: random.normals(H * MOST * D, 2), k: random.normals(H * MOST * D) },
  ...{ v: random.normals(H * MOST * E, 2), dout: random.normals(H * MOST * E) },
};
// LASER shifts by the largest value of a column: the first key has it, so that those behind it change nothing for others.
for (let h = 0; h < H; h++) data.v.fill(9, h * MOST * E, h * MOST * E + E);

interface Whole {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly dout: Tensor;
}

const tensors = (la: LaserAttention): Whole => ({
  ...{ q: la.tensor(data.q, [1, H, MOST, D]), k: la.tensor(data.k, [1, H, MOST, D]) },
  ...{ v: la.tensor(data.v, [1, H, MOST, E]), dout: la.tensor(data.dout, [1, H, MOST, E]) },
});

/** The first `n` rows of each head. */
const first = (x: Tensor, n: number): Tensor => x.narrow(2, 0, n);
const rows = (x: Tensor, n: number): Float32Array => first(x, n).toArray();

for (const variant of ["standard", "laser"] as const) {
  test(`${variant}: out, lse and dq of a query have the same bits however many queries come behind it`, () => {
    for (const la of engines) {
      la.scope(() => {
        const { q, k, v, dout } = tensors(la);
        const whole = la.attentionForward(q, k, v, { variant });
        const { dq } = la.attentionBackward(dout, whole);
        for (const n of COUNTS) {
          la.scope(() => {
            const saved = la.attentionForward(first(q, n), k, v, { variant });
            const got = la.attentionBackward(first(dout, n), saved);
            assertSameBits(
              `${la.simd}, ${n} queries`,
              { out: saved.out.toArray(), lse: saved.lse.toArray(), dq: got.dq.toArray() },
              { out: rows(whole.out, n), lse: rows(whole.lse, n), dq: rows(dq, n) },
            );
          });
        }
      });
    }
  });

  test(`${variant}: dk and dv of a key have the same bits however many keys come behind it, with the lse of all`, () => {
    for (const la of engines) {
      la.scope(() => {
        const { q, k, v, dout } = tensors(la);
        const whole = la.attentionForward(q, k, v, { variant });
        const { dk, dv } = la.attentionBackward(dout, whole);
        for (const n of COUNTS) {
          la.scope(() => {
            const got = la.attentionBackward(dout, { ...whole, k: first(k, n), v: first(v, n) });
            assertSameBits(
              `${la.simd}, ${n} keys`,
              { out: [], lse: [], dk: got.dk.toArray(), dv: got.dv.toArray() },
              { out: [], lse: [], dk: rows(dk, n), dv: rows(dv, n) },
            );
          });
        }
      });
    }
  });
}

test.run();
