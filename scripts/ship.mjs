// What is shipped: src -> dist/, by esbuild.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, relative } from "node:path";
import { build } from "esbuild";
import { at, root, version, write } from "./files.mjs";

/** The files of the package that users import. */
export const ENTRIES = ["index", "relaxed", "slim", "threads", "nn/index", "models/index"];

/** The same for edge workers. */
export const EDGE_ENTRIES = ["index", "relaxed", "threads", "nn"].map((name) => `workerd/${name}`);

/**
 * Minified, names too (docs/design.md, "The package"). Lines end after some 600 characters, since Node prints the line that threw above an
 * error's message; that takes 0.1 KB.
 */
const shipped = {
  absWorkingDir: root,
  outdir: "dist",
  bundle: true,
  minify: true,
  lineLimit: 600,
  target: "es2022",
  write: false,
};

/** A class that users see has an example (test/package/documentation.test.mjs). */
const PUBLIC_CLASS = /@example(?:(?!\*\/)[\s\S])*\*\/\r?\n(?:\/\/.*\n)?export (?:abstract )?class (\w+)[^{]*\{/g;

/**
 * A plugin that gives public classes their names as a string, which no minifier changes: messages and consoles show it. A static field is no
 * effect of the module, as a call or a static block would be, so bundlers leave out classes that nobody uses.
 */
export const named = {
  name: "names of classes",
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, "utf8");
      const contents = text.replace(PUBLIC_CLASS, '$& static name = "$1";');
      return { contents, loader: "ts" };
    });
  },
};

/** The program of a worker thread as one string. */
export async function bundleWorker() {
  const options = { ...shipped, entryPoints: ["src/worker.ts"], format: "iife" };
  return (await build(options)).outputFiles[0].text;
}

/**
 * The entries with what they share in chunks, and the worker as a file of its own, which users may copy. Edge workers
 * import the kernels as modules.
 */
export async function bundleEntries() {
  const entryPoints = [...ENTRIES, ...EDGE_ENTRIES].map((name) => `src/${name}.ts`);
  const esm = { ...shipped, format: "esm", sourcemap: "external", plugins: [kernelMarks, named] };
  const entries = { ...esm, entryPoints, outbase: "src", external: ["*.wasm?module"], splitting: true, metafile: true };
  const [split, worker] = await Promise.all([
    build({ ...entries, chunkNames: "shared-[hash]" }),
    build({ ...esm, entryPoints: ["src/worker.ts"] }),
  ]);
  const files = [...nameChunks(split), ...worker.outputFiles];
  for (const { path, text } of files) {
    const name = relative(at("dist"), path).replaceAll("\\", "/");
    const typed = TYPED.has(name.replace(/\.map$/, ""));
    if (name.endsWith(".map")) {
      write(at(MAPS, name), ownMap(text, typed));
      continue;
    }
    const code = withDigits(text.replace(BARE, (found) => " ".repeat(found.length)));
    const contents = typed ? selfTyped(name, code) : code;
    write(path, contents);
  }
  const kept = new Set(["cli.js", ...files.map(({ path }) => basename(path))]);
  const isStale = (name) => name.endsWith(".map") || (/^[^/\\]+\.js$/.test(name) && !kept.has(name));
  for (const name of readdirSync(at("dist"), { recursive: true }).filter(isStale)) rmSync(at("dist", name));
  for (const name of readdirSync(at(MAPS)).filter((name) => name.endsWith(".map") && !kept.has(name)))
    rmSync(at(MAPS, name));
}

/**
 * Chunks, named by version and files, kernels first: the tarball's order and size stay where code changes, and no cache has a chunk of
 * another release. As long as esbuild's names, which keeps the columns of source maps.
 */
function nameChunks({ outputFiles, metafile }) {
  const names = new Map();
  for (const [path, { inputs }] of Object.entries(metafile.outputs)) {
    const [, name] = /\b(shared-\w{8})\.js$/.exec(path) ?? [];
    const files = Object.keys(inputs).sort().join();
    const hash = createHash("sha256").update(`${version}${files}`).digest("hex");
    if (name !== undefined) names.set(name, `shared-${/kernels\b/.test(files) ? 0 : 1}${hash.slice(0, 7)}`);
  }
  if (new Set(names.values()).size < names.size) throw new Error("two chunks have one name");
  const renamed = (text) => text.replace(/\bshared-\w{8}\b/g, (name) => names.get(name) ?? name);
  return outputFiles.map(({ path, text }) => ({ path: renamed(path), text: renamed(text) }));
}

