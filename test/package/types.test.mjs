// The declarations of the installed package, in strict programs of several versions of TypeScript.
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { context, here, root, run } from "./support/context.mjs";

const { folder, project } = context();

/** The oldest that is promised, the newest before the native port, and the repository's own. */
const compilers = ["typescript-5.4", "typescript-5.9", "typescript", join(root, "node_modules/typescript")].map(
  (name) => {
    const path = name.startsWith("typescript") ? join(here, "node_modules", name) : name;
    const { version } = JSON.parse(readFileSync(join(path, "package.json"), "utf8"));
    return { version, tsc: join(path, "bin/tsc") };
  },
);

const resolutions = [
  { module: "nodenext", moduleResolution: "nodenext" },
  { module: "esnext", moduleResolution: "bundler" },
];

const programs = [
  { files: ["consumer.ts", "training.ts", "data.ts"], lib: ["es2022"] },
  {
    files: ["consumer.ts", "training.ts", "data.ts", "dom.ts", "using.ts"],
    lib: ["es2022", "dom", "esnext.disposable"],
  },
];

const cwd = join(folder, "types");
mkdirSync(cwd);
cpSync(join(project, "node_modules"), join(cwd, "node_modules"), { recursive: true });
cpSync(join(here, "types"), cwd, { recursive: true });
writeFileSync(join(cwd, "package.json"), JSON.stringify({ type: "module" }));

for (const { version, tsc } of compilers) {
  for (const { module, moduleResolution } of resolutions) {
    test(`TypeScript ${version}, ${moduleResolution}: strict programs compile, with and without the browser's types`, async () => {
      for (const { files, lib } of programs) {
        const strict = { strict: true, exactOptionalPropertyTypes: true, noEmit: true, types: [] };
        // The package's declarations are checked too, TypeScript's own are not: that would take most of the time.
        const checks = { skipLibCheck: false, skipDefaultLibCheck: true };
        const compilerOptions = { ...strict, ...checks, target: "es2022", module, moduleResolution, lib };
        writeFileSync(join(cwd, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
        const { code, stdout, stderr } = await run(process.execPath, [tsc, "-p", "tsconfig.json"], { cwd });
        assert.equal(code, 0, `${files} with ${lib}\n${stdout}${stderr}`);
      }
    });
  }
}
