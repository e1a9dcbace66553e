// Programs of this machine, for tests: where one is, whether one may be missing, and what one says.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** The first of `names` that is on the path. */
export const onPath = (...names) =>
  names
    .flatMap((name) => (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, name)))
    .find((file) => existsSync(file));

/** The browser, if there is one. CHROMIUM names another of that family. */
export const chromium = () =>
  process.env.CHROMIUM ?? onPath("chromium", "chromium-browser", "google-chrome-stable", "google-chrome");

/** Whether CI is set: nothing may be missing then. */
export const strict = !["", "false"].includes(process.env.CI ?? "");

/** Runs a program and resolves to its exit code and output. It has no standard input, and `timeout` ms; then its code is null. */
export function run(command, args, { cwd, env = {}, timeout = 120_000 } = {}) {
  return new Promise((resolve, reject) => {
    const limit = { timeout, killSignal: "SIGKILL" };
    const options = { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"], ...limit };
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
