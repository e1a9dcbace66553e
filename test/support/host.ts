/** The host made to misbehave, and programs of their own, for the tests of threads. */
import type * as WorkerThreads from "node:worker_threads";
import { run } from "../../scripts/programs.mjs";

/** Runs `body` with other values in the place of properties of `target`. */
export async function replacing<T extends object, R>(
  target: T,
  values: { [name in keyof T]?: unknown },
  body: () => R,
): Promise<Awaited<R>> {
  const names = Object.keys(values) as (keyof T)[];
  const before = names.map((name) => Object.getOwnPropertyDescriptor(target, name));
  for (const name of names)
    Object.defineProperty(target, name, { value: values[name], configurable: true, writable: true });
  try {
    return await body();
  } finally {
    names.forEach((name, n) => {
      if (before[n] === undefined) delete target[name];
      else Object.defineProperty(target, name, before[n]);
    });
  }
}

/** Runs `body` with another class Worker in node:worker_threads, and returns what it warned about. */
export async function withWorkers(
  make: (Original: typeof WorkerThreads.Worker) => unknown,
  body: () => unknown,
): Promise<string[]> {
  const get = process.getBuiltinModule.bind(process);
  const threads = get("node:worker_threads");
  const getBuiltinModule = (name: string): unknown =>
    name === "node:worker_threads" ? { ...threads, Worker: make(threads.Worker) } : get(name);
  return warnings(() => replacing(process, { getBuiltinModule }, body));
}

/** What `body` warns about. */
export async function warnings(body: () => unknown): Promise<string[]> {
  const found: string[] = [];
  await replacing(console, { warn: (text: string) => found.push(text) }, body);
  return found;
}

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs the text of a module, which imports the built package as "laser-attention/FILE.js", in this runtime; killed after 30 seconds (code null). */
export function runProgram(source: string): Promise<Ended> {
  const dist = new URL("../../dist/", import.meta.url).href;
  const text = source.replaceAll("laser-attention/", dist);
  const deno = ["eval", "--no-config", "--no-lock", text];
  const args = "Deno" in globalThis ? deno : ["--input-type=module", "-e", text];
  return run(process.execPath, args, { timeout: 30_000 });
}
