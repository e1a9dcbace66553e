/** Scores, values and gradients near the limits of float32. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { LaserAttention } from "../src/facade.js";
import { hex } from "../src/generated/kernels.js";
import { Field } from "../src/generated/problem.js";
import type { AttentionOptions, Tensor } from "../src/index.js";
import { createMemory, instantiateSync, moduleSync } from "../src/wasm.js";
import { engines } from "./support/engines.js";
import { type Case, oracle } from "./support/oracle.js";
import { Random } from "./support/random.js";
import { run } from "./support/run.js";
import { throws } from "./support/throws.js";

const LEAST = -3.4028234663852886e38;
const f32 = (...values: number[]): Float32Array => Float32Array.from(values);

/** Forward and backward with dout, everything as arrays. q = k = 0 unless given. */
function both(
  la: LaserAttention,
  v: Float32Array,
  M: number,
  options: AttentionOptions,
  dout: Float32Array,
  q = f32(0),
) {
  return la.scope(() => {
    const N = dout.length / (v.length / M);
    const E = v.length / M;
    const tensor = (data: Float32Array, rows: number, width: number): Tensor => la.tensor(data, [1, 1, rows, width]);
    const query = tensor(new Float32Array(N).fill(q[0]!), N, 1);
    const key = tensor(new Float32Array(M).fill(1), M, 1);
    const saved = la.attentionForward(query, key, tensor(v, M, E), { scale: 1, ...options });
    const { dq, dk, dv } = la.attentionBackward(tensor(dout, N, E), saved);
    return { out: saved.out.toArray(), dq: dq.toArray(), dk: dk.toArray(), dv: dv.toArray() };
  });
}

const sum = (x: Float32Array): number => x.reduce((total, value) => total + value, 0);

for (const la of engines) {
  // Each of the 16 terms of the sum has a few roundings of 2^-24.
  test(`${la.simd}: the probabilities of a row sum to 1 in backward too, for scores of any size`, () => {
    const M = 16;
    const v = Float32Array.from({ length: M }, (_, j) => j / M);
    for (const variant of ["standard", "laser"] as const) {
      for (const size of [0, 1e4, -1e4, 1e6, -1e9, 1e20, -1e30, 2e38, LEAST, -LEAST]) {
        const bias = la.tensor(new Float32Array(M).fill(size), [1, 1, 1, M]);
        const { dv, out } = both(la, v, M, { variant, bias }, f32(1));
        assert.ok(Math.abs(sum(dv) - 1) < 2e-6, `${variant}, bias ${size}: sum of dv ${sum(dv)}`);
        const expected =
          variant === "laser" ? Math.log(v.reduce((total, x) => total + Math.exp(x) / M, 0)) : sum(v) / M;
        assert.ok(Math.abs(out[0]! - expected) < 2e-6, `${variant}, bias ${size}: out ${out[0]}, expected ${expected}`);
        bias.dispose();
      }
      for (const score of [1e4, -1e5, 1e6, 1e30]) {
        const { dv } = both(la, v, M, { variant }, f32(1), f32(score));
        assert.ok(Math.abs(sum(dv) - 1) < 2e-6, `${variant}, score ${score}: sum of dv ${sum(dv)}`);
      }
    }
  });

  test(`${la.simd}: among scores of size 1e9 those that are 100 apart keep the probabilities of 100`, () => {
    const bias = la.tensor(f32(-1e9, -1e9 - 128, -1e9), [1, 1, 1, 3]); // 128 = 2 ulp of float32 here
    const { dv, out } = both(la, f32(1, 5, 2), 3, { variant: "standard", bias }, f32(1));
    assert.equal(Array.from(out), [1.5]);
    assert.equal(Array.from(dv), [0.5, 0, 0.5]);
    bias.dispose();
  });

  test(`${la.simd}: LASER's gradient is finite for a dout of any size, where exp(v - out) is far from 1`, () => {
    for (const [top, large] of [
      [55.4, 1e15],
      [50, 1e20],
      [0, 1e30],
      [60, 1e15],
    ] as const) {
      // Row 0 sees value 0 alone: dv_0 = dout_0, and nothing flows into its score.
      const { dq, dk, dv } = both(la, f32(0, top), 2, { variant: "laser", causal: true }, f32(large, 0));
      assert.ok(Math.abs(dv[0]! / large - 1) < 1e-5 && dv[1] === 0, `value ${top}, dout ${large}: dv ${dv}`);
      for (const x of [...dq, ...dk])
        assert.ok(Math.abs(x) < 1e-5 * large, `value ${top}, dout ${large}: ${dq}, ${dk}`);
    }
  });

  test(`${la.simd}: LASER of a column that holds +inf is +inf, also where no seen value of it is finite`, () => {
    const { out } = both(la, f32(Infinity, 1, Infinity, Infinity), 2, { variant: "laser" }, f32(1, 1));
    assert.equal(Array.from(out), [Infinity, Infinity]);
  });

  test(`${la.simd}: scratch beyond 32 bits is a RangeError, not a wrapped size`, () => {
    const one = la.tensor(f32(1), [1]);
    for (const M of [300_000_000, 428_826_560, 2 ** 30]) {
      const k = one.view([1, 1, M, 1], [0, 0, 0, 1]);
      const call = () => la.attention(one.view([1, 1, 1, 1]), k, k, { variant: "standard" });
      throws(call, RangeError, "cannot allocate");
    }
    assert.equal(Array.from(one.toArray()), [1]);
    one.dispose();
  });
}

