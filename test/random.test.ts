import { test } from "uvu";
import * as assert from "uvu/assert";
import { Random, type RandomState } from "../src/data/random.js";
import { hashOf } from "./support/hash.js";
import { throws } from "./support/throws.js";

const draws = (count: number, draw: () => number): number[] => Array.from({ length: count }, draw);
const mean = (x: ArrayLike<number>, f = (value: number) => value): number =>
  Array.from(x, f).reduce((sum, value) => sum + value, 0) / x.length;

/** The generator as its authors wrote it, in bigints. */
function reference(state: RandomState, count: number): number[] {
  const rotate = (x: bigint, by: bigint) => BigInt.asUintN(32, (x << by) | (x >> (32n - by)));
  let [a, b, c, d] = state.map(BigInt) as [bigint, bigint, bigint, bigint];
  return draws(count, () => {
    const result = BigInt.asUintN(32, rotate(BigInt.asUintN(32, b * 5n), 7n) * 9n);
    const t = BigInt.asUintN(32, b << 9n);
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotate(d, 11n);
    return Number(result);
  });
}

test("from state 1, 2, 3, 4 come the outputs of the authors' xoshiro128starstar.c 1.1", () => {
  // As the tests of Rust's rand_xoshiro have them.
  const expected = [
    11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
  ];
  const random = new Random([1, 2, 3, 4]);
  assert.equal(
    draws(10, () => random.bits()),
    expected,
  );
});

test("1,000 outputs from any state are those of the bigint version", () => {
  for (const state of [[0, 0, 0, 1], [0xffffffff, 0, 0x80000000, 7], new Random(5).state] as RandomState[]) {
    const random = new Random(state);
    assert.equal(
      draws(1000, () => random.bits()),
      reference(state, 1000),
    );
  }
});

test("a seed becomes the first two outputs of SplitMix64", () => {
  // Those of seed 1234567 are 6457827717110365317 and 3203168211198807973 (Rosetta Code), of seed 0 0xe220a8397b1dcdaf first.
  const halves = (x: bigint): number[] => [Number(x & 0xffffffffn), Number(x >> 32n)];
  assert.equal(new Random(1234567).state, [...halves(6457827717110365317n), ...halves(3203168211198807973n)]);
  assert.equal(new Random(0).state.slice(0, 2), halves(0xe220a8397b1dcdafn));
});

test("a generator made from a state goes on with the same numbers, whatever was drawn before", () => {
  const random = new Random(3);
  random.normals(7);
  random.int(10);
  const [copy, text] = [new Random(random.state), JSON.stringify(random.state)];
  const next = hashOf(random.normals(100));
  assert.is(hashOf(copy.normals(100)), next);
  assert.is(hashOf(new Random(JSON.parse(text)).normals(100)), next);
  assert.is.not(hashOf(random.normals(100)), next);
});

test("uniform numbers are multiples of 2^-24 in [0, 1), spread evenly", () => {
  const random = new Random(1);
  const x = draws(100_000, () => random.uniform());
  assert.ok(x.every((value) => value >= 0 && value < 1 && Number.isInteger(value * 2 ** 24)));
  // Five standard deviations of the means: 1 / sqrt(12 n) and sqrt(4 / 45 / n).
  assert.ok(Math.abs(mean(x) - 1 / 2) < 5 * Math.sqrt(1 / 12 / x.length));
  assert.ok(Math.abs(mean(x, (value) => value ** 2) - 1 / 3) < 5 * Math.sqrt(4 / 45 / x.length));
  const [low, high] = [-0.25, 0.75];
  const scaled = new Random(1).uniforms(1000, low, high);
  assert.ok(scaled.every((value, n) => value === Math.fround(low + (high - low) * x[n]!)));
});

test("integers below n are unbiased, where a remainder alone would not be", () => {
  const random = new Random(2);
  // Of 2^32 outputs the remainder by 3 * 2^30 would be below 2^30 half the time instead of a third.
  const n = 30_000;
  const below = draws(n, () => random.int(3 * 2 ** 30)).filter((value) => value < 2 ** 30).length / n;
  assert.ok(Math.abs(below - 1 / 3) < 5 * Math.sqrt(2 / 9 / n), `${below}`);
  const counts = new Array<number>(7).fill(0);
  for (const value of draws(70_000, () => random.int(7))) counts[value]!++;
  const squares = mean(counts, (count) => (count - 10_000) ** 2 / 10_000) * 7;
  assert.ok(squares < 32, `chi-square of 6 degrees of freedom: ${squares}`); // 1 in 60,000
  assert.is(random.int(1), 0);
  assert.ok(random.int(2 ** 32) < 2 ** 32);
});

