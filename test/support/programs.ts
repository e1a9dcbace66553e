/** Programs of other hosts, for tests that start them: where they are, and what happens where they are not. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "uvu";
import { chromium, onPath, run as runProgram, strict } from "../../scripts/programs.mjs";
import type { Ended } from "./host.js";

/** How a program is had. */
const HOW = {
  bun: "npm ci in test/hosts",
  workerd: "npm ci in test/hosts",
  chromium: "apt-get install chromium",
};

type Program = keyof typeof HOW;

/** In what npm installs in test/hosts, or on the path. */
function find(program: Program): string | undefined {
  if (program === "chromium") return chromium();
  const own = resolve(`test/hosts/node_modules/${program}-${process.platform}-${process.arch}/bin`, program);
  return existsSync(own) ? own : onPath(program);
}

/**
 * A test that needs `program`, run once, from Node. Without the program it is skipped and says so; where CI is set it fails.
 */
export function testWith(program: Program, title: string, body: (file: string) => Promise<void>): void {
  if ("Deno" in globalThis) return;
  const file = find(program);
  const missing = `${program} is missing (${HOW[program]})`;
  if (file !== undefined) test(title, () => body(file));
  else if (strict) {
    test(title, () => {
      throw new Error(missing);
    });
  } else {
    console.log(`skipped, ${missing}: ${title}`);
    test.skip(title);
  }
}

/** Runs a program to its end, in the repository's root; killed after a minute (code null). */
export const run = (file: string, args: readonly string[]): Promise<Ended> =>
  runProgram(file, args, { timeout: 60_000 });

/**
 * Starts a server, waits until its output matches `ready`, gives the first group to `body`, and ends the server. The output
 * is of both streams.
 */
export async function serving(
  file: string,
  args: readonly string[],
  ready: RegExp,
  body: (found: string) => Promise<void>,
): Promise<void> {
  const child: ChildProcess = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
  try {
    const found = await new Promise<string>((done, failed) => {
      let output = "";
      const take = (text: string): void => {
        output += text;
        const match = ready.exec(output)?.[1];
        if (match !== undefined) done(match);
      };
      child.stdout!.setEncoding("utf8").on("data", take);
      child.stderr!.setEncoding("utf8").on("data", take);
      child.on("error", failed);
      child.on("close", (code) => failed(new Error(`${file} ended with code ${code}: ${output}`)));
      setTimeout(() => failed(new Error(`${file} is not ready after 30 s: ${output}`)), 30_000).unref();
    });
    await body(found);
  } finally {
    child.kill("SIGKILL");
  }
}
