// The package's manifest and files as other people's tools see them, and what its code must not do.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { parseAst } from "rollup/parseAst";
import { context, here, run } from "./support/context.mjs";
import { filesOf } from "./support/entries.mjs";

const { installed, tarball } = context();
const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));

test("publint --strict has nothing to say", async () => {
  const { messages } = await publint({ pkgDir: installed, strict: true });
  assert.deepEqual(
    messages.map((message) => formatMessage(message, manifest)),
    [],
  );
});

test("arethetypeswrong finds nothing, for ES modules only", async () => {
  const attw = join(here, "node_modules/.bin/attw");
  const { code, stdout, stderr } = await run(attw, [tarball, "--profile", "esm-only", "--no-color", "--no-emoji"]);
  assert.equal(code, 0, stdout + stderr);
});

test("it has no dependency, no script that runs at install, and every exported file is there", () => {
  for (const name of ["dependencies", "peerDependencies", "optionalDependencies"])
    assert.equal(manifest[name], undefined);
  for (const name of ["preinstall", "install", "postinstall"]) assert.equal(manifest.scripts?.[name], undefined);
  const targets = Object.values(manifest.exports).flatMap((entry) =>
    typeof entry === "string" ? entry : Object.values(entry),
  );
  for (const target of targets) assert.ok(readFileSync(join(installed, target)).length > 0, target);
});

test("every file that a file imports is there, in the entries for edge workers too, which ask for modules", () => {
  const dist = join(installed, "dist");
  let count = 0;
  for (const name of readdirSync(dist, { recursive: true }).filter((name) => name.endsWith(".js"))) {
    for (const { source } of parseAst(readFileSync(join(dist, name), "utf8")).body) {
      if (source === undefined || source === null) continue;
      if (name === "cli.js" && source.value.startsWith("node:")) continue;
      const target = join(dist, dirname(name), source.value.replace("?module", ""));
      assert.ok(target.startsWith(dist) && existsSync(target), `${name} imports ${source.value}`);
      assert.equal(source.value.endsWith("?module"), name.startsWith("workerd") && target.endsWith(".wasm"), name);
      count++;
    }
  }
  assert.ok(count > 20);
});

/** All nodes of a syntax tree, each with the nodes around it, the inmost last. */
function* walk(node, around = []) {
  if (node === null || typeof node !== "object") return;
  if (Array.isArray(node)) {
    for (const item of node) yield* walk(item, around);
    return;
  }
  if (typeof node.type === "string") yield [node, around];
  for (const child of Object.values(node))
    yield* walk(child, typeof node.type === "string" ? [...around, node] : around);
}

const isFunction = ({ type }) => /Function/.test(type);

/** What a program does that a strict page, `require()` or a bundler may not allow. */
function liberties(code) {
  const found = new Set();
  for (const [node, around] of walk(parseAst(code))) {
    const callee = node.type === "CallExpression" || node.type === "NewExpression" ? node.callee.name : undefined;
    if (callee === "eval" || callee === "Function") found.add("eval");
    if (node.type === "Identifier" && node.name === "Blob") found.add("Blob");
    if (node.type === "MetaProperty" && node.meta.name === "import") found.add("import.meta");
    if (node.type === "ImportExpression") found.add("import()");
    const waits = node.type === "AwaitExpression" || (node.type === "ForOfStatement" && node.await);
    if (waits && !around.some(isFunction)) found.add("await");
  }
  return [...found].sort();
}

test("what is looked for is found", () => {
  const code = "eval('1'); new Function(''); new Blob([]); import.meta.url; import('x'); for await (const x of []) x;";
  assert.deepEqual(liberties(code), ["Blob", "await", "eval", "import()", "import.meta"]);
  assert.deepEqual(liberties("const f = async () => { await 1; }; const text = 'eval(1) import.meta';"), []);
});

test("no entry uses eval, Blob, import() or top-level await; import.meta is in ./threads and ./nn alone, for their worker's address", () => {
  const scripts = readdirSync(join(installed, "dist"), { recursive: true }).filter((name) => name.endsWith(".js"));
  const files = scripts.filter((name) => name !== "cli.js"); // a program, not an entry
  const dist = (name) => join(installed, "dist", name);
  const entries = files.filter((name) => !name.includes("shared-"));
  assert.ok(entries.length >= 11, `${entries}`); // 6, the worker, and 4 for edge workers
  const all = new Set();
  for (const name of entries) {
    const loaded = [...filesOf(dist(name))];
    for (const file of loaded) all.add(file);
    const found = new Set(loaded.flatMap((file) => liberties(readFileSync(file, "utf8"))));
    assert.deepEqual([...found], ["threads.js", "nn/index.js"].includes(name) ? ["import.meta"] : [], name);
  }
  assert.deepEqual([...all].sort(), files.map(dist).sort(), "a file that no entry loads");
});

test("declarations change nothing outside the package: JSR refuses those that do, its dry run does not say so", () => {
  const files = readdirSync(join(installed, "dist"), { recursive: true }).filter((name) => name.endsWith(".ts"));
  assert.ok(files.some((name) => /[\\/]/.test(name)));
  for (const name of files) {
    const text = readFileSync(join(installed, "dist", name), "utf8");
    assert.doesNotMatch(text, /^ *(export )?declare (global|module)|^\/\/\/ *<reference/m, name);
  }
});
