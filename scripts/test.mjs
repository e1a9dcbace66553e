// npm test [-- NAME ...]: builds the package and runs test/NAME.test.ts, or all of them, in Node and in Deno; and, with no NAME or with
// "portable", test/portable in every host that npm installs (hosts.mjs).
import { existsSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename } from "node:path";
import { build } from "./build.mjs";
import { bundle } from "./bundle.mjs";
import { conclude, runTests } from "./child.mjs";
import { at } from "./files.mjs";
import { install, runHosts } from "./hosts.mjs";

const LIMIT_MS = 600_000;
const names = process.argv.slice(2);
const stem = (file) => basename(file, ".test.ts");
const files = readdirSync(at("test"))
  .filter((name) => name.endsWith(".test.ts"))
  .filter((name) => names.length === 0 || names.includes(stem(name)));
const portable = names.length === 0 || names.includes("portable");

const worker = at("scripts/test-worker.mjs");
const deno = at("node_modules/deno/bin.cjs");
const runtimes = [
  { name: "node", command: ["--expose-gc", "--enable-source-maps", worker] },
  {
    name: "deno",
    without: [
      // Of the checkout; of the command, which cli-options covers in Deno.
      ...["bench", "evidence", "release", "cli", "cli-data", "cli-hostile", "cli-init", "cli-tokens", "command-doc"],
      // Of no kernels; and of threads that wait for each other on busy cores, which take long: lanes and test/portable have such here too.
      ...["gradcheck", "team"],
    ],
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

await build();
if (!existsSync(deno)) throw new Error("the npm package deno is not installed: run npm ci");
if (portable || names.includes("examples-hosts")) await install();
const running = [];
if (files.length > 0 || !portable) {
  const bundles = await bundle(
    files.map((name) => `test/${name}`),
    "build/test",
  );
  // Side by side, a core each; every line of output names its runtime.
  for (const { name, command, without } of runtimes) {
    const given = bundles.filter((_, n) => !without?.includes(stem(files[n])));
    if (given.length === 0 && files.length > 0) continue;
    running.push(runTests(name, process.execPath, [...command, name, ...given], LIMIT_MS));
  }
}
const hosts = portable ? await runHosts(running) : [];
conclude([...(await Promise.all(running)), ...hosts]);
