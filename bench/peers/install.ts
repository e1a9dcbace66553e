/** The folder bench/peers as npm sees it: what is installed, in which version, and how much it takes. */
import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isInstalled } from "../../scripts/install.mjs";

const folder = "bench/peers";
const npm = (args: readonly string[], cwd = "."): string =>
  execFileSync("npm", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });

/**
 * Installs what package-lock.json pins, unless that is what lies there. No install scripts: the only one, of onnxruntime-node,
 * fetches files for GPUs from elsewhere; its library for CPUs is in the package.
 */
export function install(): void {
  const modules = join(folder, "node_modules");
  // npm ci empties what a link leads to before it replaces the link: another checkout would lose its peers.
  if (lstatSync(modules, { throwIfNoEntry: false })?.isSymbolicLink()) {
    if (existsSync(join(modules, ".package-lock.json"))) return;
    throw new Error(
      "bench/peers/node_modules is a link to where nothing is installed: run npm ci there, or remove the link",
    );
  }
  if (isInstalled(folder)) return;
  console.log("Installing the peers into bench/peers/node_modules, 500 MB. This happens once.");
  npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder);
}

interface Manifest {
  version: string;
  dependencies?: Record<string, string>;
}
const manifest = (path: string): Manifest => JSON.parse(readFileSync(join(path, "package.json"), "utf8"));

/** Where `name` is found from the package at `from`: its own node_modules first, as Node does it. */
function locate(name: string, from: string): string {
  const nested = join(from, "node_modules", name);
  return from !== folder && existsSync(nested) ? nested : join(folder, "node_modules", name);
}

/** A package and all that it depends on. */
function closure(names: readonly string[]): Set<string> {
  const paths = new Set(names.map((name) => locate(name, folder)));
  for (const path of paths) {
    for (const name of Object.keys(manifest(path).dependencies ?? {})) paths.add(locate(name, path));
  }
  return paths;
}

/** Bytes of the files below a path, nested packages aside: these count where something depends on them. */
function bytesOf(path: string): number {
  let bytes = 0;
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.name === "node_modules") continue;
    bytes += entry.isDirectory() ? bytesOf(join(path, entry.name)) : lstatSync(join(path, entry.name)).size;
  }
  return bytes;
}

export interface Installed {
  version: string;
  bytes: number;
}

export function installed(packages: readonly string[]): Installed {
  const [first] = packages;
  if (first === undefined) return { version: "", bytes: 0 };
  if (first === "laser-attention") {
    const [packed] = JSON.parse(npm(["pack", "--dry-run", "--json", "--ignore-scripts"]));
    return { version: packed.version, bytes: packed.unpackedSize };
  }
  const bytes = [...closure(packages)].reduce((sum, path) => sum + bytesOf(path), 0);
  return { version: manifest(locate(first, folder)).version, bytes };
}
