// npm run size [-- DIR...]: bytes of the kernels and of the entries that hold them, as they are and compressed, in this checkout
// or in others, which are built.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { build, root } from "./build.mjs";

const KERNELS = ["kernels.wasm", "kernels.relaxed.wasm", "kernels.threads.wasm", "kernels.threads-relaxed.wasm"];

/** Raw, gzip and brotli (both at their best, which is brotli's default), then the same of the bytes in base64, as entries hold them. */
function sizes(bytes) {
  const inlined = Buffer.from(bytes.toString("base64"));
  return [bytes, inlined].flatMap((data) =>
    [data, gzipSync(data, { level: 9 }), brotliCompressSync(data)].map((x) => x.length),
  );
}

const line = (name, cells) => console.log(name.padEnd(34) + cells.map((cell) => String(cell).padStart(9)).join(""));

const folders = process.argv.slice(2);
if (folders.length === 0) await build();
for (const folder of folders.length > 0 ? folders : [root]) {
  line(folder === root ? "" : folder, ["raw", "gzip", "brotli", "base64", "gzip", "brotli"]);
  for (const name of KERNELS) line(name, sizes(readFileSync(join(folder, "dist", name))));
}
