// The programs that npm installs into test/hosts.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const json = (path) => JSON.parse(readFileSync(path, "utf8"));

/** Where test/hosts has a program for this platform. */
export const place = (name) => `node_modules/${name}-${process.platform}-${process.arch}`;

/** What npm is to install, by place. */
export const locked = (folder) => json(join(folder, "package-lock.json")).packages;

/** A file of an installed package, and the package's version; undefined where it is not installed. */
export function find(path, file) {
  if (!existsSync(join(path, file))) return undefined;
  return { file: join(path, file), version: json(join(path, "package.json")).version };
}

/** A program of `folder`, test/hosts, in the version that package-lock.json pins. */
export function hosted(folder, name) {
  const found = find(join(folder, place(name)), `bin/${name.replace(/\d+$/, "")}`);
  return found?.version === locked(folder)[place(name)]?.version ? found : undefined;
}
