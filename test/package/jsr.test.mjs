// JSR, Deno's registry, takes the built files: jsr.json names the entries, which point at their declarations.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { root, run } from "./support/context.mjs";

const read = (name) => JSON.parse(readFileSync(join(root, name), "utf8"));

test("jsr.json and package.json agree on version, licence and entries", () => {
  const [jsr, npm] = [read("jsr.json"), read("package.json")];
  assert.equal(jsr.version, npm.version);
  assert.equal(jsr.license, npm.license);
  const programs = Object.entries(npm.exports).filter(([name]) => !/\.(wasm|json)$/.test(name));
  const expected = programs.map(([name, entry]) => [name, typeof entry === "string" ? entry : entry.default]);
  assert.deepEqual(jsr.exports, Object.fromEntries(expected));
});

test("deno publish --dry-run passes, and takes every file that the entries load", async () => {
  const deno = join(root, "node_modules/deno/bin.cjs");
  const { code, stdout, stderr } = await run(process.execPath, [deno, "publish", "--dry-run", "--allow-dirty"]);
  const output = stdout + stderr;
  assert.equal(code, 0, output);
  assert.doesNotMatch(output, /warning/i);
  for (const name of [
    ...["index.js", "index.d.ts", "slim.js", "relaxed.js", "threads.js", "worker.js", "README.md"],
    ...["nn/index.js", "nn/index.d.ts", "models/index.js", "models/index.d.ts"],
  ]) {
    assert.ok(output.includes(name), `${name} is not in\n${output}`);
  }
  assert.doesNotMatch(output, /assembly|bench|\.test\./);
});
