import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertWithin, compare, gradients, largest, type Results } from "./support/bounds.js";
import { engines } from "./support/engines.js";
import { goldenFiles, readGolden } from "./support/golden.js";
import { type Case, type Extent, extentOf, type Numbers, oracle, oracleRow, placeOf } from "./support/oracle.js";
import { run } from "./support/run.js";

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

function assertAllRounded(c: Case, got: Results, expected: Results, extent: Extent): void {
  const reach = 1 + extent.s + extent.v;
  assertRounded(c, "out", got.out, expected.out, reach);
  assertRounded(c, "lse", got.lse, expected.lse, reach);
  for (const gradient of gradients) {
    if (!expected[gradient]) continue;
    const chain = gradient === "dq" ? extent.k : gradient === "dk" ? extent.q : 1;
    const size = reach * largest(c.dout) * c.E * Math.max(1, chain);
    assertRounded(c, gradient, got[gradient]!, expected[gradient], size);
  }
}

/** out and lse of every 16th row: what a large case can afford. */
function assertRowsRounded(c: Case, expected: Results, extent: Extent): void {
  for (let row = 0; row < c.B * c.H * c.N; row += 16) {
    const { out, lse } = oracleRow(c, ...placeOf(c, row));
    const reach = 1 + extent.s + extent.v;
    assertRounded(c, `row ${row} of out`, out, Array.from(expected.out).slice(row * c.E, (row + 1) * c.E), reach);
    assertRounded(c, `row ${row} of lse`, [lse], [expected.lse[row]!], reach);
  }
}

const files = [...goldenFiles()];
const absent = files.filter(([, path]) => !path).map(([name]) => name);
if (absent.length > 0) console.log(`golden: not on this machine, left out: ${absent.join(", ")}`);
if (!engines.some(({ simd }) => simd === "relaxed"))
  console.log("golden: no relaxed SIMD in this runtime, the relaxed build is left out");

for (const [name, path] of files) {
  if (!path) {
    test.skip(`golden ${name}`);
    continue;
  }
  test(`golden ${name}: the kernels keep the bounds of support/bounds.ts, the oracle agrees to the last bit of float32`, () => {
    const { c, expected } = readGolden(path);
    const extent = extentOf(c);
    for (const la of engines) assertWithin(`${la.simd} ${name}`, compare(c, run(la, c), expected, extent));
    if (c.B * c.H * c.N * c.M * c.E <= 4e6) assertAllRounded(c, oracle(c), expected, extent);
    else assertRowsRounded(c, expected, extent);
  });
}

test.run();
