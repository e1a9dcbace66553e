// What the tests in this folder share: where things are, how to run a program, what to do where something is missing.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../..", import.meta.url));
export const here = fileURLToPath(new URL("..", import.meta.url));

/**
 * What main.mjs has prepared: `folder` is an empty place for projects, `tarball` the packed package, `registry` the address
 * that serves it, and `installed` the package as npm has installed it in `project`.
 */
export const context = () => JSON.parse(process.env.PACKAGE_TEST ?? fail("run npm run test:package"));

/** Runs a program and resolves to its exit code and output. It has no standard input and two minutes. */
export function run(command, args, { cwd = root, env = {} } = {}) {
  return new Promise((resolve, reject) => {
    const options = { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"], timeout: 120_000 };
    const child = spawn(command, args, options);
    const ended = { code: null, stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"]) {
      child[name].setEncoding("utf8").on("data", (text) => {
        ended[name] += text;
      });
    }
    child.on("error", reject);
    child.on("close", (code) => resolve({ ...ended, code }));
  });
}

/** The same, but anything other than exit code 0 is an error that shows the output. Resolves to standard output. */
export async function succeed(command, args, options) {
  const { code, stdout, stderr } = await run(command, args, options);
  if (code === 0) return stdout;
  throw new Error(`${[command, ...args].join(" ")}: exit code ${code}\n${stdout}${stderr}`);
}

/** The first of `names` that is on the path. */
export function onPath(...names) {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path));
}

/** Skips a test for want of something, and says so; where CI is set, nothing may be missing. */
export function missing(t, what) {
  if (process.env.CI) fail(`${what}, and CI is set`);
  t.skip(what);
}

export function fail(why) {
  throw new Error(why);
}
