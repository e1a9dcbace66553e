/** The README's first table: what each entry is, what it weighs, how soon its first result is there, and how fast it is. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { brotliCompressSync } from "node:zlib";
import { percent } from "./report.js";
import { type BenchFile, duration, shortRuntime, table } from "./tables.js";

interface Entry {
  name: string;
  what: string;
  /** Its file in dist/. */
  file: string;
  /** Of dist/, what users serve beside it. */
  beside?: string;
  /** What the benchmark calls it, in starts and, unless `speed` says otherwise, in rows. */
  build: string;
  speed?: string;
}

const entries: readonly Entry[] = [
  { name: "laser-attention", what: "plain SIMD: the same bits in every engine", file: "index", build: "plain" },
  {
    name: "laser-attention/relaxed",
    what: "fused multiply-add where the engine has it, else the plain kernels",
    file: "relaxed",
    build: "relaxed",
  },
  {
    name: "laser-attention/threads",
    what: "attention shared between threads, here 2; plain or relaxed",
    file: "threads",
    build: "2 threads",
  },
  {
    name: "laser-attention/slim",
    what: "no kernels inside: bring `kernels.wasm` as a module, bytes or address",
    file: "slim",
    beside: "kernels.wasm",
    build: "slim",
    speed: "plain",
  },
];

// Not an import, which would be bundled with this program.
const esbuild: typeof import("esbuild") = createRequire(resolve("package.json"))("esbuild");
const brotli = (bytes: Uint8Array): string => `${(brotliCompressSync(bytes).length / 1000).toFixed(1)} KB`;

/** As an app's bundler leaves it: all of the entry in one file, minified. */
function size({ file, beside }: Entry): string {
  const options = { bundle: true, minify: true, format: "esm", write: false } as const;
  const { outputFiles } = esbuild.buildSync({ ...options, entryPoints: [`dist/${file}.js`] });
  return brotli(outputFiles[0]!.contents) + (beside ? ` + ${brotli(readFileSync(`dist/${beside}`))}` : "");
}

/** The row whose speed is shown. */
const SHAPE = "ViT H 6 N 197 D 64 standard forward";

export function entriesTable(files: readonly BenchFile[]): string {
  const find = <T>(of: (file: BenchFile) => T | undefined): T | undefined => files.map(of).find((x) => x !== undefined);
  const rows = entries.map((entry) => {
    const start = find((file) => file.start.find(({ build }) => build === entry.build));
    const speed = entry.speed ?? entry.build;
    const row = find((file) => file.rows.find(({ name, build }) => name === SHAPE && build === speed));
    if (row?.share === undefined) throw new Error(`no file has a row "${SHAPE}" of the build "${speed}"`);
    return [
      `\`${entry.name}\``,
      entry.what,
      size(entry),
      start ? duration(start.first) : "",
      `${duration(row.median)}, ${percent(row.share)}`,
    ];
  });
  const { machine, runtime, date } = files[0]!;
  return [
    table(["entry", "what it is", "size", "first result", "speed"], rows, 2),
    "Size: minified, kernels included, brotli. First result: import, `createSync` and one small call in a cold process. Speed: forward, " +
      `6 heads, 197 tokens, width 64 (ViT), and its share of what one thread can multiply and add. ${machine}; ${shortRuntime(runtime)}; ` +
      `${date}; [more](#speed), also [beside other libraries](#beside-other-libraries).`,
  ].join("\n\n");
}
