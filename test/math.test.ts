/** src/data/math.ts against 300 bits, against Math, and against bits that were written down. */
import { readdirSync, readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cosPi, exp, log, sinPi } from "../src/data/math.js";
import * as truth from "./support/fixed.js";
import { hashOf } from "./support/hash.js";
import { Random } from "./support/random.js";

const random = new Random(1);
const between = (low: number, high: number, count: number): number[] =>
  Array.from({ length: count }, () => low + (high - low) * (random.uniform() + random.uniform() / 2 ** 32));

/** Inputs of one function: ordinary ones, ones near its hard places, ones of every size. */
const inputs = (count: number) => ({
  exp: [...between(-1, 1, count), ...between(-745, 709.7, count), 1e-300, -1e-20, 709.782712893384, -708.4, -745.13],
  log: [
    ...between(0.5, 2, count),
    ...between(1 - 1e-3, 1 + 1e-3, count),
    ...between(-1074, 1023, count).map((x) => 2 ** x),
    ...[Number.MIN_VALUE, 2 ** -1022, Number.MAX_VALUE, 1 - 2 ** -53, 1 + 2 ** -52, Math.SQRT2, Math.SQRT1_2],
  ],
  cosPi: [...between(0, 0.3, count), ...between(-2, 2, count), ...between(0, 1e6, count), 0.25, 0.75, 1e-20],
  sinPi: [...between(0, 0.3, count), ...between(-2, 2, count), ...between(0, 1e6, count), 0.25, 0.75, 1e-20, -1e-30],
});

/** The errors that src/data/math.ts states, in ulp. */
const cases = [
  { name: "exp", f: exp, bound: 1, exact: truth.exp, engine: Math.exp },
  { name: "log", f: log, bound: 1, exact: truth.log, engine: Math.log },
  { name: "cosPi", f: cosPi, bound: 2, exact: truth.cosPi, engine: undefined },
  { name: "sinPi", f: sinPi, bound: 2, exact: truth.sinPi, engine: undefined },
] as const;

for (const { name, f, bound, exact } of cases) {
  test(`${name} is within ${bound} ulp of the truth`, () => {
    for (const x of inputs(700)[name]) {
      const error = truth.ulpsOff(f(x), exact(x));
      assert.ok(error <= bound, `${name}(${x}) = ${f(x)} is ${error} ulp off`);
    }
  });
}

test("the truth agrees with Math, to a few ulp", () => {
  for (const x of inputs(20).exp) assert.ok(truth.ulpsOff(Math.exp(x), truth.exp(x)) <= 2, `exp(${x})`);
  for (const x of inputs(20).log) assert.ok(truth.ulpsOff(Math.log(x), truth.log(x)) <= 2, `log(${x})`);
  for (const x of between(-1, 1, 50)) {
    assert.ok(Math.abs(Math.cos(Math.PI * x) - cosPi(x)) < 1e-15, `cosPi(${x})`);
    assert.ok(Math.abs(Math.sin(Math.PI * x) - sinPi(x)) < 1e-15, `sinPi(${x})`);
  }
});

test("exp and log are within 2 ulp of Math's on 100,000 inputs", () => {
  for (const { name, f, engine } of cases) {
    if (engine === undefined) continue;
    for (const x of inputs(25_000)[name]) {
      const [y, other] = [f(x), engine(x)];
      const apart = Math.abs(y - other) / Math.max(Number.MIN_VALUE, Math.abs(other) * 2 ** -52);
      assert.ok(apart <= 2 || Math.abs(y - other) <= 2 * Number.MIN_VALUE, `${name}(${x}): ${y}, Math has ${other}`);
    }
  }
});

test("limits, signs and exact values are what they must be", () => {
  const { POSITIVE_INFINITY: inf, NaN: nan } = Number;
  const table: [(x: number) => number, [x: number, y: number][]][] = [
    [exp, [[0, 1], [-0, 1], [inf, inf], [-inf, 0], [nan, nan], [710, inf], [1e300, inf], [-746, 0], [-1e300, 0]]],
    [log, [[1, 0], [0, -inf], [-0, -inf], [-1, nan], [-inf, nan], [inf, inf], [nan, nan]]],
    [cosPi, [[0, 1], [0.5, 0], [1, -1], [1.5, 0], [2, 1], [-0.5, 0], [-1, -1], [2 ** 60, 1], [inf, nan], [nan, nan]]],
    [sinPi, [[0, 0], [0.5, 1], [1, 0], [1.5, -1], [2, 0], [-0.5, -1], [2 ** 60, 0], [inf, nan], [nan, nan]]],
  ]; // biome-ignore format: a function a line
  for (const [f, values] of table)
    for (const [x, y] of values) assert.ok(Object.is(f(x), y), `${f.name}(${x}): ${f(x)}`);
});

test("the bits are those that were written down", () => {
  // Inputs without a transcendental function of the engine.
  const at = Array.from({ length: 20_000 }, (_, n) => (n * 0.6180339887498949) % 1);
  const hashes = {
    exp: hashOf(Float64Array.from(at, (x) => exp(x * 1400 - 700))),
    log: hashOf(Float64Array.from(at, (x) => log(x * 100 + 1e-9))),
    cosPi: hashOf(Float64Array.from(at, (x) => cosPi(x * 9))),
    sinPi: hashOf(Float64Array.from(at, (x) => sinPi(x * 9))),
  };
  assert.equal(hashes, {
    exp: "98d5418b6b66b518",
    log: "1f638e08039e46e3",
    cosPi: "e5ec0b7e1da515a7",
    sinPi: "14c3ce8155f5e157",
  });
});

test("src/data, random and schedule use nothing of Math that engines round differently", () => {
  const allowed = /^(abs|ceil|clz32|floor|imul|max|min|sqrt|PI|LOG2E|SQRT2)$/;
  const files = [...readdirSync("src/data").map((file) => `src/data/${file}`), "src/nn/schedule.ts"];
  for (const file of files) {
    const code = readFileSync(file, "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
    for (const [, name] of code.matchAll(/\bMath\.(\w+)/g)) assert.ok(allowed.test(name!), `${file} uses Math.${name}`);
    for (const [power] of code.matchAll(/[\w)\]]+ \*\* [^ ,;)\]}]+/g)) assert.match(power, /^2 \*\* -?\d+$/, file);
  }
});

test.run();
