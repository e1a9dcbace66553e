// The app of app/, built by each bundler from the installed package and run in a browser under a content security policy.
import assert from "node:assert/strict";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { chromium } from "../../scripts/programs.mjs";
import { bundlers, writeApp } from "./support/bundlers.mjs";
import { visit } from "./support/chromium.mjs";
import { context, missing, succeed } from "./support/context.mjs";

const { folder, project } = context();
// worker-src falls back to script-src, so a page with threads needs no word more.
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";

/** What Node computes with the installed package, each entry in turn. */
const { main, training } = JSON.parse(await succeed(process.execPath, ["entries.mjs"], { cwd: project }));

async function build(name, program = "main.js") {
  const source = join(folder, `app-${name}-${program}`);
  const out = `${source}-built`;
  mkdirSync(out, { recursive: true });
  cpSync(join(project, "node_modules"), join(source, "node_modules"), { recursive: true });
  writeFileSync(join(source, "package.json"), JSON.stringify({ type: "module" }));
  writeApp(source, bundlers[name].kernels, program);
  await bundlers[name].build(source, out);
  return out;
}

const built = {};

for (const name of Object.keys(bundlers)) {
  test(`${name}: ., ./slim and ./threads with two threads give the bits of Node, under script-src 'self' 'wasm-unsafe-eval'`, async (t) => {
    built[name] = await build(name);
    if (chromium() === undefined)
      return missing(t, "the app is built but did not run: there is no Chromium on the path");
    const answer = await visit(built[name], POLICY);
    assert.deepEqual(answer, { main, slim: main, threads: main, members: 2, violations: [] });
  });
}

// Two bundlers: the files are the same for all, and webpack says of every app of this size that it is large.
for (const name of ["esbuild", "vite"]) {
  test(`${name}: two steps of training with ./nn and ./models on two threads give the losses of Node, under the same policy`, async (t) => {
    const out = await build(name, "training.js");
    if (chromium() === undefined)
      return missing(t, "the app is built but did not run: there is no Chromium on the path");
    assert.deepEqual(await visit(out, POLICY), { training, members: 2, violations: [] });
  });
}

test("the browser does hold the policy: without 'wasm-unsafe-eval' the same page fails and reports why", async (t) => {
  if (chromium() === undefined) return missing(t, "there is no Chromium on the path");
  const { error, violations } = await visit(built.esbuild, POLICY.replace(" 'wasm-unsafe-eval'", ""));
  assert.match(error, /^CompileError/);
  assert.ok(violations.length > 0);
  assert.match(violations[0]["violated-directive"], /^script-src/);
});