/** Relative error of the gradient of a bias that `rows` equal rows share: rows (p (1 - p)) is exact. */
function repeatedBias(la: LaserAttention, rows: number): number {
  return la.scope(() => {
    const [q, k] = [la.zeros([1, 1, rows, 1]), la.zeros([1, 1, 2, 1])];
    const bias = la.tensor(f32(0, -0.3), [1, 1, 1, 2]);
    const saved = la.attentionForward(q, k, la.tensor(f32(1, 0), [1, 1, 2, 1]), { variant: "standard", bias });
    const { dbias } = la.attentionBackward(la.tensor(new Float32Array(rows).fill(1.1), [1, 1, rows, 1]), saved);
    const p = 1 / (1 + Math.exp(Math.fround(-0.3)));
    return Math.abs(dbias!.toArray()[0]! / (rows * Math.fround(1.1) * p * (1 - p)) - 1);
  });
}

/** Error of out over its bound, for M keys of weight t and value c, but for a first one of weight 1: c is exact. */
function equalKeys(la: LaserAttention, M: number, t: number, c: number): number {
  return la.scope(() => {
    const logs = new Float32Array(M).fill(Math.log(t));
    logs[0] = 0;
    const bias = la.tensor(logs, [1, 1, 1, M]);
    const [q, k] = [la.zeros([1, 1, 1, 4]), la.zeros([1, 1, M, 4])];
    const v = la.tensor(new Float32Array(M).fill(c), [1, 1, M, 1]);
    const out = la.attention(q, k, v, { variant: "standard", bias }).toArray()[0]!;
    return Math.abs(out - c) / ((2e-6 + 3e-7 * Math.abs(logs[1]!)) * Math.max(1, c) + 2e-6 * c);
  });
}

/** Relative error of dq, in the norm, for values of deviation s around a mean. */
function errorOfClose(la: LaserAttention, variant: "standard" | "laser", s: number, mean = 0): number {
  const random = new Random(7);
  const [N, E] = [64, 64];
  const normals = (deviation: number) => random.normals(N * E, deviation);
  const sizes = { B: 1, H: 1, Hkv: 1, N, M: N, D: E, E };
  const [q, k, dout] = [normals(1), normals(1), normals(1)];
  const c: Case = { ...sizes, q, k, v: normals(s).map((x) => mean + x), dout, variant, causal: true };
  const { dq } = oracle(c);
  const got = run(la, c).dq!;
  const norm = (x: ArrayLike<number>) => Math.hypot(...Array.from(x));
  return norm(Array.from(got, (x, i) => x - dq[i]!)) / norm(dq);
}

