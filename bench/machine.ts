/** Where and when numbers were taken. */
import { writeFileSync } from "node:fs";
import { arch, availableParallelism, cpus, platform, totalmem } from "node:os";
import { resolve } from "node:path";
import manifest from "../package.json";
import { clockStep } from "./measure.js";

const { versions } = process;
const flags = process.execArgv.filter((flag) => flag === "--experimental-wasm-revectorize");
const runtimes = {
  deno: `Deno ${versions.deno}, V8 ${versions.v8}`,
  bun: `Bun ${versions.bun}`,
  node: `${["Node", versions.node, ...flags].join(" ")}, V8 ${versions.v8}`,
};
const engine = versions.deno ? "deno" : versions.bun ? "bun" : "node";

export const environment = {
  machine: `${cpus()[0]?.model.trim() ?? "unknown processor"}, ${availableParallelism()} threads, ${Math.round(totalmem() / 2 ** 30)} GiB, ${platform()} ${arch()}`,
  engine,
  runtime: runtimes[engine],
  date: new Date().toISOString().slice(0, 10),
  clockStep,
  versions: {
    "laser-attention": manifest.version,
    assemblyscript: manifest.devDependencies.assemblyscript,
    tinybench: manifest.devDependencies.tinybench,
  } as Record<string, string>,
};

export type Environment = typeof environment;

/** FILE as given on the command line, where npm changes the folder. */
export const inPlace = (file: string): string => resolve(process.env.INIT_CWD ?? "", file);

export function writeJson(file: string, value: unknown): void {
  writeFileSync(inPlace(file), `${JSON.stringify(value, null, 2)}\n`);
}
