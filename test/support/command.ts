/** dist/cli.js in a process of its own, in the runtime that runs the test. */
import { type ChildProcess, type ChildProcessByStdio, type StdioOptions, spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";

/** Where it runs. */
export const folder = mkdtempSync(join(tmpdir(), "laser-attention-"));
export const at = (...path: string[]): string => join(folder, ...path);

const command = [
  ...("Deno" in globalThis ? ["run", "-A", "--no-config", "--no-lock"] : []),
  fileURLToPath(new URL("../../dist/cli.js", import.meta.url)),
];

/** Runs the command in `folder`; `onText` may send a signal or close its output, which `output` may send to a file, or to nobody ("closed"). */
export function run(args: string[], onText?: (child: ChildProcess) => void, output = "") {
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve, reject) => {
    const [program, ...given] = [process.execPath, ...command, ...args];
    const stdio: StdioOptions = ["ignore", "pipe", "pipe"];
    const child = (
      output === "" || output === "closed"
        ? spawn(program!, given, { cwd: folder, stdio })
        : spawn("sh", ["-c", `exec "$@" > ${output}`, "sh", program!, ...given], { cwd: folder, stdio })
    ) as ChildProcessByStdio<null, Readable, Readable>;
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      onText?.(child);
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    if (output === "closed") child.stdout.destroy();
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

/** The output of a run that ends well. */
export async function ok(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(args);
  assert.is(code, 0, `${args.join(" ")}\n${stdout}${stderr}`);
  return stdout;
}