for (const la of engines) {
  test(`${la.simd}: the error of LASER's gradients over the deviation of the values is what docs/math.md says`, () => {
    for (const s of [1, 0.1, 0.01]) {
      const error = s * errorOfClose(la, "laser", s);
      assert.ok(error > 1e-7 && error < 6e-7, `laser, ${s}: ${error}`);
      assert.ok(errorOfClose(la, "standard", s) < 6e-7, `standard, ${s}`);
    }
    for (const [mean, s] of [
      [100, 0.01],
      [1000, 0.1],
      [100, 1],
    ] as const) {
      const laser = (s * errorOfClose(la, "laser", s, mean)) / (3e-7 + mean * 2 ** -25);
      assert.ok(laser > 0.3 && laser < 2, `laser, ${s} around ${mean}: ${laser}`);
      const standard = (s * errorOfClose(la, "standard", s, mean)) / (3e-7 * mean);
      assert.ok(standard > 0.3 && standard < 3, `standard, ${s} around ${mean}: ${standard}`);
    }
  });
}

// The worst of some thousand weights and values that a search found; docs/math.md names these limits.
for (const la of engines) {
  test(`${la.simd}: sums whose terms are all equal, so that all round one way, are as far off as docs/math.md says`, () => {
    assert.ok(equalKeys(la, 288, 0.8684141537523828, 1.958150029182434) < 1.3);
    assert.ok(equalKeys(la, 262_144, 0.8611807165434584, 0.9394062332576141) < 4.8);
    assert.ok(repeatedBias(la, 32_768) < 7e-5, `${repeatedBias(la, 32_768)}`);
  });
}

test("LASER: dv is right where do exp(c - o) of a row is finite and its sum over the rows would overflow", () => {
  const N = 48;
  // Key 0 has c = 30 and next to no weight: o = 0 but for exp(-30).
  const bias = { data: [-60, 0], shape: [1, 1, 1, 2] as const };
  const dout = new Float32Array(N).fill(5e24);
  const c: Case = {
    variant: "laser",
    B: 1,
    H: 1,
    Hkv: 1,
    N,
    M: 2,
    D: 1,
    E: 1,
    q: new Float32Array(N),
    k: [0, 0],
    v: [30, 0],
    dout,
    bias,
  };
  const want = oracle(c).dv![1]!;
  for (const la of engines) {
    const got = run(la, c).dv![1]!;
    assert.ok(Math.abs(got - want) < 1e-5 * want, `${la.simd}: expected ${want}, got ${got}`);
  }
});

test("ALiBi's distances go on and are rounded once where a query lies 2^24 and more keys from its keys", () => {
  const memory = createMemory();
  const own = instantiateSync([moduleSync({ hex })], memory);
  let offset = 0; // which takes billions of keys or queries to be so large
  const attentionForward = (problem: number): void => {
    new Int32Array(memory.buffer)[(problem + Field.offset) / 4] = offset;
    own.attentionForward(problem);
  };
  const la = new LaserAttention({ ...own, attentionForward }, memory, "plain");
  const M = 288;
  const [q, k] = [la.zeros([1, 1, 1, 1]), la.zeros([1, 1, M, 1])];
  const v = la.tensor(
    Float32Array.from({ length: M }, (_, j) => j),
    [1, 1, M, 1],
  );
  const alibi = f32(0.01);
  const slope = Math.fround(alibi[0]! * Math.fround(Math.LOG2E));
  for (offset of [1e6, 2 ** 24 + 1, 2 ** 26 + 4, 2 ** 27 + 8]) {
    const scores = Array.from({ length: M }, (_, j) => -Math.fround(slope * Math.fround(offset - j)));
    const weights = scores.map((score) => 2 ** (score - Math.max(...scores)));
    const want = weights.reduce((sum, w, j) => sum + w * j, 0) / weights.reduce((sum, w) => sum + w);
    const [got] = la.attention(q, k, v, { variant: "standard", alibi }).toArray();
    // Weights within 2^-21, and sums of 288 terms of one sign, whose roundings do not add up.
    assert.ok(Math.abs(got! - want) < 1e-5 * want, `${offset}: ${got}, ${want}`);
  }
  la.dispose();
});

test.run();
