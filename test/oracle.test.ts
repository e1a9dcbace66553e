import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Case, oracle, oracleRow } from "./support/oracle.js";

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
