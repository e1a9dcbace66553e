/** What only a process of its own can tell: the time to a first result, and the most memory that it took. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Variant } from "../../src/index.js";
import { median } from "../measure.js";
import { smallShapes } from "../shapes.js";
import type { Peer } from "./peer.js";
import { attentionWorkload, growth } from "./workloads.js";

/** Runs this program as `PROGRAM child JOB ARGS`, which prints one line of JSON. */
export function inChild<T>(...args: readonly (string | number)[]): T {
  const out = execFileSync(process.execPath, [...process.execArgv, process.argv[1]!, "child", ...args.map(String)], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"], // what it says of an error becomes part of our error
    maxBuffer: 2 ** 26,
  });
  return JSON.parse(out.trimEnd().split("\n").at(-1)!) as T;
}

/**
 * Most resident memory of this process. Not maxRSS where it can be helped: Linux hands it on to a child process, and the
 * parent here holds every peer.
 */
export function mostBytes(): number {
  const status = process.platform === "linux" ? readFileSync("/proc/self/status", "utf8") : "";
  const peak = /^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1];
  return 1024 * Number(peak ?? process.resourceUsage().maxRSS);
}

/** ms from before the import to the first result of attention at N 16. */
async function start(peer: Peer): Promise<number> {
  const before = performance.now();
  const formulate = await peer.open();
  const [formulation] = formulate(attentionWorkload(smallShapes[1]!, "standard", "forward"));
  await (await formulation!.prepare()).read();
  return performance.now() - before;
}

/** ms of one call after the first, for at most this long (ms) and this often. */
const [TIME, CALLS] = [500, 9];

export interface Grown {
  ms: number;
  /** Most resident memory, of the whole process. */
  bytes: number;
}

/** With the formulation named `way`, or else the first; nothing where there is none. */
async function grow(peer: Peer, way: string, variant: Variant, N: number): Promise<Grown | undefined> {
  const formulate = await peer.open();
  const formulations = formulate(attentionWorkload(growth.shape(N), variant, "forward"));
  const formulation = formulations.find(({ name }) => name === way) ?? formulations[0];
  if (!formulation) return undefined;
  const ready = await formulation.prepare();
  await ready.call();
  const times: number[] = [];
  const begin = performance.now();
  while (times.length === 0 || (times.length < CALLS && performance.now() - begin < TIME)) {
    const before = performance.now();
    await ready.call();
    times.push(performance.now() - before);
  }
  return { ms: median(times), bytes: mostBytes() };
}

/** What `main.js child` does. */
export async function child(peers: readonly Peer[], [job, name, ...rest]: readonly string[]): Promise<void> {
  const peer = peers.find((one) => one.name === name)!;
  const jobs: Record<string, () => unknown> = {
    bare: mostBytes,
    start: () => start(peer),
    grow: () => grow(peer, rest[0]!, rest[1] as Variant, Number(rest[2])),
  };
  console.log(JSON.stringify((await jobs[job!]!()) ?? null));
  process.exit(0); // peers leave workers behind
}

/** Memory of a process that imports none of them. */
export const bareBytes = (): number => inChild<number>("bare");

/** Median over `processes` cold processes. */
export const coldStart = ({ name }: Peer, processes: number): number =>
  median(Array.from({ length: processes }, () => inChild<number>("start", name)));

/** What a child said before it died. */
export const reasonOf = (error: unknown): string =>
  /^\w*Error: .*$/m.exec((error as Error).message)?.[0] ?? (error as Error).message.split("\n")[0]!;

/** Nothing where the peer cannot do it, or dies of it. */
export function growInChild({ name }: Peer, way: string, variant: Variant, N: number): Grown | null {
  try {
    return inChild<Grown | null>("grow", name, way, variant, N);
  } catch (error) {
    console.error(`${name} failed at N ${N}: ${reasonOf(error)}`);
    return null;
  }
}
