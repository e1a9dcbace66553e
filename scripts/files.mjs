// Files of the checkout, and steps that make some of them from others.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
export const at = (...path) => join(root, ...path);

/** Of the package. */
export const { version } = JSON.parse(readFileSync(at("package.json"), "utf8"));

const STAMP = at("build/stamp.json");

/** Writes a file whole, and only when it differs. */
export function write(file, contents) {
  const bytes = Buffer.from(contents);
  if (existsSync(file) && readFileSync(file).equals(bytes)) return;
  mkdirSync(dirname(file), { recursive: true });
  const half = `${file}.${process.pid}`;
  writeFileSync(half, bytes);
  renameSync(half, file);
}

/** Names and contents of all files under the given paths, as one hash. */
export function fingerprint(...paths) {
  const hash = createHash("sha256");
  for (const path of paths) {
    const files = /\.\w+$/.test(path)
      ? [path]
      : readdirSync(at(path), { recursive: true }).map((name) => `${path}/${name}`);
    for (const file of files.filter((name) => /\.\w+$/.test(name)).sort())
      hash.update(file).update(readFileSync(at(file)));
  }
  return hash.digest("hex");
}

const readStamp = () => (existsSync(STAMP) ? JSON.parse(readFileSync(STAMP, "utf8")) : {});

/** Runs `step` unless its inputs hash as they did the last time and its outputs are all there. */
export async function when(name, inputs, outputs, step) {
  if (readStamp()[name] === inputs && outputs.every((file) => existsSync(at(file)))) return;
  await step();
  write(STAMP, JSON.stringify({ ...readStamp(), [name]: inputs }, null, 2));
}