test("normal deviates have the moments and the tail of a normal distribution", () => {
  const n = 200_000;
  const x = new Random(4).normals(n);
  const moments = [1, 2, 3, 4].map((power) => mean(x, (value) => value ** power));
  const deviations = [1, 2, 15, 96].map((variance) => Math.sqrt(variance / n)); // of the mean of each power
  const expected = [0, 1, 0, 3];
  for (const [k, moment] of moments.entries()) {
    assert.ok(Math.abs(moment - expected[k]!) < 5 * deviations[k]!, `moment ${k + 1}: ${moment}`);
  }
  const beyond = mean(x, (value) => (Math.abs(value) > 2 ? 1 : 0));
  assert.ok(Math.abs(beyond - 0.0455) < 5 * Math.sqrt(0.0455 / n), `${beyond}`);
  const shifted = new Random(4).normals(100, 0.5, 3);
  // Half a unit of numbers from 4 to 8, 2^-22, and half of that of a deviate up to 8.
  assert.ok(shifted.every((value, k) => Math.abs(value - (3 + 0.5 * x[k]!)) <= 2 ** -22 + 2 ** -23));
});

test("truncated deviates stop at two deviations and have 0.88 of the deviation", () => {
  const n = 100_000;
  const x = new Random(6).truncatedNormals(n, 0.02);
  assert.ok(x.every((value) => Math.abs(value) <= Math.fround(0.04)));
  assert.ok(x.some((value) => Math.abs(value) > 0.0395));
  // 1 - 2 * 2 phi(2) / (2 Phi(2) - 1)
  const variance = mean(x, (value) => (value / 0.02) ** 2);
  assert.ok(Math.abs(variance - 0.7737) < 5 * Math.sqrt(1 / n), `${variance}`);
});

test("a shuffle keeps the elements and makes every order as likely", () => {
  const random = new Random(8);
  const counts = new Map<string, number>();
  for (let n = 0; n < 6000; n++) {
    const order = random.shuffle(["a", "b", "c"]).join("");
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assert.is(counts.size, 6);
  for (const [order, count] of counts) assert.ok(Math.abs(count - 1000) < 5 * Math.sqrt(1000), `${order}: ${count}`);
  const permutation = random.permutation(1000);
  assert.ok(permutation.some((value, n) => value !== n));
  assert.equal(
    permutation.slice().sort(),
    Int32Array.from({ length: 1000 }, (_, n) => n),
  );
  assert.is(random.permutation(0).length, 0);
});

test("the bits are those that were written down", () => {
  const hashes = [new Random(1).uniforms(1000), new Random(1).normals(1000), new Random(1).truncatedNormals(1000)].map(
    hashOf,
  );
  assert.equal(hashes, ["9b7b8caf7d30552d", "6dea08def4992f7c", "6d28cf977045c01b"]);
});

test("wrong seeds, states, sizes and ranges are refused by name", () => {
  const loose = Random as unknown as new (seed?: unknown) => Random;
  throws(() => new Random(1).shuffle({ length: 2 ** 32 } as never), TypeError, "shuffle: array must be an array");
  throws(() => new loose(), TypeError, "Random: seed must be a number, got undefined");
  throws(() => new Random(-1), RangeError, "Random: seed must be an integer of 0 or more, got -1");
  throws(() => new Random(0.5), RangeError, "seed must be an integer of 0 or more, got 0.5");
  throws(() => new Random(2 ** 53), RangeError, "seed must be an integer of 0 or more");
  throws(() => new Random([0, 0, 0, 0]), RangeError, "state must not be all zero");
  throws(() => new loose([1, 2, 3]), TypeError, "state must be an array of four words, got [1, 2, 3]");
  throws(() => new loose(null), TypeError, "state must be an array of four words, got null");
  throws(
    () => new Random([1, 2, 3, 2 ** 32]),
    RangeError,
    "every word of state must be an integer from 0 to 4294967295",
  );
  const random = new Random(1);
  for (const n of [0, -3, 1.5, 2 ** 33]) throws(() => random.int(n), RangeError, "Random.int: n must be an integer");
  throws(() => random.normals(-1), RangeError, "Random.normals: count must be an integer of 0 or more, got -1");
  throws(() => random.normals(1, -1), RangeError, "deviation must be a finite number of 0 or more, got -1");
  throws(() => random.uniforms(1, 2, 1), RangeError, "high must be a finite number of 2 or more, got 1");
  throws(() => random.permutation(-1), RangeError, "Random.permutation: n must be");
});

test.run();
