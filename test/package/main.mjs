// npm run test:package [-- NAME ...]: packs the package, installs the tarball into an empty project, and runs NAME.test.mjs
// or all files of this folder against what is installed there. Their tools are this folder's own, installed on first use.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { build } from "../../scripts/build.mjs";
import { install } from "../../scripts/install.mjs";
import { here, root, succeed } from "./support/context.mjs";
import { serveRegistry } from "./support/registry.mjs";

const names = process.argv.slice(2);
const files = readdirSync(here)
  .filter((name) => name.endsWith(".test.mjs"))
  .filter((name) => names.length === 0 || names.includes(name.slice(0, -".test.mjs".length)));
if (files.length === 0) throw new Error(`no test of that name: ${names.join(" ")}`);

await build();
install(here);
const folder = mkdtempSync(join(tmpdir(), "laser-attention-package-"));
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
await succeed("npm", ["pack", "--ignore-scripts", "--pack-destination", folder]);
const tarball = join(folder, `${manifest.name}-${manifest.version}.tgz`);
const registry = await serveRegistry(tarball, manifest);

const project = join(folder, "node");
mkdirSync(project);
writeFileSync(join(project, "package.json"), JSON.stringify({ name: "empty", type: "module", private: true }));
const npm = ["install", manifest.name, "--registry", registry.address, "--cache", join(folder, "npm-cache")];
await succeed("npm", [...npm, "--no-audit", "--no-fund", "--no-update-notifier"], { cwd: project });
await cp(join(here, "app"), project, { recursive: true });
const installed = join(project, "node_modules", manifest.name);
if (!existsSync(installed)) throw new Error("npm has not installed the package");

process.env.PACKAGE_TEST = JSON.stringify({ folder, tarball, project, installed, registry: registry.address });
const total = { passed: 0, failed: 0, skipped: 0 };
const events = run({ files: files.map((name) => join(here, name)), concurrency: 1, timeout: 600_000 });
events.on("test:pass", ({ skip }) => (skip === undefined ? total.passed++ : total.skipped++));
events.on("test:fail", () => total.failed++);
const report = events.compose(new spec());
report.pipe(process.stdout);
await new Promise((resolve) => report.on("end", resolve));
registry.stop();
rmSync(folder, { recursive: true, force: true });
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
