import { readFileSync } from "node:fs";
import { brotliCompressSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { LaserAttention } from "../src/facade.js";
import { STATIC_END } from "../src/wasm.js";
import { loadKernels, loadNn } from "./support/kernels.js";
import { Random } from "./support/random.js";

/** What docs/design.md lists of each module, and nothing else. */
const KERNELS = [
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
  "matmulThin",
  "packRows",
  "softmax",
  "softmaxBackward",
  "useLanes",
];

const NN = [
  "act",
  "adamw",
  "addRows",
  "addScaled",
  "columnSum",
  "crossEntropy",
  "ctc",
  "ctcScratch",
  "depthwise",
  "depthwiseBackward",
  "depthwiseParams",
  "depthwiseScratch",
  "dropout",
  "embedding",
  "embeddingBackward",
  "glu",
  "gluBackward",
  "heapBase",
  "layerNorm",
  "layerNormBackward",
  "layerNormParams",
  "maskRows",
  "maskedMean",
  "maskedMeanBackward",
  "multiply",
  "rmsNorm",
  "rmsNormBackward",
  "rmsNormParams",
  "scale",
  "sum64",
  "sumSquares",
];

const TARGETS = ["release", "relaxed", "threads", "threads-relaxed"];
const MODULES = [
  { name: "kernels", exported: KERNELS, from: 0, to: 4096, waits: 1 },
  { name: "nn", exported: NN, from: 4096, to: 8192, waits: 0 },
] as const;

/**
 * Bytes that a build may have, as it is and compressed: what docs/design.md, "Size", says, rounded up. Where a build of nn has more than half
 * of the 32,506 bytes that gzip looks back, its hexadecimal digits hide from it that the next build is alike, and the tarball has both whole.
 */
const BUDGETS = {
  kernels: { release: [35_830, 12_260], relaxed: [37_160, 12_840] },
  nn: { release: [16_120, 5830], relaxed: [15_910, 5820] },
} as const;

/** What shared memory, atomics and the work of several threads may add. */
const THREADS = [1400, 450] as const;

for (const { name, exported, from, to, waits, target } of MODULES.flatMap((module) =>
  TARGETS.map((target) => ({ ...module, target })),
)) {
  const title = `${name}, ${target}`;
  const text = readFileSync(`build/${name}.${target}.wat`, "utf8");
  const names = (kind: string): string[] =>
    [...text.matchAll(new RegExp(`\\(${kind} "([^"]*)"(?: "([^"]*)")?`, "g"))].map((m) =>
      m.slice(1).filter(Boolean).join("."),
    );

  const budget = BUDGETS[name][target.endsWith("relaxed") ? "relaxed" : "release"];
  const [raw, compressed] = budget.map((bytes, n) => bytes + (target.startsWith("threads") ? THREADS[n]! : 0));
  test(`${title}: the kernels have at most ${raw} bytes, compressed by brotli ${compressed}`, () => {
    const wasm = readFileSync(`build/${name}.${target}.wasm`);
    const brotli = brotliCompressSync(wasm).length;
    assert.ok(wasm.length <= raw!, `${wasm.length} bytes`);
    assert.ok(brotli <= compressed!, `${brotli} bytes compressed`);
  });

  test(`${title}: the kernels import the memory and nothing else`, () => {
    assert.equal(names("import"), ["env.memory"]);
  });

  test(`${title}: the kernels export the documented list`, () => {
    assert.equal(names("export").sort(), exported);
    const design = readFileSync("docs/design.md", "utf8");
    for (const name of exported) assert.ok(design.includes(`\`${name}\``), `docs/design.md does not name ${name}`);
  });

  test(`${title}: the kernels have no indirect call, no table, no allocator and never grow memory`, () => {
    for (const word of ["call_indirect", "(table", "(elem", "memory.grow", "~lib/rt"])
      assert.not.ok(text.includes(word), word);
  });

  test(`${title}: the static data, which others must not touch, lies from byte ${from} to ${to}`, () => {
    const starts = [...text.matchAll(/\(data \$\S+ \(i32\.const (\d+)\)/g)].map(([, at]) => Number(at));
    assert.is(starts.length, text.split("(data ").length - 1);
    assert.ok(starts.length > 0 && Math.min(...starts) >= from);
    const [, end] =
      /\(func \$\S*index\/heapBase(?: \(type \$\d+\))? \(result i32\)\s+i32\.const (\d+)/.exec(text) ?? [];
    assert.ok(Number(end) > Math.max(...starts) && Number(end) <= to, `it ends at ${end}`);
  });

  const threads = target.startsWith("threads");
  const does =
    waits > 0 ? "share their memory, and wait in a function that does nothing after it" : "share their memory";
  test(`${title}: the kernels ${threads ? does : "have no atomics"}`, () => {
    assert.is(/\(import "env" "memory" \(memory \$\d+ \d+ \d+ shared\)\)/.test(text), threads);
    assert.is(text.includes("atomic."), threads && waits > 0);
    // What comes after it would find wrong locals in Node 20, see Team.sleep in assembly/team.ts.
    const after = text.split("memory.atomic.wait32").slice(1);
    assert.is(after.length, threads ? waits : 0);
    for (const rest of after) assert.match(rest, /^\s*drop\s*\)/);
  });
}

test("the plain register tiles take eight steps a turn, both products of a row before its sums; relaxed ones, of six, five and four rows, a step", () => {
  for (const target of TARGETS) {
    const text = readFileSync(`build/kernels.${target}.wat`, "utf8").replace(/^ */gm, "");
    const relaxed = target.endsWith("relaxed");
    const steps = relaxed ? 3 : 8; // a tile of each number of rows, or a round of the one
    assert.is(text.split("v128.load32_splat offset=1152\n").length - 1, steps, `${target}, the second row of a strip`);
    // x * y, x * y', then both sums; the first row loads y' in between.
    const rows = text.match(
      /f32x4\.mul\nlocal\.get \$\d+\nlocal\.get \$\d+\n(v128\.load offset=16\nlocal\.tee \$\d+\n)?f32x4\.mul\n(local\.get \$\d+\nf32x4\.add\nlocal\.set \$\d+\n){2}/g,
    );
    assert.is(rows?.length ?? 0, relaxed ? 0 : 2 * 8 * 4, target);
  }
});

test("both modules work on one memory: tensors lie behind the static data of both, in the debug builds too", async () => {
  for (const target of ["debug", "release"] as const) {
    const { exports, memory } = await loadKernels(target);
    const nn = await loadNn(target, memory);
    assert.ok(exports.heapBase() <= 4096 && nn.exports.heapBase() <= STATIC_END);
    const la = new LaserAttention(exports, memory, "plain");
    const x = la.tensor(new Random(1).normals(64), [64]);
    const y = la.empty([64]);
    const gelu = (): Float32Array => {
      nn.exports.act(y.data.byteOffset, 0, x.data.byteOffset, 64, 2);
      return y.toArray();
    };
    const before = [gelu(), la.softmax(x).toArray()];
    const { bytes, used } = la.memory;
    la.empty([(bytes - used - STATIC_END - 128) / 4]).data.fill(Number.NaN); // all that is left of it
    assert.is(la.memory.bytes, bytes);
    assert.equal([gelu(), la.softmax(x).toArray()], before);
  }
});

test.run();
