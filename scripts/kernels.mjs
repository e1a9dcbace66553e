// The kernels: assembly -> build/, by asc and Binaryen.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { at, fingerprint, when, write } from "./files.mjs";

/** Builds of the kernels and what the names of the files end with that they are shipped as. */
export const TARGETS = {
  release: ".wasm",
  relaxed: ".relaxed.wasm",
  threads: ".threads.wasm",
  "threads-relaxed": ".threads-relaxed.wasm",
};

/**
 * The modules of kernels, which share one memory: their static data must lie apart (test/kernels.test.ts). `generated` is the
 * stem of the sources made from them.
 */
export const MODULES = [
  { name: "kernels", folder: "assembly", memoryBase: 0, generated: "kernel", types: "Kernels" },
  { name: "nn", folder: "assembly/nn", memoryBase: 4096, generated: "nn-kernel", types: "NnKernels" },
];

/**
 * One asc run: `entry` becomes build/`name`.wasm, and but for the debug build a text, on which Binaryen's passes run. Both are
 * imported only when something has to be compiled.
 */
async function compile(target, entry, name, ...more) {
  const { default: asc } = await import("assemblyscript/asc");
  const files = {};
  const text = target === "debug" ? undefined : `build/${name}.wat`;
  const output = ["--outFile", `build/${name}.wasm`, ...(text === undefined ? [] : ["--textFile", text])];
  const { error, stderr } = await asc.main(
    [entry, "--config", "asconfig.json", "--target", target, ...output, ...more],
    {
      readFile: (name, base) => (existsSync(join(base, name)) ? readFileSync(join(base, name), "utf8") : null),
      writeFile: (name, contents) => {
        files[name] = contents;
      },
    },
  );
  const report = stderr.toString();
  if (report) process.stderr.write(report);
  if (error) throw new Error(`asc failed on target ${target}`, { cause: error });
  if (text !== undefined) {
    const { optimize } = await import("./optimize.mjs");
    const optimized = optimize(files[text]);
    files[text] = optimized.text;
    files[text.replace(/wat$/, "wasm")] = optimized.wasm;
  }
  for (const [name, contents] of Object.entries(files)) write(at(name), contents);
}

export async function buildKernels() {
  const tools = [
    "asconfig.json",
    "scripts/kernels.mjs",
    "scripts/optimize.mjs",
    "node_modules/assemblyscript/package.json",
  ];
  for (const { name, folder, memoryBase } of MODULES) {
    // The kernels of a folder may use those of the folders above, never the other way round (test/imports.test.ts).
    const sources = MODULES.filter((module) => folder.startsWith(module.folder)).flatMap((module) => sourcesOf(module));
    const inputs = fingerprint(...sources, ...tools);
    const build = (target, entry, file) =>
      when(`${file} ${target}`, inputs, [`build/${file}.${target}.wasm`], () =>
        compile(target, `${folder}/${entry}.ts`, `${file}.${target}`, "--memoryBase", `${memoryBase}`),
      );
    const probe = name === "kernels" ? "probe" : `${name}-probe`;
    for (const target of ["debug", ...Object.keys(TARGETS)]) {
      await build(target, "index", name);
      if (target === "release" || target === "relaxed") await build(target, "probe", probe);
    }
  }
}

const sourcesOf = ({ folder }) =>
  readdirSync(at(folder))
    .filter((file) => file.endsWith(".ts"))
    .map((file) => `${folder}/${file}`);
