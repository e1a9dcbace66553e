// npm test [-- NAME ...]: builds the package and runs test/NAME.test.ts, or all of them, in Node and in Deno.
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build, root } from "./build.mjs";
import { bundle } from "./bundle.mjs";

const names = process.argv.slice(2);
const files = readdirSync(join(root, "test"))
  .filter((name) => name.endsWith(".test.ts"))
  .filter((name) => names.length === 0 || names.includes(name.slice(0, -".test.ts".length)));

const worker = join(root, "scripts/test-worker.mjs");
const deno = join(root, "node_modules/deno/bin.cjs");
const runtimes = [
  { name: "node", command: ["--expose-gc", "--enable-source-maps", worker] },
  {
    name: "deno",
    command: [
      deno,
      "run",
      "--no-config",
      "--no-lock",
      "-R",
      `-W=${tmpdir()}`,
      "-E",
      "-N=127.0.0.1",
      "--allow-run",
      "--v8-flags=--expose-gc",
      worker,
    ],
  },
];

/** Runs the bundles in one runtime. The worker's last line is its result; without one it counts as failed. */
function run({ name, command }, bundles) {
  return new Promise((done) => {
    const child = spawn(process.execPath, [...command, name, ...bundles], { stdio: ["ignore", "pipe", "inherit"] });
    let line = "";
    let result;
    child.stdout.setEncoding("utf8").on("data", (text) => {
      const lines = (line + text).split("\n");
      line = lines.pop();
      for (const full of lines) {
        if (full.startsWith("@result ")) result = JSON.parse(full.slice("@result ".length));
        else console.log(full);
      }
    });
    child.on("close", (code) => {
      if (result === undefined) console.log(`${name}: ended early with exit code ${code}`);
      const crashed = result === undefined || (code !== 0 && result.failed === 0);
      done({ passed: 0, skipped: 0, failed: 0, runtime: name, ...result, ...(crashed && { failed: 1 }) });
    });
  });
}

await build();
if (!existsSync(deno)) throw new Error("the npm package deno is not installed: run npm ci");
const bundles = await bundle(
  files.map((name) => `test/${name}`),
  "build/test",
);
const total = { passed: 0, failed: 0, skipped: 0 };
const summaries = [];
// Side by side, a core each; every line of output names its runtime.
for (const result of await Promise.all(runtimes.map((runtime) => run(runtime, bundles)))) {
  const ran = result.passed + result.failed;
  if (ran === 0) result.failed = 1;
  for (const key of Object.keys(total)) total[key] += result[key];
  summaries.push(`${result.runtime}: ${ran} tests in ${files.length} files${ran === 0 ? ", which is a failure" : ""}`);
}
for (const summary of summaries) console.log(summary);
console.log(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ""}`);
process.exitCode = total.failed > 0 ? 1 : 0;
