// The packed package, installed into an empty project of each runtime by that runtime's own command.
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { nodes } from "../../scripts/hosts.mjs";
import { bun } from "./support/bundlers.mjs";
import { context, here, missing, root, run, succeed } from "./support/context.mjs";
import { programsOf } from "./support/readme.mjs";

const { folder, project, installed, registry } = context();
const { version } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));

const deno = [process.execPath, [join(root, "node_modules/deno/bin.cjs")]];
const runtimes = [
  { name: "node", command: process.execPath, args: [], install: null },
  {
    name: "deno",
    command: deno[0],
    args: [...deno[1], "run", "--no-prompt", "--allow-read"],
    install: [deno[0], [...deno[1], "add", "npm:laser-attention"]],
  },
  { name: "bun", command: bun(), args: [], install: [bun(), ["add", "laser-attention"]] },
];

/** Caches apart from the user's own: what this version's name meant before is not what it means now. */
const env = {
  NPM_CONFIG_REGISTRY: registry,
  DENO_DIR: join(folder, "deno-cache"),
  BUN_INSTALL_CACHE_DIR: join(folder, "bun-cache"),
};

const [tenLines] = programsOf("Ten lines");
const [byAddress] = programsOf("Deno"); // "Node and Bun take the same line"

/** What every entry must give: the bits of one, two threads where two are asked for. */
function check(text) {
  const { main, relaxed, simd, training, trainingTwo, ...rest } = JSON.parse(text);
  assert.match(main, /^[0-9a-f]{1,8}$/);
  for (const name of ["created", "slim", "threads"]) if (name in rest) assert.equal(rest[name], main, name);
  assert.equal(rest.members, 2);
  assert.equal(training.length, 3);
  assert.ok(training.every(Number.isFinite) && training[2] < training[0], `${training}`);
  assert.deepEqual(trainingTwo, training);
  assert.ok(simd === "relaxed" || (simd === "plain" && relaxed === main), simd);
  return `${main} ${training}`;
}

const hashes = new Map();

for (const { name, command, args, install } of runtimes) {
  test(`${name}: installed by name into an empty project, the README's lines run and every entry gives its bits`, async () => {
    const cwd = install === null ? project : join(folder, name);
    if (install !== null) {
      mkdirSync(cwd);
      writeFileSync(join(cwd, "package.json"), JSON.stringify({ name: "empty", type: "module", private: true }));
      await succeed(...install, { cwd, env });
      cpSync(join(here, "app"), cwd, { recursive: true });
    }
    writeFileSync(join(cwd, "ten-lines.mjs"), tenLines);
    const { code, stdout, stderr } = await run(command, [...args, "ten-lines.mjs"], { cwd, env });
    assert.equal(code, 0, stderr);
    assert.equal(stderr, "");
    assert.equal(stdout.match(/\[ 1, 2, 5, 8 \]/g)?.length, 3, stdout);
    writeFileSync(join(cwd, "by-address.mjs"), `${byAddress}console.log(la.simd);\n`);
    assert.equal(await succeed(command, [...args, "by-address.mjs"], { cwd, env }), "plain\n");
    hashes.set(name, check(await succeed(command, [...args, "entries.mjs"], { cwd, env })));
  });
}

test("all runtimes give the same bits", () => {
  assert.equal(hashes.size, runtimes.length);
  assert.equal(new Set(hashes.values()).size, 1, JSON.stringify([...hashes]));
});

for (const { name, found } of nodes()) {
  test(`${name}: require() loads every entry, and package.json, and says nothing else`, async (t) => {
    if (found === undefined) return missing(t, "not installed: npm ci in test/hosts");
    const { code, stdout, stderr } = await run(found.file, ["entries.cjs"], { cwd: project });
    assert.equal(code, 0, stderr);
    assert.equal(stderr, "");
    assert.equal(check(stdout), hashes.get("node"));
    assert.equal(JSON.parse(stdout).version, version);
  });
}

const NO_SIMD = "Error: laser-attention: this engine has no WebAssembly SIMD";
const engines = [
  // V8 has no SIMD on a processor without SSE 4.1, and no such switch for the SIMD of other processors.
  { name: "node --no-enable-sse4-1", command: process.execPath, args: ["--no-enable-sse4-1"], only: "x64" },
  { name: "bun, BUN_JSC_useWasmSIMD=0", command: bun(), args: [], env: { BUN_JSC_useWasmSIMD: "0" } },
];

for (const { name, command, args, env, only = process.arch } of engines) {
  test(`${name}: create and createSync of every entry say that the engine has no WebAssembly SIMD`, async (t) => {
    if (process.arch !== only) return missing(t, `the switch is for ${only}`);
    const said = JSON.parse(await succeed(command, [...args, "without-simd.mjs"], { cwd: project, env }));
    const calls = ["main", "nn", "relaxed", "slim", "threads"].flatMap((entry) => [
      `${entry}.createSync`,
      `${entry}.create`,
    ]);
    assert.deepEqual(said, Object.fromEntries(calls.map((call) => [call, NO_SIMD])));
  });
}

test("no file of the package is a source map, or asks for one: bundlers warn of sources that are not there", () => {
  for (const name of readdirSync(installed, { recursive: true })) {
    assert.doesNotMatch(name, /\.map$/);
    if (/\.js$/.test(name))
      assert.doesNotMatch(readFileSync(join(installed, name), "utf8"), /^\/\/[#@] ?source/m, name);
  }
});
