// Programs that the tests start: each in a process group of its own, so that whatever it starts ends with it.
import { spawn, spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";
import { strict } from "./programs.mjs";

const running = new Set();
const windows = process.platform === "win32";

function signal(child, name) {
  try {
    if (windows)
      spawnSync("taskkill", ["/pid", String(child.pid), "/t", "/f"], { stdio: "ignore" }); // it has no groups
    else process.kill(-child.pid, name);
  } catch {
    // The group has ended.
  }
}

process.on("exit", () => {
  for (const child of running) signal(child, "SIGKILL");
});
for (const name of ["SIGINT", "SIGTERM"]) process.on(name, () => process.exit(1));

/** Starts a program. `ended` resolves to how it ended, in words, when its streams are closed. */
export function start(file, args, options = {}) {
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"], ...options, detached: !windows });
  running.add(child);
  const ended = new Promise((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code, name) => resolve(name ?? `exit code ${code}`));
  });
  return { child, ended: ended.finally(() => running.delete(child)) };
}

/** Ends a program and all that it started: politely, then not. */
export async function stop({ child, ended }) {
  if (child.pid === undefined) return;
  signal(child, "SIGTERM");
  await Promise.race([ended, sleep(2000, undefined, { ref: false })]);
  signal(child, "SIGKILL");
  await ended;
}

/**
 * Runs a program whose last line "@result JSON" is what became of its tests, and prints the others after `prefix`. Without such a line, after
 * `limit` ms and with an exit code of its own it has failed.
 */
export async function runTests(name, file, args, limit, prefix = "") {
  const program = start(file, args);
  let line = "";
  let result;
  program.child.stdout.setEncoding("utf8").on("data", (text) => {
    const lines = (line + text).split("\n");
    line = lines.pop();
    for (const full of lines) {
      if (full.startsWith("@result ")) result = JSON.parse(full.slice("@result ".length));
      else if (full !== "") console.log(prefix + full);
    }
  });
  const timer = setTimeout(() => stop(program), limit);
  const end = await program.ended;
  clearTimeout(timer);
  const crashed = result === undefined || (end !== "exit code 0" && result.failed === 0);
  if (crashed) console.log(`${name}: ended early: ${end}`);
  return { runtime: name, passed: 0, skipped: 0, failed: 0, ...result, ...(crashed && { failed: 1 }) };
}

/** Failures that have been printed, with the host that had them first. */
const printed = new Map();

/** Prints what failed, in full where no host before failed alike. Colours are those that uvu gives where it sees no terminal. */
export function report(result) {
  for (const error of result.errors ?? []) {
    const text = stripVTControlCharacters(error);
    const [failure] = text.split("\n    at ");
    const first = printed.get(failure);
    printed.set(failure, first ?? result.runtime);
    console.log(`${result.runtime}\n${first === undefined ? text : `${text.split("\n")[0]}, as in ${first}`}`);
  }
  return result;
}

/**
 * Adds up results and says what they are. Nothing that ran is a failure, and so is a host that is not there where CI is set. Tests
 * that were left out because their data is not beside the repository say so and are none.
 */
export function conclude(results) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  const absent = results.filter(({ reason }) => reason !== undefined);
  for (const { runtime, reason, ...counts } of results) {
    const ran = counts.passed + counts.failed;
    if (reason !== undefined) console.log(`${runtime}: skipped: ${reason}`);
    else console.log(`${runtime}: ${ran} tests${ran === 0 ? ", which is a failure" : ""}`);
    if (reason === undefined && ran === 0) total.failed++;
    for (const key of Object.keys(total)) total[key] += counts[key];
  }
  console.log(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ""}`);
  if (strict && absent.length > 0) console.log("CI is set: a host that is skipped is a failure");
  process.exitCode = total.failed > 0 || (strict && absent.length > 0) ? 1 : 0;
}

/** The result of a host that is not there. */
export const missing = (runtime, reason) => ({ runtime, reason, passed: 0, failed: 0, skipped: 1 });
