/** Programs of other hosts, for tests that start them: where they are, and what happens where they are not. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, resolve } from "node:path";
import { test } from "uvu";

/** Names of a program, and how it is had. */
const PROGRAMS = {
  bun: { names: ["bun"], how: "npm ci in test/hosts" },
  workerd: { names: ["workerd"], how: "npm ci in test/hosts" },
  chromium: {
    names: ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"],
    how: "apt-get install chromium",
  },
};

type Program = keyof typeof PROGRAMS;

/** In what npm installs in test/hosts, or on the path. */
function find(program: Program): string | undefined {
  const own = `test/hosts/node_modules/${program}-${process.platform}-${process.arch}/bin`;
  const folders = [own, ...(process.env.PATH ?? "").split(delimiter)];
  const candidates = folders.flatMap((folder) => PROGRAMS[program].names.map((name) => resolve(folder, name)));
  return candidates.find((file) => existsSync(file));
}

/**
 * A test that needs `program`, run once, from Node. Without the program it is skipped and says so; where CI is "true" it
 * fails.
 */
export function testWith(program: Program, title: string, body: (file: string) => Promise<void>): void {
  if ("Deno" in globalThis) return;
  const file = find(program);
  const missing = `${program} is missing (${PROGRAMS[program].how})`;
  if (file !== undefined) test(title, () => body(file));
  else if (process.env.CI === "true") {
    test(title, () => {
      throw new Error(missing);
    });
  } else {
    console.log(`skipped, ${missing}: ${title}`);
    test.skip(title);
  }
}

export interface Output {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end, in the repository's root; killed after a minute (code null). */
export function run(file: string, args: readonly string[]): Promise<Output> {
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"], timeout: 60_000, killSignal: "SIGKILL" });
  const output: Output = { code: null, stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text) => {
    output.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    output.stderr += text;
  });
  return new Promise((done, failed) => {
    child.on("error", failed);
    child.on("close", (code) => done({ ...output, code }));
  });
}

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
