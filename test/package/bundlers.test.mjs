// The app of app/, built by each bundler from the installed package and run in a browser under the headers of the README.
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { chromium } from "../../scripts/programs.mjs";
import { bundlers, writeApp } from "./support/bundlers.mjs";
import { POLICY, visit } from "./support/chromium.mjs";
import { context, missing, succeed } from "./support/context.mjs";
import { headersOf, programsOf } from "./support/readme.mjs";

const { folder, project } = context();
const isolation = headersOf("Cross-origin isolation");
const headers = { ...headersOf("Content security policy"), ...isolation };

/** What Node computes with the installed package, each entry in turn. */
const { main, training } = JSON.parse(await succeed(process.execPath, ["entries.mjs"], { cwd: project }));

/** Builds the app with `program` as its main.js, and `files` beside those of app/, each as text by its name. */
async function build(name, program = "main.js", files = {}) {
  const source = join(folder, `app-${name}-${program}`);
  const out = `${source}-built`;
  mkdirSync(out, { recursive: true });
  cpSync(join(project, "node_modules"), join(source, "node_modules"), { recursive: true });
  writeFileSync(join(source, "package.json"), JSON.stringify({ type: "module" }));
  writeApp(source, bundlers[name].slim, program);
  for (const [file, text] of Object.entries(files)) writeFileSync(join(source, file), text);
  await bundlers[name].build(source, out);
  return out;
}

const built = {};

test("the README's headers are a policy with script-src 'self' 'wasm-unsafe-eval', and two of isolation", () => {
  assert.deepEqual(Object.keys(headers), [POLICY, "cross-origin-opener-policy", "cross-origin-embedder-policy"]);
  assert.match(headers[POLICY], /(^|; )script-src 'self' 'wasm-unsafe-eval'(;|$)/);
});

for (const name of Object.keys(bundlers)) {
  test(`${name}: ., ./slim and ./threads with two threads give the bits of Node, under the README's headers`, async (t) => {
    built[name] = await build(name);
    if (chromium() === undefined)
      return missing(t, "the app is built but did not run: there is no Chromium on the path");
    const answer = await visit(built[name], headers);
    assert.deepEqual(answer, { main, slim: main, threads: main, members: 2, violations: [] });
  });
}

// Two bundlers: the files are the same for all.
for (const name of ["esbuild", "vite"]) {
  test(`${name}: two steps of training with ./nn and ./models on two threads give the losses of Node, under these headers`, async (t) => {
    const out = await build(name, "training.js");
    if (chromium() === undefined)
      return missing(t, "the app is built but did not run: there is no Chromium on the path");
    assert.deepEqual(await visit(out, headers), { training, members: 2, violations: [] });
  });
}

for (const name of Object.keys(bundlers)) {
  test(`${name}: of ./nn an import of Random takes in no kernels and no other class`, async () => {
    const out = await build(name, "random.js");
    const files = readdirSync(out, { recursive: true }).filter((file) => /\.js$/.test(file) && file !== "worker.js");
    const bytes = files.reduce((sum, file) => sum + statSync(join(out, file)).size, 0);
    assert.ok(bytes > 500 && bytes < 8000, `${bytes} bytes in ${files}`);
  });
}

test("vite: a module that the README's lines compile in a page and post to a worker gives the bits of Node there", async (t) => {
  const [[url, slim], [compile, post, take]] = programsOf("Vite").map((code) => code.trim().split("\n"));
  const files = {
    "compiled.js": `${url}\nexport async function postTo(worker) {\n  ${compile}\n  ${post}\n}\n`,
    "taking.js": `${slim}\nimport { bits } from "./bits.js";\n${take}
const made = onmessage;
onmessage = async (event) => postMessage(bits(await made(event)));\n`,
  };
  const out = await build("vite", "posting.js", files);
  if (chromium() === undefined) return missing(t, "the app is built but did not run: there is no Chromium on the path");
  assert.deepEqual(await visit(out, headers), { posted: main, violations: [] });
});

test("the browser does hold the policy: without 'wasm-unsafe-eval' the same page fails and reports why", async (t) => {
  if (chromium() === undefined) return missing(t, "there is no Chromium on the path");
  const without = headers[POLICY].replace(" 'wasm-unsafe-eval'", "");
  const { error, violations } = await visit(built.esbuild, { ...headers, [POLICY]: without });
  assert.match(error, /^CompileError/);
  assert.ok(violations.length > 0);
  assert.match(violations[0]["violated-directive"], /^script-src/);
});

for (const left of Object.keys(isolation)) {
  test(`the browser does isolate by both headers: without ${left} the same page has one thread`, async (t) => {
    if (chromium() === undefined) return missing(t, "there is no Chromium on the path");
    const { [left]: _, ...rest } = headers;
    const answer = await visit(built.esbuild, rest);
    assert.deepEqual(answer, { main, slim: main, threads: main, members: 1, violations: [] });
  });
}
