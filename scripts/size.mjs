// npm run size [-- DIR...]: bytes of the kernels, as they are and compressed, in this checkout or in others, which are built. What
// entries make of them: sizes.mjs.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { build } from "./build.mjs";
import { root } from "./files.mjs";

/** Raw, gzip and brotli, both at their best, which is brotli's default. */
const sizes = (bytes) => [bytes, gzipSync(bytes, { level: 9 }), brotliCompressSync(bytes)].map((x) => x.length);

const line = (name, cells) => console.log(name.padEnd(34) + cells.map((cell) => String(cell).padStart(9)).join(""));

const folders = process.argv.slice(2);
if (folders.length === 0) await build();
for (const folder of folders.length > 0 ? folders : [root]) {
  line(folder === root ? "" : folder, ["raw", "gzip", "brotli"]);
  const dist = join(folder, "dist");
  for (const name of readdirSync(dist).filter((name) => name.endsWith(".wasm")))
    line(name, sizes(readFileSync(join(dist, name))));
}
