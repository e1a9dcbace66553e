// The portable tests (test/portable) in every host that npm installs: which hosts, how each is started, what each must be.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { bundle } from "./bundle.mjs";
import { missing, report, runTests, start, stop } from "./child.mjs";
import { at } from "./files.mjs";
import { find, hosted, locked, place } from "./hosted.mjs";

const LIMIT_MS = 240_000;
const folder = at("test/hosts");

/** The pages of the browsers are bundled alike: see test-browsers.mjs. */
export const PROGRAMS = "test/portable/programs";
export const bytes = { loader: { ".wasm": "binary" } };

const MAJORS = [20, 22, 24, 26];
const NAMES = [...MAJORS.map((major) => `node${major}`), "bun", "workerd"];

/**
 * Installs what is not there. Programs of other platforms are optional dependencies, so npm leaves them out; it also calls it
 * a success when it could not fetch any.
 */
export async function install() {
  if (NAMES.every((name) => hosted(folder, name) || !(place(name) in locked(folder)))) return;
  console.log("Installing Node, Bun and workerd into test/hosts/node_modules, 1 GB. This happens once.");
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"];
  const end = await start("npm", args, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] }).ended;
  if (end !== "exit code 0") console.log(`npm ${args.join(" ")} in test/hosts: ${end}`);
}

const server = {
  threads: { create: 2, createSync: 2 },
  warnings: [],
  compiles: true,
  workers: true,
  kernels: pathToFileURL(at("dist/kernels.wasm")).href,
};

const ownMajor = Number.parseInt(process.versions.node, 10);

/** The running Node stands for its version; V8 has relaxed SIMD since Node 21. */
function node(major) {
  const found =
    major === ownMajor ? { file: process.execPath, version: process.versions.node } : hosted(folder, `node${major}`);
  return {
    name: `node ${major}`,
    host: "node",
    found,
    command: [found?.file, "--enable-source-maps"],
    relaxedFrom: 21,
  };
}

function deno() {
  const found = find(at("node_modules/deno"), "bin.cjs");
  const flags = ["run", "--no-config", "--no-lock", "--no-prompt", "-R", "-E"];
  return { name: "deno", host: "deno", found, command: [process.execPath, found?.file, ...flags], relaxedFrom: 0 };
}

function bun() {
  const found = hosted(folder, "bun");
  return { name: "bun", host: "bun", found, command: [found?.file], relaxedFrom: 0 };
}

/** Node in every version that is promised, and the running one; `found` is undefined where one is not installed. */
export const nodes = () => (MAJORS.includes(ownMajor) ? MAJORS : [ownMajor, ...MAJORS]).map(node);

/** With V8's experimental 256-bit vectors (docs/runtimes.md), and without its first compiler, so that every function gets them. */
function wide(major) {
  const { command, ...rest } = node(major);
  return { ...rest, mode: ", 256 bits", command: [...command, "--experimental-wasm-revectorize", "--no-liftoff"] };
}

/** Programs of hosts that read files: one bundle for all. */
async function servers() {
  const programs = ["server", "instance"].map((name) => `${PROGRAMS}/${name}.ts`);
  const [program] = await bundle(programs, "build/portable/server", bytes);
  const knowsFlag = process.arch === "x64" && process.platform !== "darwin"; // as Node is built
  const wideNodes = knowsFlag ? [24, 26].map(wide) : [];
  return [...nodes(), ...wideNodes, deno(), bun()].map(({ name, mode = "", host, found, command, relaxedFrom }) => {
    const expected = { ...server, host, version: found?.version, relaxedFrom };
    const [file, ...args] = [...command, program, JSON.stringify(expected)];
    const label = `${name}${mode}`;
    const run = async () => {
      const result = await runTests(name, file, args, LIMIT_MS, `${label} `);
      return { ...result, runtime: `${result.runtime}${mode}` };
    };
    return { name: label, found, run };
  });
}

/** Imports of kernels as modules of the worker, which test/hosts/workerd.capnp names. */
const modules = {
  name: "modules",
  setup({ onResolve }) {
    onResolve({ filter: /\.wasm(\?module)?$/ }, ({ path }) => ({
      path: path.replace(/^.*\//, "./").replace("?module", ""),
      external: true,
    }));
  },
};

/**
 * The entries for edge workers, of the conditions "workerd" and "edge-light", in workerd. The worker is asked once over HTTP; workerd
 * tells on file descriptor 3 which port it took.
 */
async function edge() {
  const found = hosted(folder, "workerd");
  const options = { platform: "browser", conditions: ["workerd", "worker", "browser"], plugins: [modules] };
  await bundle([`${PROGRAMS}/workerd.ts`], "build/portable/workerd", options);
  const expected = {
    host: "workerd",
    version: found?.version,
    relaxedFrom: 0,
    threads: { create: 1, createSync: 1 },
    warnings: ["laser-attention: one thread only: this host has no threads"],
    compiles: false,
    workers: false,
  };
  return { name: "workerd", found, run: () => ask(found.file, expected) };
}

async function ask(file, expected) {
  const args = ["serve", join(folder, "workerd.capnp"), "--control-fd=3"];
  const program = start(file, args, { stdio: ["ignore", "ignore", "inherit", "pipe"] });
  try {
    const port = await new Promise((resolve, reject) => {
      program.ended.then((end) => reject(new Error(`ended early: ${end}`)));
      let text = "";
      program.child.stdio[3].setEncoding("utf8").on("data", (more) => {
        text += more;
        const found = /"port":\s*(\d+)/.exec(text);
        if (found) resolve(found[1]);
      });
    });
    const signal = AbortSignal.timeout(LIMIT_MS);
    const answer = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: JSON.stringify(expected), signal });
    if (!answer.ok) throw new Error(await answer.text());
    return await answer.json();
  } catch (error) {
    return { runtime: "workerd", passed: 0, failed: 1, skipped: 0, errors: [String(error.message)] };
  } finally {
    await stop(program);
  }
}

/** Runs them, two at a time, a core each: as soon as what runs there before is done. */
export async function runHosts([one, two]) {
  const results = [];
  const queue = [...(await servers()), await edge()];
  const lane = async (before) => {
    await before;
    for (let host = queue.shift(); host !== undefined; host = queue.shift()) {
      const result = host.found
        ? await host.run()
        : missing(host.name, "not installed: npm failed, or there is none for this platform");
      results.push(report({ ...result, runtime: `${result.runtime}, portable` }));
    }
  };
  await Promise.all([lane(one), lane(two)]);
  return results;
}
