/** The register tile by lanes, which some engines get (src/wasm.ts): the bits of the other one. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { LaserAttention } from "../src/facade.js";
import { hex as plain } from "../src/generated/kernels.js";
import { hex as relaxed } from "../src/generated/kernels.relaxed.js";
import { supports } from "../src/wasm.js";
import { assertSameBits, firstDifference } from "./support/bits.js";
import { describeCase, type Kind, randomCase } from "./support/cases.js";
import { withLanes } from "./support/engines.js";
import { Random } from "./support/random.js";
import { run } from "./support/run.js";
import { makeTeam } from "./support/team.js";

/** Instances of each build that this runtime runs: with the tile by lanes, and without; and three threads with it. */
const builds = [
  { simd: "plain", binary: { hex: plain } },
  { simd: "relaxed", binary: { hex: relaxed } },
] as const;
const pairs = builds
  .filter(({ binary }) => supports(binary))
  .map(({ simd, binary }) => {
    const [lanes, other] = [withLanes(3, simd, binary), withLanes(0, simd, binary)];
    return { simd, lanes, other, team: makeTeam(3, { simd, lanes: 3 }).la };
  });

for (const [kind, first, last] of [
  ["ordinary", 3001, 3060],
  ["long", 3001, 3010],
] as [Kind, number, number][]) {
  test(`attention and its gradients have the same bits by lanes, on three threads too: ${kind} random combinations ${first} to ${last}`, () => {
    for (const { simd, lanes, other, team } of pairs) {
      for (let seed = first; seed <= last; seed++) {
        const { c, placement } = randomCase(seed, kind);
        const where = `${simd}, ${describeCase(seed, kind)}`;
        const got = run(lanes, c, placement);
        assertSameBits(where, got, run(other, c, placement));
        assertSameBits(`${where}, 3 threads`, run(team, c, placement), got);
        assert.equal(lanes.recomputed, other.recomputed, `${where}: recomputed`);
      }
    }
  });
}

/** Around the rows of both tiles, its columns, and the block of 256. */
const sizes = [1, 3, 4, 5, 6, 7, 8, 9, 13, 47, 48, 49, 257];

test("products have the same bits by lanes: sizes around the tiles and blocks, factors transposed or not", () => {
  const random = new Random(7);
  for (const { simd, lanes, other } of pairs) {
    for (const m of sizes) {
      for (const [n, k] of [...sizes.map((n) => [n, 5] as const), ...sizes.map((k) => [9, k] as const)]) {
        const a = random.normals(m * k);
        const b = random.normals(k * n);
        for (const transposed of [false, true]) {
          const product = (la: LaserAttention): Float32Array =>
            la.scope(() => {
              const x = transposed ? la.tensor(a, [k, m]).view([m, k], [1, m]) : la.tensor(a, [m, k]);
              const y = transposed ? la.tensor(b, [n, k]).view([k, n], [1, k]) : la.tensor(b, [k, n]);
              return la.matmul(x, y).toArray();
            });
          const at = firstDifference(product(lanes), product(other));
          assert.is(at, -1, `${simd}, m ${m} n ${n} k ${k}, transposed ${transposed}: element ${at} differs`);
        }
      }
    }
  }
});

test.run();
