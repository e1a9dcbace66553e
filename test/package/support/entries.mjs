// Which files of the package an entry loads.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseAst } from "rollup/parseAst";

/** `file` and all that it imports from the package, at any depth. */
export function filesOf(file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  const sources = parseAst(readFileSync(file, "utf8")).body.map(({ source }) => source?.value);
  for (const name of sources.filter((value) => value?.endsWith(".js"))) filesOf(join(dirname(file), name), found);
  return found;
}
