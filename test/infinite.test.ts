/** NaN and infinity beside weights that float32 flushes to 0: what they reach must not depend on that. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertWithin, compare, type Results } from "./support/bounds.js";
import { engines } from "./support/engines.js";
import { type Case, oracle } from "./support/oracle.js";
import { Random } from "./support/random.js";
import { run } from "./support/run.js";

const variants = ["standard", "laser"] as const;

/** One batch, one head, q = 1 throughout: with scale 1 the scores are k. */
function scored(variant: Case["variant"], N: number, k: number[], v: number[], more: Partial<Case> = {}): Case {
  const sizes = { B: 1, H: 1, Hkv: 1, N, M: k.length, D: 1, E: v.length / k.length };
  const ones = (n: number): number[] => Array(n).fill(1);
  return { variant, ...sizes, q: ones(N), k, v, dout: ones(N * sizes.E), scale: 1, ...more };
}

/** Where float64 has a number or an infinity, float32 has it too. */
function assertLikeOracle(label: string, c: Case): Results[] {
  const expected = oracle(c);
  return engines.map((la) => {
    const got = run(la, c);
    const where = (name: keyof Results, n: number): boolean => !Number.isNaN(expected[name]![n]);
    assertWithin(`${la.simd}, ${label}`, compare(c, got, expected, expected.extent, { where, cancelling: true }));
    return got;
  });
}

for (const variant of variants) {
  test(`${variant}: a value of +inf whose weight underflows makes its column +inf and leaves the others finite`, () => {
    for (const score of [-20, -100, -200, -1e4]) {
      // Row 1 does not see it. Column 0 takes no gradient, or its NaN would be in every score of row 0.
      const mask = { data: [1, 1, 0, 1], shape: [1, 1, 2, 2] as const };
      const c = scored(variant, 2, [score, 0], [Infinity, 3, 5, 7], { mask, dout: [0, 1, 1, 1] });
      for (const { out, dv } of assertLikeOracle(`score ${score}`, c)) {
        assert.is(out[0], Infinity);
        for (const n of [1, 2, 3]) assert.ok(Number.isFinite(out[n]), `out[${n}] is ${out[n]}`);
        assert.ok(Number.isFinite(dv![1]) && Number.isFinite(dv![3]), `column 1 of dv: ${dv}`);
      }
    }
  });

  test(`${variant}: the same over several key tiles, and where a later tile holds a much larger value`, () => {
    const [N, M, E] = [3, 400, 2];
    const r = new Random(1);
    const v = r.normals(M * E);
    v[0] = Infinity;
    v[300 * E] = 100;
    const c: Case = {
      ...scored(variant, N, Array.from(r.normals(M)), Array.from(v)),
      dout: Float32Array.from({ length: N * E }, (_, n) => n % E), // nothing into column 0
    };
    for (const { out, lse, dv } of assertLikeOracle("first tile", c)) {
      for (let i = 0; i < N; i++) assert.is(out[i * E], Infinity);
      assert.ok(Array.from(lse).every(Number.isFinite));
      assert.ok(Array.from(dv!).every((x, n) => n % E === 0 || Number.isFinite(x)));
    }
    // Scores so low in all of the first tile, 240 keys, that its rows are scaled away when the second one raises the maximum.
    const low = Array.from(c.k, (x, j) => (j < 240 ? x - 300 : x));
    const level = Array.from(c.v, (x, n) => (n === 300 * E ? 1 : x));
    for (const { out } of assertLikeOracle("first tile, low scores", { ...c, k: low, v: level })) {
      for (let i = 0; i < N; i++) assert.is(out[i * E], Infinity);
    }
  });

  test(`${variant}: a NaN value that only a row of scores -inf sees keeps its gradient of 0`, () => {
    const mask = { data: [1, 0, 0, 1], shape: [1, 1, 2, 2] as const };
    for (const { out, dv, dq } of assertLikeOracle(
      "row 0",
      scored(variant, 2, [-Infinity, 0], [Number.NaN, 4], { mask }),
    )) {
      assert.equal([out[0], out[1], dv![0], dv![1], dq![1]], [0, 4, 0, 1, 0]);
    }
  });

  test(`${variant}: NaN in one row of q reaches no other, even where dP of a pair without weight overflows`, () => {
    const bias = { data: [-1e9, 0, 0], shape: [1, 1, 1, 3] as const };
    const c = scored(variant, 2, [0, 1, 2], [-3e38, 1, 2], { bias, dout: [2, 1] });
    const clean = engines.map((la) => run(la, { ...c, q: [1, 0] }));
    const dirty = engines.map((la) => run(la, { ...c, q: [1, Number.NaN] }));
    for (const [n, got] of dirty.entries()) {
      for (const name of ["out", "lse", "dq"] as const) {
        assert.ok(Number.isFinite(clean[n]![name]![0]), `${name} without NaN`);
        assert.is(got[name]![0], clean[n]![name]![0], name);
        assert.ok(Number.isNaN(got[name]![1]), `${name} of the row itself`);
      }
    }
  });

  test(`${variant}: a row of infinite q whose scores are all -inf gives its keys no gradient, and a NaN value no dbias`, () => {
    assertLikeOracle("q", scored(variant, 2, [-1, -2], [1, 2], { q: [Infinity, 1] }));
    const more: Partial<Case> = {
      mask: { data: [1, 0, 0, 1], shape: [1, 1, 2, 2] },
      bias: { data: [0, 0], shape: [1, 1, 1, 2] },
    };
    const got = assertLikeOracle("dbias", scored(variant, 2, [-Infinity, 0], [Number.NaN, 4], more));
    for (const { dbias } of got) assert.equal(Array.from(dbias!), [0, 0]);
  });

  test(`${variant}: an infinite gradient reaches a key whose weight underflows`, () => {
    const cases = [scored(variant, 1, [-200, 0], [1, 2], { dout: [Infinity] })];
    if (variant === "standard") cases.push(scored(variant, 1, [-200, 0], [1, Infinity]));
    for (const la of engines) {
      for (const c of cases) assert.not.ok(Number.isFinite(run(la, c).dk![0]), la.simd);
    }
  });

  test(`${variant}: a column of nothing but +inf is +inf, whichever it is, beside finite ones`, () => {
    for (let d = 0; d < 9; d++) {
      const v = Array.from({ length: 18 }, (_, n) => (n % 9 === d ? Infinity : n));
      const dout = Array.from({ length: 9 }, (_, n) => Number(n !== d));
      for (const { out } of assertLikeOracle(`column ${d}`, scored(variant, 1, [0, 1], v, { dout }))) {
        assert.is(out[d], Infinity);
      }
    }
  });

  test(`${variant}: a bias of +inf makes its row NaN, lse too or +inf`, () => {
    const c = scored(variant, 1, [0, 0], [1, 2], { bias: { data: [Infinity, 0], shape: [1, 1, 1, 2] } });
    for (const la of engines) {
      const { out, lse } = run(la, c);
      assert.ok(Number.isNaN(out[0]) && !Number.isFinite(lse[0]), `${la.simd}: out ${out}, lse ${lse}`);
    }
  });
}

test("LASER: +inf in a tile that a later one outdoes in scores and in values stays +inf", () => {
  const k = Array.from({ length: 289 }, (_, j) => (j < 192 ? -100 : 0)); // two tiles: 192 and 97 keys
  const v = k.map((_, j) => (j === 0 ? Infinity : j === 200 ? 20 : 0));
  for (const la of engines) assert.is(run(la, scored("laser", 1, k, v, { dout: [0] })).out[0], Infinity, la.simd);
});

test.run();
