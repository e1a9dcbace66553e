// node scripts/run.mjs FILE [args]: builds the package, bundles the TypeScript program FILE and runs it with args, in the checkout's folder.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "./build.mjs";
import { bundle } from "./bundle.mjs";
import { at } from "./files.mjs";

const [file, ...args] = process.argv.slice(2);
await build();
// A program with a package.json of its own finds what that installs when its bundle lies beside it.
const apart = existsSync(at(dirname(file), "package.json"));
const [program] = await bundle([file], apart ? join(dirname(file), "build") : "build/run");
process.argv = [process.argv[0], program, ...args];
process.setSourceMapsEnabled(true);
await import(pathToFileURL(program).href);
