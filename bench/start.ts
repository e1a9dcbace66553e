/** A cold process: import, createSync and the first result, then what warmup() leaves to be gained. Node only. */
import { execFile } from "node:child_process";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { median } from "./measure.js";

export interface Start {
  build: string;
  /** ms from before the import of the built package to the first result. */
  first: number;
  /** ms that warmup() takes. */
  warmup: number;
  /** Time of the first calls after warmup() over that of later ones, the larger of both variants. */
  steady: number;
}

/** An entry to start: its file in dist/, and the kernels that it is brought, if any. */
export interface Starter {
  name: string;
  entry: string;
  wasm?: string;
}

const PROCESSES = 5;

/** Runs in the child, on the built package: what users import. */
const PROGRAM = `
  const start = performance.now();
  const [, entry, wasm] = process.argv;
  const { createSync } = await import(entry);
  const la = createSync(wasm && { wasm: process.getBuiltinModule("node:fs").readFileSync(new URL(wasm)) });
  const x = la.tensor(new Float32Array(16 * 16).fill(0.5), [1, 1, 16, 16]);
  la.attention(x, x, x, { variant: "laser" }).toArray();
  const first = performance.now() - start;
  const before = performance.now();
  await la.warmup();
  const warmup = performance.now() - before;
  const y = la.tensor(new Float32Array(2 * 197 * 64).fill(0.5), [1, 2, 197, 64]);
  const out = la.empty(y.shape);
  const timed = (variant, calls) => {
    const times = [];
    for (let n = 0; n < calls; n++) {
      const before = performance.now();
      la.attention(y, y, y, { variant, out });
      times.push(performance.now() - before);
    }
    return times.sort((a, b) => a - b)[calls >> 1];
  };
  const early = ["standard", "laser"].map((variant) => timed(variant, 9));
  await new Promise((resolve) => setTimeout(resolve, 100));
  const late = ["standard", "laser"].map((variant) => (timed(variant, 200), timed(variant, 9)));
  console.log(JSON.stringify({ first, warmup, steady: Math.max(early[0] / late[0], early[1] / late[1]) }));
`;

export async function measureStart({ name, entry, wasm }: Starter): Promise<Start> {
  const address = (file: string) => pathToFileURL(`dist/${file}`).href;
  const files = [address(`${entry}.js`), ...(wasm ? [address(wasm)] : [])];
  const runs: Omit<Start, "build">[] = [];
  for (let n = 0; n < PROCESSES; n++) {
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...process.execArgv,
      "--input-type=module",
      "-e",
      PROGRAM,
      ...files,
    ]);
    runs.push(JSON.parse(stdout));
  }
  const middle = (key: keyof Omit<Start, "build">) => median(runs.map((run) => run[key]));
  return { build: name, first: middle("first"), warmup: middle("warmup"), steady: middle("steady") };
}
