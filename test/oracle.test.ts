import { test } from "uvu";
import * as assert from "uvu/assert";
import { gradients, largest } from "./support/bounds.js";
import { goldenFiles, readGolden } from "./support/golden.js";
import { type Case, type Numbers, oracle, oracleRow } from "./support/oracle.js";

/**
 * The golden results are float64, rounded once to float32: half an ulp, 2^-24 |ref|. Two float64 computations differ by
 * the rounding of sums over at most M terms (or N, for gradients of keys) of the size of the scores, values and out
 * gradients that take part, 2^-52 (N + M) times that size.
 */
function assertRounded(c: Case, name: string, got: Numbers, ref: Numbers, size: number): void {
  const noise = 2 ** -52 * (c.N + c.M) * size;
  for (let n = 0; n < ref.length; n++) {
    if (got[n] === ref[n]) continue;
    const error = Math.abs(got[n]! - ref[n]!);
    if (!(error <= 2 ** -24 * Math.abs(ref[n]!) + noise))
      assert.unreachable(`${name}[${n}]: expected ${ref[n]}, got ${got[n]}`);
  }
}

for (const [name, path] of goldenFiles()) {
  if (!path) continue; // golden.test.ts counts those
  test(`the oracle gives ${name} to the last bit of float32`, () => {
    const { c, expected } = readGolden(path);
    const got = oracle(c);
    const reach = 1 + got.extent.s + got.extent.v;
    assertRounded(c, "out", got.out, expected.out, reach);
    assertRounded(c, "lse", got.lse, expected.lse, reach);
    for (const gradient of gradients) {
      if (!expected[gradient]) continue;
      const chain = gradient === "dq" ? got.extent.k : gradient === "dk" ? got.extent.q : 1;
      assertRounded(
        c,
        gradient,
        got[gradient]!,
        expected[gradient],
        reach * largest(c.dout) * c.E * Math.max(1, chain),
      );
    }
  });
}

const plain: Case = {
  variant: "laser",
  ...{ B: 1, H: 2, Hkv: 1, N: 2, M: 3, D: 1, E: 1 },
  ...{ q: [1, 2, 3, 4], k: [1, -1, 2], v: [0, 5, -5], dout: [1, 1, 1, 1] },
};

test("the oracle never reads a hidden key", () => {
  const mask = { data: [1, 1, 0], shape: [1, 1, 1, 3] as const };
  const garbage = { ...plain, k: [1, -1, Number.NaN], v: [0, 5, Number.NaN], mask };
  assert.equal(oracle(garbage).dv, oracle({ ...plain, mask }).dv);
  const bias = { data: [0, 0, -Infinity], shape: [1, 1, 1, 3] as const };
  assert.equal(oracle({ ...garbage, mask: undefined, bias }).dq, oracle({ ...plain, mask }).dq);
});

test("a row without keys has o = 0, L = -inf and no gradient, by mask, by bias and for M = 0", () => {
  const hide = { data: [0, 0, 0, 1, 1, 1], shape: [1, 1, 2, 3] as const };
  const { out, lse, dq } = oracle({ ...plain, mask: hide });
  assert.equal([out[0], lse[0], dq[0]], [0, -Infinity, 0]);
  const empty = oracle({ ...plain, M: 0, k: [], v: [] });
  assert.equal([...empty.out, ...empty.lse, ...empty.dq], [0, 0, 0, 0, ...Array(4).fill(-Infinity), 0, 0, 0, 0]);
  assert.equal(oracle({ ...plain, N: 0, q: [], dout: [] }).dk, new Float64Array(3));
});

test("causal aligns to the bottom right by default, to the top left on request", () => {
  const seen = (c: Case) => [0, 1].map((i) => oracleRow(c, 0, 0, i).keys);
  assert.equal(seen({ ...plain, causal: true }), [
    [0, 1],
    [0, 1, 2],
  ]);
  assert.equal(seen({ ...plain, causal: true, align: "top-left" }), [[0], [0, 1]]);
  assert.equal(seen({ ...plain, window: [0, -1] }), [[1, 2], [2]]);
  assert.equal(seen({ ...plain, window: [1, 0], align: "top-left" }), [[0], [0, 1]]);
});

test("ALiBi takes the slope of the head times the distance from the aligned query", () => {
  const { s } = oracleRow({ ...plain, scale: 0, alibi: [0.5, 0.25] }, 0, 1, 0);
  assert.equal(s, [-0.25, 0, -0.25]);
  assert.equal(oracleRow({ ...plain, scale: 0, alibi: true }, 0, 0, 1).s, [-2 * 2 ** -4, -(2 ** -4), 0]);
});

test.run();
