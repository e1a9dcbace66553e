// What the package weighs: the tarball, and what npm has installed of it, against budgets.mjs.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";
import { BUDGETS } from "./budgets.mjs";
import { context } from "./support/context.mjs";
import { filesOf } from "./support/entries.mjs";

const { installed, tarball } = context();

/** The bytes behind a row of the table. */
function bytesOf({ files }) {
  if (files === "tarball") return readFileSync(tarball);
  const file = join(installed, "dist", files);
  return Buffer.concat([...(file.endsWith(".js") ? filesOf(file) : [file])].map((name) => readFileSync(name)));
}

const brotli = (bytes) =>
  brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  }).length;

const measured = BUDGETS.map((row) => {
  const bytes = bytesOf(row);
  return { ...row, raw: bytes.length, brotli: row.files === "tarball" ? Number.NaN : brotli(bytes) };
});

const line = (what, ...cells) => what.padEnd(30) + cells.map((cell) => String(cell ?? "").padStart(10)).join("");
console.log(line("bytes", "", "measured", "limit", "goal"));
for (const row of measured) console.log(line(row.what, row.measure, row[row.measure], row.limit, row.goal));

/** What the tarball is made of, each file compressed by itself. */
const groups = {
  command: /cli\.js$/,
  kernels: /\.wasm$/,
  declarations: /\.d\.ts$/,
  text: /\.(md|svg)$/,
};
const parts = new Map();
for (const name of readdirSync(installed, { recursive: true })) {
  const file = join(installed, name);
  if (!statSync(file).isFile()) continue;
  const group = Object.keys(groups).find((group) => groups[group].test(name)) ?? "entries";
  parts.set(group, (parts.get(group) ?? 0) + gzipSync(readFileSync(file), { level: 9 }).length);
}
for (const [group, bytes] of parts) console.log(line(`of the tarball: ${group}`, "gzip", bytes));

for (const row of measured) {
  test(`${row.what} takes at most ${row.limit} bytes (${row.measure})`, () => {
    assert.ok(row[row.measure] <= row.limit, `it takes ${row[row.measure]}`);
  });
}

test("the README's sizes are those of the entries as a bundler leaves them, to a twentieth", async () => {
  const readme = readFileSync(join(installed, "README.md"), "utf8");
  const sizes = [
    ...["laser-attention", "laser-attention/relaxed", "laser-attention/threads", "laser-attention/slim"].map(
      (entry) => [[entry], new RegExp(`^\\| \`${entry}\` \\|[^|]*\\| ([\\d.]+) KB`, "m")],
    ),
    [["laser-attention/nn"], /`laser-attention\/nn` \(([\d.]+) KB\)/],
    [["laser-attention/nn", "laser-attention/models"], /`laser-attention\/models` \(([\d.]+) KB with it\)/],
  ];
  for (const [entries, said] of sizes) {
    const files = entries.map((entry) => measured.find(({ what }) => what === entry).files);
    const contents = files.map((file) => `export * from "./dist/${file}";`).join("");
    const stdin = { contents, resolveDir: installed };
    const { outputFiles } = await build({ stdin, bundle: true, minify: true, format: "esm", write: false });
    const size = brotli(outputFiles[0].contents);
    const [, kilobytes] = said.exec(readme) ?? [];
    const off = Math.abs(1000 * kilobytes - size) - 50; // the README rounds to tenths of a KB
    assert.ok(off <= 0.05 * size, `${files}: ${kilobytes} KB for ${size} bytes`);
  }
});

test("a limit that could be lower is lowered: no more than a twentieth above what is measured", () => {
  for (const row of measured) assert.ok(row.limit <= 1.05 * row[row.measure] + 50, `${row.what}: ${row[row.measure]}`);
});
