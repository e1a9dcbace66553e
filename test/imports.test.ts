/** The import sketch of docs/design.md against the sources. */
import { readdirSync, readFileSync } from "node:fs";
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

/** What a file of the folder imports from it, generated files and folders inside aside; of src without what only names types. */
function importsOf(folder: string, name: string): string[] {
  const text = readFileSync(`${folder}/${name}.ts`, "utf8");
  const statements = [...text.matchAll(/^(?:import|export)\s+([^;"]*?)\s*from "\.\/([\w-]+)(?:\.js)?";/gm)];
  return statements.filter(([, what]) => !/^(type\b|\{(\s*type \w+,?)+\s*\}$)/.test(what!)).map(([, , from]) => from!);
}

for (const folder of ["assembly", "assembly/nn", "src"]) {
  test(`docs/design.md names every file of ${folder}, and each imports only from the lines below its own`, () => {
    const lines = sketch(folder);
    const files = readdirSync(folder).filter((name) => name.endsWith(".ts"));
    assert.equal(lines.flat().sort(), files.map((name) => name.slice(0, -3)).sort());
    for (const [line, names] of lines.entries()) {
      for (const name of names) {
        for (const other of importsOf(folder, name)) {
          const below = lines.findIndex((candidates) => candidates.includes(other));
          assert.ok(below > line, `${folder}/${name} imports ${other}`);
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
