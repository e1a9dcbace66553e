/**
 * One declaration file of an entry whose names come from many files. A declaration may not export values from another one by its
 * name ending in .d.ts (TypeScript, error 2846), and JSR looks for a file of the name that stands there; so they must be in one.
 */
import { posix } from "node:path";

const FROM = /^(?:import|export)(?: type)? (?:\*|\{([^}]*)\}) from "([^"]+)";$/gm;
const NAMED = /^(?:export )?(?:declare )?(?:abstract )?(?:class|function|const|interface|type) (\w+)/m;

/** The names of an import or export: `type A, b as c` is A, and c. */
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

/**
 * The text of dist/`entry`, made of the declarations of its folder that it exports, or that these need. `read` gives the text of a
 * declaration file; names whose `home(file)` is another entry are imported from it, those without a home are taken in as well.
 */
export function rollUp(entry, read, home) {
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
        if (
          statement
            .replace(/\/\*\*[\s\S]*?\*\//g, "")
            .trim()
            .replace("export {};", "") === ""
        )
          continue;
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
      text.replace(/^export (?:declare )?(?=\w)/gm, (found, at) => declare(text.slice(at + found.length))),
    ),
    `export { ${[...exported.values].join(", ")} };`,
    `export type { ${[...exported.types].join(", ")} };`,
    "",
  ].join("\n");
}

const declare = (rest) => (/^(interface|type) /.test(rest) ? "" : "declare ");

const path = (folder, file) => {
  const name = posix.relative(folder, file);
  return name.startsWith(".") ? name : `./${name}`;
};
