/** What every peer, and this package itself, looks like to the benchmark. */
import type { Call } from "../measure.js";
import type { Block, Workload } from "./workloads.js";

/** Of a call row-major: out [H, N, D] or the product, gradients where the workload has them. Or of a head, or a block, as a peer's arrays. */
export interface Outputs<T = Float32Array> {
  out: T;
  dq?: T;
  dk?: T;
  dv?: T;
}

/** A workload with its inputs in place. */
export interface Ready {
  call: Call;
  /** Runs the call once more and brings the results over. */
  read(): Outputs | Promise<Outputs>;
  dispose(): void | Promise<void>;
}

/** One way to compute a workload. */
export interface Formulation {
  name: string;
  prepare(): Ready | Promise<Ready>;
}

/** All ways worth trying, or none where the peer cannot do it: the fastest is the one that counts. */
export type Formulate = (workload: Workload) => readonly Formulation[];

export interface Peer {
  name: string;
  /** What a user installs, for versions and sizes. */
  packages: readonly string[];
  /** Imports the peer and makes it ready, on one thread. */
  open(): Promise<Formulate>;
}

/** A package of bench/peers/node_modules, out of sight of tsc, which also runs where none is installed. */
export const load = async <T>(name: string): Promise<T> => (await import(name)) as T;

/** Results of single heads, one after the other. */
export function join(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** What all blocks give: rows one after the other, and of keys the sums. `grow`: x, of keys up to the block's end, plus a sum of fewer. */
export function fromBlocks<T>(
  blocks: readonly Block[],
  parts: readonly Outputs<T>[],
  concat: (rows: T[]) => T,
  grow: (sum: T, x: T, block: Block) => T,
): Outputs<T> {
  const each = (name: keyof Outputs<T>) => parts.map((part) => part[name] as T);
  const summed = (name: "dk" | "dv") => each(name).reduce((sum, x, n) => grow(sum, x, blocks[n]!));
  const out = concat(each("out"));
  return parts[0]!.dq === undefined ? { out } : { out, dq: concat(each("dq")), dk: summed("dk"), dv: summed("dv") };
}
