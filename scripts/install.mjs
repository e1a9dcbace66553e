// Folders with a package.json of their own: what their lockfile pins is installed when a program that needs it first runs.
import { execFileSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";

/** Whether what lies in `folder` is as new as its lockfile. */
export function isInstalled(folder) {
  const installed = join(folder, "node_modules/.package-lock.json");
  const time = (file) => statSync(file).mtimeMs;
  return existsSync(installed) && time(installed) >= time(join(folder, "package-lock.json"));
}

/** Runs `npm ci` in `folder`, unless all is there. */
export function install(folder) {
  if (isInstalled(folder)) return;
  console.log(`Installing the tools of ${folder}. This happens once.`);
  execFileSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: folder, stdio: ["ignore", "inherit", "inherit"] });
}
