/** Installed size and cold start of every peer; time and memory as N grows. */
import type { Variant } from "../../src/index.js";
import { bareBytes, coldStart, type Grown, growInChild } from "./child.js";
import { type Installed, installed } from "./install.js";
import { plain, relaxed } from "./own.js";
import type { Peer } from "./peer.js";
import { others, peers } from "./peers.js";
import type { WorkloadResult } from "./run.js";
import { growth } from "./workloads.js";

export interface Cost extends Installed {
  peer: string;
  /** ms to a first result in a cold process. */
  start: number;
}

export function measureCosts(quick: boolean): Cost[] {
  return peers.map((peer) => ({
    ...{ peer: peer.name, ...installed(peer.packages) },
    start: coldStart(peer, quick ? 1 : 7),
  }));
}

export interface Growth extends Grown {
  peer: string;
  variant: Variant;
  N: number;
}

/** The formulation that was fastest at a long square shape, or else the first. */
function wayOf(peer: string, results: readonly WorkloadResult[]): string {
  const measured = results.filter(({ name }) => name.startsWith("BERT") && name.endsWith("standard forward"));
  return measured.flatMap(({ results }) => results).find((result) => result.peer === peer)?.formulation ?? "";
}

/** Each length in a process of its own: memory is the most it took above a process that imports no peer. */
export function measureGrowth(results: readonly WorkloadResult[], quick: boolean): Growth[] {
  const bare = bareBytes();
  const lengths = (all: readonly number[]) => all.filter((N) => !quick || N <= 512);
  const cases: { peer: Peer; variant: Variant; all: number[] }[] = [
    ...(["standard", "laser"] as const).map((variant) => ({ peer: relaxed, variant, all: lengths(growth.ownLengths) })),
    ...[plain, ...others].map((peer) => ({ peer, variant: "standard" as const, all: lengths(growth.lengths) })),
  ];
  return cases.flatMap(({ peer, variant, all }) =>
    all.flatMap((N) => {
      const grown = growInChild(peer, wayOf(peer.name, results), variant, N);
      return grown ? [{ peer: peer.name, variant, N, ms: grown.ms, bytes: Math.max(0, grown.bytes - bare) }] : [];
    }),
  );
}
