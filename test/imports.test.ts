/** The import sketch of docs/design.md against the sources. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";

const design = readFileSync("docs/design.md", "utf8");

/** The files of a folder in lines, the top one first: the indented block that starts with the folder's name. */
function sketch(folder: string): string[][] {
  const block = new RegExp(`^ {4}${folder}/ +.*\n(?: {4}.*\n)+`, "m").exec(design)?.[0] ?? "";
  return block
    .replace(`${folder}/`, "")
    .trim()
    .split("\n")
    .map((line) => line.split(",").map((name) => name.trim()));
}

/** What a file imports from the sources, as FOLDER/NAME, generated files aside; of src without what only names types. */
function importsOf(file: string): string[] {
  const text = readFileSync(`${file}.ts`, "utf8");
  const statements = [...text.matchAll(/^(?:import|export)\s+([^;"]*?)\s*from "(\.\.?\/[\w/-]+)(?:\.js)?";/gm)];
  return statements
    .filter(([, what]) => !/^(type\b|\{(\s*type \w+,?)+\s*\}$)/.test(what!))
    .map(([, , from]) => join(dirname(file), from!))
    .filter((from) => !from.startsWith(join("src", "generated")));
}

/** Folders whose files import from each other, the top one first. */
const groups = [
  ["assembly/nn", "assembly"],
  ["src/cli", "src/train", "src/models", "src/nn", "src/data", "src"],
];

for (const folders of groups) {
  test(`docs/design.md names every file of ${folders.join(", ")}, and each imports only from the lines below its own`, () => {
    const lines: string[][] = [];
    for (const folder of folders) {
      const named = sketch(folder);
      const files = readdirSync(folder).filter((name) => name.endsWith(".ts"));
      assert.equal(named.flat().sort(), files.map((name) => name.slice(0, -3)).sort());
      lines.push(...named.map((names) => names.map((name) => join(folder, name))));
    }
    for (const [line, files] of lines.entries()) {
      for (const file of files) {
        for (const other of importsOf(file)) {
          const below = lines.findIndex((candidates) => candidates.includes(other));
          assert.ok(below > line, `${file} imports ${other}`);
        }
      }
    }
  });
}

test("the nn kernels use of the attention kernels what stands below its matmul and softmax, and these nothing of theirs", () => {
  const lines = sketch("assembly");
  const top = lines.findIndex((names) => names.includes("softmax"));
  const below = lines.slice(top + 1).flat();
  for (const name of readdirSync("assembly/nn")) {
    const from = [...readFileSync(`assembly/nn/${name}`, "utf8").matchAll(/from "\.\.\/([^"]+)"/g)].map((m) => m[1]!);
    for (const other of from) assert.ok(below.includes(other), `assembly/nn/${name} imports ../${other}`);
  }
  for (const name of readdirSync("assembly").filter((file) => file.endsWith(".ts"))) {
    assert.not.ok(readFileSync(`assembly/${name}`, "utf8").includes('from "./nn/'), name);
  }
});

test.run();
