// npm run docs: the API reference, from the comments in src/, into docs/api. A warning is a failure.
// typedoc needs a TypeScript older than the repository's: both are tools of test/package.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { build } from "./build.mjs";
import { at, root } from "./files.mjs";
import { install } from "./install.mjs";

const tools = at("test/package");
await build(); // src/generated is part of the sources
install(tools);
const typedoc = join(tools, "node_modules/typedoc/bin/typedoc");
process.exitCode = spawnSync(process.execPath, [typedoc], { cwd: root, stdio: "inherit" }).status ?? 1;
