// node scripts/run.mjs FILE [args]: builds the package, bundles the TypeScript program FILE and runs it with args.
import { pathToFileURL } from "node:url";
import { build } from "./build.mjs";
import { bundle } from "./bundle.mjs";

const [file, ...args] = process.argv.slice(2);
await build();
const [program] = await bundle([file], "run");
process.argv = [process.argv[0], program, ...args];
process.setSourceMapsEnabled(true);
await import(pathToFileURL(program).href);
