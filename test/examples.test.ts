/** What a newcomer runs first: the numbered examples (those of other hosts: examples-hosts) and the README's ten lines, on the built package. */
import { readdirSync, readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { replacing, runProgram } from "./support/host.js";
import { run } from "./support/programs.js";

const readme = readFileSync("README.md", "utf8");
const show = (x: unknown): string => (typeof x === "string" ? x : JSON.stringify(x));

/** The lines that a program prints: bundled with this test, it runs when it is imported. */
async function linesOf(program: () => Promise<unknown>): Promise<string[]> {
  const lines: string[] = [];
  await replacing(console, { log: (...given: unknown[]) => lines.push(given.map(show).join(" ")) }, program);
  return lines;
}

test("examples/01: a step against the gradient makes the loss smaller", async () => {
  const [shapes, norms, loss] = await linesOf(() => import("../examples/01-forward-backward.js"));
  assert.is(shapes, "out [1,4,128,64] lse [1,4,128]");
  for (const norm of norms!.match(/[\d.]+/g)!) assert.ok(Number(norm) > 0, norms);
  const [before, after] = loss!.match(/[\d.]+/g)!.map(Number);
  assert.ok(after! < before!, loss);
});

test("examples/02: the gradient is 21.6 and 0.21 times the standard one, and earlier rows stay", async () => {
  const lines = await linesOf(() => import("../examples/02-laser-vs-standard.js"));
  // (w - p) / (5 p (1 - p)), p = s(x), w = s(x + 5) with the logistic function s: 21.6 at x = -6, 0.21 at 3.
  assert.match(lines[1]!, /LASER 21\.6\d times$/);
  assert.match(lines[5]!, /LASER 0\.21 times$/);
  const change = Number(/change by ([\d.e+-]+),$/.exec(lines[6]!)![1]);
  assert.ok(change < 5e-6, lines[6]); // 2e-6 twice, and what the scores add: support/bounds.ts
  assert.ok(Number(/by ([\d.]+)$/.exec(lines[7]!)![1]) > 900, lines[7]);
});

test("examples/03: heads are views of one projection, their gradients land side by side", async () => {
  const lines = await linesOf(() => import("../examples/03-views-qkv.js"));
  assert.is(lines[0], "out [2,64,4,32] or, without a copy, [2,64,128]");
  assert.is(lines[1], "dx [2,64,128] dw [128,384]");
  assert.ok(Number(/: ([\d.]+)$/.exec(lines[2]!)![1]) > 0, lines[2]);
  assert.is(lines[3], "k as [B, H, N, D]: [2,4,64,32] strides [24576,32,384,1]");
});

test("examples/09: the loss falls to less than a third, and what is written has the letters of the text", async () => {
  const lines = await linesOf(() => import("../examples/09-train.js"));
  assert.is(lines[0], "27276 parameters, the first is tok.weight");
  const losses = lines.slice(1, -1).map((line) => Number(/loss ([\d.]+)/.exec(line)![1]));
  assert.ok(losses.at(-1)! < losses[0]! / 3, lines.join("\n"));
  assert.match(lines.at(-1)!, /^she [abehlorsty .]{24}$/);
});

test("every numbered example is in a test, and in examples/README.md", () => {
  const names = readdirSync("examples").filter((name) => /^\d/.test(name));
  const tests = ["examples", "examples-hosts"].map((name) => readFileSync(`test/${name}.test.ts`, "utf8")).join();
  const list = readFileSync("examples/README.md", "utf8");
  assert.ok(names.length >= 8);
  for (const name of names) {
    assert.ok(tests.includes(`examples/${name.replace(/\.ts$/, "")}`), `${name} is not tested`);
    assert.match(list, new RegExp(`\\(${name}/?\\)`), `examples/README.md does not name ${name}`);
  }
});

test("the README's ten lines run as they stand", async () => {
  const text = /## Ten lines\n+```js\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  assert.is(text.trim().split("\n").length, 10, text);
  const { code, stdout, stderr } = await runProgram(text.replace('"laser-attention"', '"laser-attention/index.js"'));
  assert.is(code, 0, stderr);
  assert.is(stderr, "");
  assert.is(stdout.match(/\[ 1, 2, 5, 8 \]/g)?.length, 3, stdout);
});

for (const title of ["Instances", "Threads", "Training", "Tensors"]) {
  test(`the README's lines under "${title}" run as they stand`, async () => {
    const [, text] = new RegExp(`\\n## ${title}\\n+\`\`\`js\\n([\\s\\S]*?)\`\`\``).exec(readme) ?? [];
    const entry = (_: string, name?: string) =>
      `"laser-attention/${name === undefined ? "index" : name === "threads" ? name : `${name}/index`}.js"`;
    const { code, stderr } = await runProgram(text!.replaceAll(/"laser-attention(?:\/(\w+))?"/g, entry));
    assert.is(code, 0, stderr);
    assert.is(stderr, "");
  });
}

/** The code of the README's section `title`, without comments. */
function codeOf(title: string): string[] {
  const section = new RegExp(`\\n### ${title}\\n([\\s\\S]*?)\\n##`).exec(readme)?.[1] ?? "";
  const blocks = [...section.matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code!);
  return blocks.flatMap((code) => code.trim().split("\n")).map((line) => line.replace(/ +\/\/ .*$/, ""));
}

for (const [title, files] of [
  ["Bun", ["05-bun.js"]],
  ["Cloudflare Workers", ["08-edge/worker.js"]],
  ["Node worker pools", ["07-worker-pool/main.js", "07-worker-pool/worker.mjs"]],
] as const) {
  test(`the README's lines under "${title}" stand in ${files.join(" and ")}, which is run`, () => {
    const text = files.map((file) => readFileSync(`examples/${file}`, "utf8")).join("\n");
    const lines = codeOf(title);
    assert.ok(lines.length >= 2, readme);
    for (const line of lines) assert.ok(text.split("\n").includes(line), line);
  });
}

test("the README's lines under Deno run as they stand, in Node too", async () => {
  const text = [...codeOf("Deno"), "console.log(la.simd);"].join("\n");
  const args = "Deno" in globalThis ? ["eval", "--no-lock", text] : ["--input-type=module", "-e", text];
  const { code, stdout, stderr } = await run(process.execPath, args);
  assert.is(code, 0, stderr);
  assert.is(stdout.trim(), "plain");
});

test("the README's lines under Determinism run as they stand: one thread and two, both plain, with the same bits", async () => {
  const text = [
    ...codeOf("Determinism").map((line) => line.replace('/threads"', '/threads.js"')),
    "const x = Float32Array.from({ length: 300 * 64 }, (_, n) => Math.sin(n));",
    "const threads = [one.threads, two.threads];", // now that they have started
    "const results = [one, two].map((la) => {",
    "  const t = la.tensor(x, [1, 1, 300, 64]);",
    '  const saved = la.attentionForward(t, t, t, { variant: "laser", causal: true });',
    "  const { dq, dk, dv } = la.attentionBackward(t, saved);",
    "  return [saved.out, saved.lse, dq, dk, dv].map((tensor) => [...new Uint32Array(tensor.toArray().buffer)].join());",
    "});",
    "console.log(...threads, one.simd, two.simd, results[0].every((bits, n) => bits === results[1][n]));",
  ].join("\n");
  const { code, stdout, stderr } = await runProgram(text);
  assert.is(code, 0, stderr);
  assert.is(stderr, "");
  assert.is(stdout.trim(), "1 2 plain plain true");
});

test.run();
