/**
 * npm run test:long [-- COUNT FIRST]: random option combinations against the float64 oracle, 20,000 of them from seed 1; for
 * every tenth seed another one over several key tiles, for every fifth one whose inputs share memory.
 * A seed names a case for good: FIRST resumes an interrupted run, and COUNT 1 replays a failure.
 */
import type { Margins } from "../support/bounds.js";
import type { Kind } from "../support/cases.js";
import { checkSeed } from "../support/check-seed.js";
import { engines } from "../support/engines.js";

const [count = 20_000, first = 1] = process.argv.slice(2).map(Number);
if (!Number.isInteger(count) || !Number.isInteger(first)) throw new TypeError("expected integers COUNT and FIRST");

const started = performance.now();
const largest: Margins = {};
let [failed, strict] = [0, 0];

function progress(done: number, seed: number): void {
  const share = done / count;
  const bar = "#".repeat(Math.floor(40 * share)).padEnd(40, ".");
  const seconds = (performance.now() - started) / 1000;
  const left = Math.round(seconds / share - seconds);
  process.stderr.write(`\r[${bar}] ${done}/${count}, seed ${seed}, ${failed} failed, ${left} s left   `);
}

console.log(`seeds ${first} to ${first + count - 1}, builds: ${engines.map(({ simd }) => simd).join(", ")}`);
for (let done = 1; done <= count; done++) {
  const seed = first + done - 1;
  try {
    const kinds: Kind[] = ["ordinary"];
    if (seed % 10 === 0) kinds.push("long");
    if (seed % 5 === 0) kinds.push("shared");
    const checked = kinds.flatMap((kind) => checkSeed(seed, kind));
    if (checked.every((build) => build.strict)) strict++;
    for (const { margins } of checked) {
      for (const [name, ratio] of Object.entries(margins) as [keyof Margins, number][]) {
        largest[name] = Math.max(largest[name] ?? 0, ratio);
      }
    }
  } catch (error) {
    failed++;
    console.log(`\n${(error as Error).message}`);
  }
  if (done % 20 === 0 || done === count) progress(done, seed);
}
const margins = Object.entries(largest).map(([name, ratio]) => `${name} ${ratio.toPrecision(3)}`);
console.log(`\n${count - failed} of ${count} pass, ${strict} of them by the bounds of support/bounds.ts as they are.`);
console.log(`largest error / bound: ${margins.join(", ")}`);
process.exitCode = failed > 0 ? 1 : 0;
