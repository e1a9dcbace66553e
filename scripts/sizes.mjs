// node scripts/sizes.mjs: what decided how the package is shipped (docs/design.md, "The package"): codes for the kernels inside
// an entry, by size and by the time a new process takes to decode them, and ways to minify the facade.
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";
import { build as bundle } from "esbuild";
import { build } from "./build.mjs";
import { at, root, write } from "./files.mjs";

await build();
const wasm = readFileSync(at("build/kernels.release.wasm"));

/** A character a byte for the 92 values from 0xfd over 0 to 0x58, which kernels use most; others take one of two prefixes. */
const dense = Array.from(wasm, (byte) => {
  const value = (byte + 3) & 255;
  return ["", "!", " "][Math.floor(value / 92)] + String.fromCharCode(35 + (value % 92));
}).join("");

const LOOP = `const bytes = new Uint8Array(text.length);
  let n = 0, page = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 35) page = (34 - code) * 92;
    else { bytes[n++] = code - 38 + page; page = 0; }
  }
  return bytes.subarray(0, n);`;

const codes = [
  { name: "as a file", text: wasm },
  { name: "hexadecimal", text: wasm.toString("hex"), decode: 'return Buffer.from(text, "hex");' },
  { name: "base64", text: wasm.toString("base64"), decode: 'return Buffer.from(text, "base64");' },
  { name: "one or two characters", text: dense, decode: LOOP },
];

/** Median over new processes, in ms; what is decoded must be the kernels. */
function decodingTime({ text, decode }) {
  const program = join(tmpdir(), `laser-attention-decode-${process.pid}.mjs`);
  const clock = "const start = performance.now(); const bytes = decode(text); const time = performance.now() - start;";
  const print = "console.log(JSON.stringify([time, Buffer.from(bytes).equals(Buffer.from(right, 'base64'))]));";
  const given = `const text = ${JSON.stringify(text)}; const right = "${wasm.toString("base64")}";`;
  write(program, `${given}\nfunction decode(text) {\n  ${decode}\n}\n${clock}\n${print}\n`);
  const times = Array.from({ length: 9 }, () => {
    const [time, right] = JSON.parse(execFileSync(process.execPath, [program], { encoding: "utf8" }));
    if (!right) throw new Error("what was decoded are not the kernels");
    return time;
  });
  rmSync(program);
  return times.sort((a, b) => a - b)[4].toFixed(2);
}

const line = (name, ...cells) => console.log(name.padEnd(28) + cells.map((cell) => String(cell).padStart(10)).join(""));

line("kernels, plain build", "bytes", "brotli", "decode ms");
for (const code of codes) {
  const bytes = Buffer.from(code.text);
  line(code.name, bytes.length, brotliCompressSync(bytes).length, code.decode === undefined ? "" : decodingTime(code));
}

const options = { absWorkingDir: root, bundle: true, format: "esm", target: "es2022", write: false };
const bundled = async (files, more = {}) => {
  const text = files.map((file) => `export * from "./${file}";`).join("");
  const stdin = { contents: text, resolveDir: root };
  const [{ contents }] = (await bundle({ ...options, ...more, stdin })).outputFiles;
  return [contents.length, brotliCompressSync(contents).length];
};

line("facade, without kernels", "bytes", "brotli");
line("as written", ...(await bundled(["src/slim.ts"])));
line("names kept", ...(await bundled(["src/slim.ts"], { minifyWhitespace: true, minifySyntax: true })));
// As an app's bundler leaves it, which the README has too (bench/entries.ts).
line("entry, minified", "bytes", "brotli");
const entries = ["slim", "index", "relaxed", "threads"].map((name) => [name, [`dist/${name}.js`]]);
const nn = "dist/nn/index.js";
for (const [name, files] of [...entries, ["nn", [nn]], ["nn and models", [nn, "dist/models/index.js"]]]) {
  line(name, ...(await bundled(files, { minify: true })));
}