/**
 * Imports of chunks for their effects, of which they have none: users' esbuild warns about them. Blanks keep the columns of the
 * source map.
 */
const BARE = /\bimport"[^"]+\/shared-\w+\.js";/g;

/** Files that JSR and Deno import by name; what their first line says is how those find the declarations. */
const TYPED = new Set([...ENTRIES, "worker"].map((name) => `${name}.js`));

const selfTyped = (name, text) => `/* @ts-self-types="./${basename(name, "js")}d.ts" */\n${text}`;

/**
 * Where source maps of dist lie. They are for this checkout's own programs (bundle.mjs) and not shipped: without the text of the sources
 * bundlers warn of each file that is missing, and with it they are as large as half of the tarball.
 */
export const MAPS = "build/maps";

/** A source map as it lies there, a folder further down; and one line further down if `shifted`. */
function ownMap(text, shifted) {
  const map = JSON.parse(text);
  map.sources = map.sources.map((source) => `../${source}`);
  if (shifted) map.mappings = `;${map.mappings}`;
  return JSON.stringify(map);
}

/** A plugin by which the modules of kernels in hexadecimal digits hold something else: what `contents` makes of the file's name in dist. */
const insteadOfKernels = (name, contents) => ({
  name,
  setup({ onLoad }) {
    onLoad({ filter: /generated[\\/](nn-)?kernels\b.*\.ts$/ }, ({ path }) => {
      return { contents: contents(`${basename(path, "ts").replace(/^nn-kernels/, "nn")}wasm`) };
    });
  },
});

/** The command reads the kernels that lie beside it: inside, they would take 100 KB of the tarball once more. */
const kernelFiles = insteadOfKernels("kernel files", (file) => {
  const bytes = `readFileSync(new URL("./${file}", import.meta.url))`;
  return `import { readFileSync } from "node:fs";\nexport const hex = () => ${bytes}.toString("hex");`;
});

/**
 * Digits come in last, from a function at the end of the file: esbuild would break them into lines, which compress badly. A call as long as
 * its mark keeps the columns of the source map.
 */
const kernelMarks = insteadOfKernels("kernel marks", (file) => `export const hex = () => "@${file}@";`);
const MARK = /"@([^"@\s]+)@"/g;

function withDigits(code) {
  const functions = [];
  const text = code.replace(MARK, (mark, file) => {
    const name = file.replace(/\W/g, "_");
    functions.push(`function ${name}(){return"${readFileSync(at("dist", file), "hex")}"}\n`);
    return `${name}()`.padEnd(mark.length);
  });
  if (/"@\S+\.wasm/.test(text)) throw new Error("a mark of kernels was broken");
  return text + functions.join("");
}

/** The command, with the libraries it uses and their licences, in one file. */
export async function bundleCommand() {
  const { outputFiles, metafile } = await build({
    ...shipped,
    entryPoints: { cli: "src/cli/main.ts" },
    format: "esm",
    platform: "node",
    legalComments: "eof",
    metafile: true,
    plugins: [kernelFiles, named],
    // Libraries in CommonJS ask for modules of Node by require.
    banner: {
      js: '#!/usr/bin/env node\nimport { createRequire } from "node:module";\nconst require = createRequire(import.meta.url);',
    },
  });
  const packages = new Set(
    Object.keys(metafile.inputs).flatMap((path) => path.match(/node_modules\/(@[^/]+\/)?[^/]+/)?.[0] ?? []),
  );
  const licences = [...packages].sort().map((folder) => {
    const file = readdirSync(at(folder)).find((name) => /^licen[cs]e/i.test(name));
    if (file === undefined) throw new Error(`${folder} has no file with its licence`);
    return `/*!\n${basename(folder)}\n\n${readFileSync(at(folder, file), "utf8").replaceAll("*/", "* /").trim()}\n*/\n`;
  });
  write(at("dist/cli.js"), outputFiles[0].text + licences.join(""));
}
