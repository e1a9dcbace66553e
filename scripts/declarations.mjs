/**
 * The declarations of the package. Those of an entry whose names come from many files are one file: a declaration may not export
 * values from another one by its name ending in .d.ts (TypeScript, error 2846), and JSR looks for a file of the name that stands there.
 */
import { execFile } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { posix } from "node:path";
import { promisify } from "node:util";
import { write } from "./files.mjs";
import { ENTRIES } from "./ship.mjs";

const FROM = /^(?:import|export)(?: type)? (?:\*|\{([^}]*)\}) from "([^"]+)";$/gm;
const NAMED = /^(?:export )?(?:declare )?(?:abstract )?(?:class|function|const|interface|type) (\w+)/m;

/** What an import or export lists, as it stands there. */
const namesOf = (list) =>
  list
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "");

/** The statements of a declaration file as tsc writes it, each with the comment before it: they begin in the first column. */
function statements(text) {
  const found = [];
  let [lines, depth] = [[], 0];
  for (const line of text.replace(FROM, "").split("\n")) {
    if (line === "" && lines.length === 0) continue;
    lines.push(line);
    if (/^\s*(\/\*\*| \*)/.test(line)) continue;
    depth += (line.match(/[{([]/g) ?? []).length - (line.match(/[})\]]/g) ?? []).length;
    if (depth > 0 || !/[;}]$/.test(line)) continue;
    found.push(lines.join("\n"));
    lines = [];
  }
  return found;
}

const entries = ENTRIES.map((name) => `${name}.d.ts`);

/** Where a name of a folder is found: those of training in the one declaration file of their entry; src/data has no entry. */
function home(file) {
  if (file === "data/random.d.ts") return "nn/index.d.ts"; // a class with private parts is another type where it is declared again
  if (!file.includes("/")) return file;
  const entry = `${posix.dirname(file)}/index.d.ts`;
  return entries.includes(entry) ? entry : undefined;
}

const read = (file) => readFileSync(`build/types/${file}`, "utf8");

/**
 * The text of dist/`entry`, made of the declarations of its folder that it exports, or that these need. Names that have another
 * entry for their home are imported from it, those without a home are taken in as well.
 */
function rollUp(entry) {
  const folder = posix.dirname(entry);
  const declared = new Map(); // name: its statement
  const origin = new Map(); // name: the file of the folder that declares it
  const outside = new Map(); // name: the file of another folder
  const exported = { values: new Set(), types: new Set() };
  const seen = new Set();

  const visit = (file, isPublic) => {
    if (seen.has(file)) return;
    seen.add(file);
    const text = read(file);
    for (const [all, list, from] of text.matchAll(FROM)) {
      const target = posix.join(posix.dirname(file), from.replace(/\.js$/, ".d.ts"));
      const inside = [undefined, entry].includes(home(target));
      const reexport = isPublic && all.startsWith("export");
      for (const one of namesOf(list ?? "")) {
        const name = one.replace(/^type /, "");
        if (/ as /.test(name)) throw new Error(`${file}: names must not change: ${one}`);
        if (!inside) outside.set(name, target);
        if (reexport) exported[/^type /.test(one) || all.startsWith("export type") ? "types" : "values"].add(name);
      }
      if (inside) visit(target, reexport && list === undefined);
    }
    for (const statement of statements(text)) {
      const name = NAMED.exec(statement)?.[1];
      if (name === undefined) {
        if (!/^export (type )?\{[^}]*\};$/m.test(statement)) throw new Error(`${file}: no name in ${statement}`);
        continue;
      }
      // Overloads of a function follow each other in one file.
      const before = declared.get(name);
      if (before !== undefined && origin.get(name) !== file) throw new Error(`${entry}: two declarations of ${name}`);
      declared.set(name, before === undefined ? statement : `${before}\n${statement}`);
      origin.set(name, file);
      if (isPublic) exported.values.add(name);
    }
  };
  visit(entry, true);

  // What is exported, and what that needs in turn.
  const used = new Set([...exported.values, ...exported.types]);
  for (const name of used) {
    const code = declared.get(name)?.replace(/\/\*\*[\s\S]*?\*\//g, "") ?? "";
    for (const [word] of code.matchAll(/\b\w+\b/g)) if (declared.has(word) || outside.has(word)) used.add(word);
  }
  const imports = new Map();
  for (const name of used) {
    if (declared.has(name)) continue;
    const file = home(outside.get(name));
    imports.set(file, [...(imports.get(file) ?? []), name]);
  }
  const bodies = [...declared].filter(([name]) => used.has(name)).map(([, text]) => text);
  return [
    ...[...imports].map(([file, names]) => `import type { ${names.join(", ")} } from "${path(folder, file)}";`),
    ...bodies.map((text) =>
      text.replace(/^export (?:declare )?(?=\w)/gm, (found, at) => keyword(text.slice(at + found.length))),
    ),
    `export { ${[...exported.values].join(", ")} };`,
    `export type { ${[...exported.types].join(", ")} };`,
    "",
  ].join("\n");
}

const keyword = (rest) => (/^(interface|type) /.test(rest) ? "" : "declare ");

const path = (folder, file) => {
  const name = posix.relative(folder, file);
  return name.startsWith(".") ? name : `./${name}`;
};

/** What an import of one of the .wasm files gives in hosts and bundlers that know WebAssembly modules. */
const WASM_TYPES = `import type { KernelModule } from "./types.d.ts";
declare const module: KernelModule;
export default module;
`;

/** The worker's file is started, not imported. */
const WORKER_TYPES = "export {};\n";

/** Declarations of all of src come from tsc; only the files that the entries reach go into the package. In the package's folder. */
export async function declare() {
  const tsc = "node_modules/typescript/bin/tsc";
  await promisify(execFile)(process.execPath, [tsc, "-p", "tsconfig.build.json"]).catch((error) => {
    throw new Error(`tsc failed\n${error.stdout}${error.stderr}`);
  });
  const reached = new Set(entries);
  const classes = new Map();
  for (const name of reached) {
    // JSR looks for the file that is named, and most of these have no .js beside them; TypeScript wants "type" before a .d.ts.
    const text = (name.includes("/") ? rollUp(name) : read(name))
      .replace(/^import \{(.*)\} from/gm, (_, names) => `import type {${names.replaceAll(" type ", " ")}} from`)
      .replace(/(from "\.\.?\/[\w./-]+)\.js"/g, '$1.d.ts"');
    write(`dist/${name}`, text);
    for (const [, one] of text.matchAll(/^(?:export )?declare (?:abstract )?class (\w+)/gm)) {
      if (classes.has(one)) throw new Error(`${name}: ${one} is another class than in ${classes.get(one)}: see home`);
      classes.set(one, name);
    }
    for (const [, file] of text.matchAll(/from "(\.\.?\/[\w./-]+)"/g))
      reached.add(posix.join(posix.dirname(name), file));
  }
  write("dist/kernels.d.wasm.ts", WASM_TYPES);
  write("dist/worker.d.ts", WORKER_TYPES);
  reached.add("worker.d.ts");
  const files = readdirSync("dist", { recursive: true }).map((name) => name.replaceAll("\\", "/"));
  const stale = files.filter((name) => name.endsWith(".d.ts") && !reached.has(name));
  for (const name of stale) rmSync(`dist/${name}`);
}
