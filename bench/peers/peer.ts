/** What every peer, and this package itself, looks like to the benchmark. */
import type { Call } from "../measure.js";
import type { Workload } from "./workloads.js";

/** Row-major: out [H, N, D] or the product, gradients where the workload has them. */
export interface Outputs {
  out: Float32Array;
  dq?: Float32Array;
  dk?: Float32Array;
  dv?: Float32Array;
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
