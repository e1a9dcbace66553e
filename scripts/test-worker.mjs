// Runs uvu bundles inside one runtime: test-worker.mjs node|deno BUNDLE...
// uvu's own runner reports nothing under Deno, so its queue is walked here (UVU_DEFER keeps uvu from starting itself).
import { basename } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";

const [expected, ...bundles] = process.argv.slice(2);
const actual = globalThis.Deno === undefined ? "node" : "deno";
const version = actual === "deno" ? globalThis.Deno.version.deno : process.versions.node;
if (actual !== expected) throw new Error(`expected to run in ${expected}, this is ${actual} ${version}`);

process.setMaxListeners(0); // every bundle carries its own uvu, which listens for exit
globalThis.UVU_DEFER = 1;
globalThis.UVU_QUEUE = [];
const total = { passed: 0, failed: 0, skipped: 0 };
for (const [index, bundle] of bundles.entries()) {
  globalThis.UVU_INDEX = index;
  const group = [];
  globalThis.UVU_QUEUE[index] = group;
  await import(pathToFileURL(bundle).href);
  process.stdout.write(`${actual} ${basename(bundle, ".test.js")} `);
  let count = 0;
  for (const suite of group) {
    const [errors, ran, skipped, all] = await suite();
    count += all;
    total.passed += ran;
    total.failed += all - ran;
    total.skipped += skipped;
    if (typeof errors === "string") process.stdout.write(`\n${errors}\n`);
  }
  if (count === 0) {
    total.failed++;
    process.stdout.write("no test ran, which is a failure: is test.run() missing?\n");
  }
}
process.stdout.write(`\n@result ${JSON.stringify({ runtime: `${actual} ${version}`, ...total })}\n`);
process.exitCode = total.failed > 0 ? 1 : 0;
