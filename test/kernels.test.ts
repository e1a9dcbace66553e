import { readFileSync } from "node:fs";
import { brotliCompressSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";

/** What docs/design.md lists, and nothing else. */
const EXPORTS = [
  "attentionBackward",
  "attentionBackwardScratch",
  "attentionForward",
  "attentionForwardScratch",
  "exp",
  "expBackward",
  "heapBase",
  "log",
  "logBackward",
  "matmul",
  "matmulScratch",
  "softmax",
  "softmaxBackward",
];

/** Bytes that a build may have, as it is and compressed: what docs/design.md, "Size", says, rounded up. */
const BUDGETS = { release: [29_500, 10_900], relaxed: [30_100, 11_100] } as const;

/** What shared memory, atomics and the work of several threads may add. */
const THREADS = [1000, 450] as const;

for (const target of ["release", "relaxed", "threads", "threads-relaxed"]) {
  const text = readFileSync(`build/kernels.${target}.wat`, "utf8");
  const names = (kind: string): string[] =>
    [...text.matchAll(new RegExp(`\\(${kind} "([^"]*)"(?: "([^"]*)")?`, "g"))].map((m) =>
      m.slice(1).filter(Boolean).join("."),
    );

  const budget = BUDGETS[target.endsWith("relaxed") ? "relaxed" : "release"];
  const [raw, compressed] = budget.map((bytes, n) => bytes + (target.startsWith("threads") ? THREADS[n]! : 0));
  test(`${target} kernels have at most ${raw} bytes, compressed by brotli ${compressed}`, () => {
    const wasm = readFileSync(`build/kernels.${target}.wasm`);
    const brotli = brotliCompressSync(wasm).length;
    assert.ok(wasm.length <= raw!, `${wasm.length} bytes`);
    assert.ok(brotli <= compressed!, `${brotli} bytes compressed`);
  });

  test(`${target} kernels import the memory and nothing else`, () => {
    assert.equal(names("import"), ["env.memory"]);
  });

  test(`${target} kernels export the documented list`, () => {
    assert.equal(names("export").sort(), EXPORTS);
    const design = readFileSync("docs/design.md", "utf8");
    for (const name of EXPORTS) assert.ok(design.includes(`\`${name}\``), `docs/design.md does not name ${name}`);
  });

  test(`${target} kernels have no indirect call, no table, no allocator and never grow memory`, () => {
    for (const word of ["call_indirect", "(table", "(elem", "memory.grow", "~lib/rt"])
      assert.not.ok(text.includes(word), word);
  });

  const threads = target.startsWith("threads");
  test(`${target} kernels ${threads ? "share their memory, and wait in a function that does nothing after it" : "have no atomics"}`, () => {
    assert.is(/\(import "env" "memory" \(memory \$\d+ \d+ \d+ shared\)\)/.test(text), threads);
    assert.is(text.includes("atomic."), threads);
    // What comes after it would find wrong locals in Node 20, see Team.sleep in assembly/team.ts.
    const waits = text.split("memory.atomic.wait32").slice(1);
    assert.is(waits.length, threads ? 1 : 0);
    for (const after of waits) assert.match(after, /^\s*drop\s*\)/);
  });
}

test.run();
