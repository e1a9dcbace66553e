// What the package weighs: the tarball, and what npm has installed of it, against budgets.mjs.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { brotliCompressSync, constants } from "node:zlib";
import { BUDGETS } from "./budgets.mjs";
import { context } from "./support/context.mjs";
import { filesOf } from "./support/entries.mjs";

const { installed, tarball } = context();

/** The bytes behind a row of the table. */
function bytesOf({ files }) {
  if (files === "tarball") return readFileSync(tarball);
  const file = join(installed, "dist", files);
  return file.endsWith(".js")
    ? Buffer.concat([...filesOf(file)].map((name) => readFileSync(name)))
    : readFileSync(file);
}

const brotli = (bytes) =>
  brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  }).length;

const measured = BUDGETS.map((row) => {
  const bytes = bytesOf(row);
  return { ...row, raw: bytes.length, brotli: row.files === "tarball" ? Number.NaN : brotli(bytes) };
});

const table = measured.map(({ what, raw, brotli, measure, limit }) => {
  const cells = [raw, Number.isNaN(brotli) ? "" : brotli, `${limit} ${measure}`].map((cell) =>
    String(cell).padStart(14),
  );
  return what.padEnd(30) + cells.join("");
});
console.log(
  ["bytes".padEnd(30) + ["raw", "brotli", "limit"].map((cell) => cell.padStart(14)).join(""), ...table].join("\n"),
);

for (const row of measured) {
  test(`${row.what} takes at most ${row.limit} bytes (${row.measure})`, () => {
    assert.ok(row[row.measure] <= row.limit, `it takes ${row[row.measure]}`);
  });
}
