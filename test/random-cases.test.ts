import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Kind } from "./support/cases.js";
import { checkSeed } from "./support/check-seed.js";
import { engines } from "./support/engines.js";

const PER_BLOCK = 65;
const COUNT = 8 * PER_BLOCK;
const strict = { plain: 0, relaxed: 0 };

function checkAll(kind: Kind, first: number, last: number): void {
  const failures: string[] = [];
  for (let seed = first; seed <= last; seed++) {
    try {
      const checked = checkSeed(seed, kind);
      if (kind === "ordinary") for (const build of checked) if (build.strict) strict[build.simd]++;
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
  if (failures.length > 0) throw new Error(`${failures.length} of ${last - first + 1}:\n${failures.join("\n")}`);
}

for (let first = 1; first < COUNT; first += PER_BLOCK) {
  const last = first + PER_BLOCK - 1;
  test(`random option combinations ${first} to ${last} agree with the float64 oracle, forward and backward`, () =>
    checkAll("ordinary", first, last));
}

test("random option combinations 1 to 100 over several key tiles and query blocks do so too", () =>
  checkAll("long", 1, 100));

test("random option combinations 1 to 130 with rows, heads and batch entries that share memory do so too", () =>
  checkAll("shared", 1, 130));

// In the others values hardly differ within what a row sees: their scores' gradients are rounding, see support/bounds.ts.
for (const { simd } of engines) {
  const share = simd === "plain" ? 99 : 98;
  test(`${simd}: at least ${share} % of the random combinations keep the bounds of support/bounds.ts unchanged`, () => {
    const least = (share / 100) * COUNT;
    assert.ok(strict[simd] >= least, `expected at least ${least} of ${COUNT}, got ${strict[simd]}`);
  });
}

test.run();
