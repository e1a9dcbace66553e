/** Which tokens may be drawn, and how often they are. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { distribution, draw } from "../src/models/distribution.js";
import { Random } from "../src/nn/index.js";
import { throws } from "./support/throws.js";

test("probabilities sum to 1, keep the order of the scores, and are 0 outside of topK and topP", () => {
  const scores = new Random(4).normals(50, 3);
  for (const options of [
    {},
    { temperature: 0.1 },
    { temperature: 30 },
    { topK: 5 },
    { topP: 0.6 },
    { topK: 9, topP: 0.3 },
    { temperature: 0 },
  ]) {
    const p = distribution(scores, options);
    const sum = p.reduce((total, x) => total + x, 0);
    assert.ok(Math.abs(sum - 1) <= 50 * 2 ** -53, `${sum}`);
    const kept = [...p.keys()].filter((id) => p[id]! > 0);
    for (const id of p.keys()) if (p[id] === 0) assert.ok(kept.every((other) => scores[other]! >= scores[id]!));
  }
  const p = distribution(scores);
  for (const [id, x] of scores.entries()) {
    const want = 1 / scores.reduce((sum, other) => sum + Math.exp(other - x), 0);
    assert.ok(Math.abs(p[id]! - want) <= 1e-14 * want);
  }
  const of = (options: object) => [...distribution(Float32Array.of(1, 3, 2, 3), options)];
  assert.equal(of({ topK: 1 }), [0, 1, 0, 0]); // of two that are equal the lower id
  assert.equal(of({ topK: 2 }), [0, 0.5, 0, 0.5]);
  assert.equal(of({ topP: 0 }), [0, 1, 0, 0]);
  assert.equal(of({ topP: 0.5 }), [0, 0.5, 0, 0.5]);
  assert.equal([...distribution(new Float32Array(4), { topK: 2, topP: 0.5 })], [1, 0, 0, 0]); // half of the two
  assert.equal(of({ temperature: 0 }), [0, 1, 0, 0]);
  assert.equal(of({ temperature: 1e-300 }), [0, 0.5, 0, 0.5]);
});

test("a score of -Infinity forbids its token; NaN, Infinity and scores that are all -Infinity are refused", () => {
  const of = (scores: number[], options: object = {}) => [...distribution(scores, options)];
  const none = Number.NEGATIVE_INFINITY;
  assert.equal(of([3, none, 3]), [0.5, 0, 0.5]);
  assert.equal(of([none, 1, none], { topK: 2 }), [0, 1, 0]);
  assert.equal(of([none, none, 1], { topP: 0.9 }), [0, 0, 1]);
  assert.equal(of([none, 1, 2], { temperature: 0 }), [0, 0, 1]);
  for (const temperature of [0, 1]) {
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY])
      throws(() => of([0, wrong], { temperature }), RangeError, "must be finite", `got ${wrong} for 1`);
    throws(() => of([none, none], { temperature }), RangeError, "one of the scores must be finite");
  }
  throws(() => of([0, "1" as never]), TypeError, 'must be finite, got "1" for 1');
  assert.equal(of([]), []);
});

test("topK and topP take the best by score, also where probabilities are equal, and of many scores what sorting all of them gives", () => {
  const of = (scores: number[], options: object) => [...distribution(scores, options)];
  assert.equal(of([-5, -4, 9, 8, 7], { temperature: 1e300, topK: 3 }), [0, 0, 1 / 3, 1 / 3, 1 / 3]);
  assert.equal(of([0, 1, 2, 3], { temperature: 1e300, topP: 0.4 }), [0, 0, 0.5, 0.5]);
  const random = new Random(8);
  // Rounded, so that many are equal.
  const scores = Array.from(random.normals(3000, 3), (score) => Math.round(4 * score) / 4);
  const order = scores.map((_, id) => id).sort((a, b) => scores[b]! - scores[a]! || a - b);
  const all = distribution(scores);
  for (const options of [1, 2, 40, 187, 188, 2999].map((topK) => ({ topK, topP: 1 }))) {
    const kept = new Set(order.slice(0, options.topK));
    const p = distribution(scores, options);
    for (const id of order) assert.is(p[id]! > 0, kept.has(id), `${options.topK}`);
  }
  for (const topP of [0, 1e-3, 0.3, 0.9, 0.999, 1 - 2 ** -50]) {
    let sum = 0;
    const kept = new Set<number>();
    for (const id of order) {
      kept.add(id);
      sum += all[id]!;
      if (sum >= topP) break;
    }
    const p = distribution(scores, { topP });
    for (const id of order) assert.is(p[id]! > 0, kept.has(id), `${topP}`);
  }
});

test("options of distribution that are none, and scores that are no array, are refused", () => {
  const scores = Float32Array.of(1, 2);
  throws(
    () => distribution(scores, { topk: 1 } as object),
    TypeError,
    'distribution: options must be among temperature, topK, topP, got "topk"',
  );
  throws(() => distribution(5 as never), TypeError, "distribution: scores must be an array, got 5");
});

test("tokens are drawn as often as they are probable, and never one of probability 0", () => {
  const p = Float64Array.of(0, 0.5, 0.3, 0, 0.2);
  const random = new Random(6);
  const counts = [0, 0, 0, 0, 0];
  for (let n = 0; n < 20000; n++) counts[draw(p, random)]!++;
  // Four standard deviations of a binomial, 0.014 at most.
  for (const [id, times] of counts.entries())
    assert.ok(Math.abs(times / 20000 - p[id]!) < (p[id] ? 0.015 : 1e-9), `${counts}`);
  // A sum that rounding left below 1.
  class Most extends Random {
    override bits() {
      return 2 ** 32 - 1;
    }
  }
  assert.is(draw(Float64Array.of(0.5, 0.4999, 0), new Most(1)), 1);
  assert.is(draw([0, 0, 1], new Most(1)), 2);
});

test("what is no distribution, and what draws no numbers, is refused by draw, and no number is used up", () => {
  const random = new Random(1);
  const { state } = random;
  const refused = (p: unknown, Wrong: typeof RangeError | typeof TypeError, words: string) =>
    throws(() => draw(p as number[], random), Wrong, words);
  refused([0.5, Number.NaN, 0.5], RangeError, "draw: probabilities must be 0 or more, got NaN at 1");
  refused([1, -0.5], RangeError, "draw: probabilities must be 0 or more, got -0.5 at 1");
  for (const none of [[], [0, 0]])
    refused(none, RangeError, "draw: one of the probabilities must be above 0, got none");
  refused(3, TypeError, "draw: probabilities must be an array, got 3");
  throws(() => draw([1], Math.random as never), TypeError, "draw: random must be a Random, got a function");
  assert.equal(random.state, state);
});

test.run();
