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

/** The formulations of a long square shape; "" stands for the first, where that was not measured. */
function waysOf(peer: string, results: readonly WorkloadResult[]): readonly string[] {
  const measured = results.filter(({ name }) => name.startsWith("BERT") && name.endsWith("standard forward"));
  return measured.flatMap(({ results }) => results).find((result) => result.peer === peer)?.tried ?? [""];
}

/**
 * Each length and formulation in a process of its own: memory is the most it took above a process that imports no peer. Of time and of memory
 * the least of all formulations: which is the fastest is a matter of chance where some are alike, and they may differ in memory.
 */
export function measureGrowth(results: readonly WorkloadResult[], quick: boolean): Growth[] {
  const bare = bareBytes();
  const lengths = (all: readonly number[]) => all.filter((N) => !quick || N <= 512);
  const cases: { peer: Peer; variant: Variant; all: number[] }[] = [
    ...(["standard", "laser"] as const).map((variant) => ({ peer: relaxed, variant, all: lengths(growth.ownLengths) })),
    ...[plain, ...others].map((peer) => ({ peer, variant: "standard" as const, all: lengths(growth.lengths) })),
  ];
  return cases.flatMap(({ peer, variant, all }) =>
    all.flatMap((N) => {
      const grown = waysOf(peer.name, results).flatMap((way) => growInChild(peer, way, variant, N) ?? []);
      if (grown.length === 0) return [];
      const [ms, bytes] = [grown.map((one) => one.ms), grown.map((one) => one.bytes)].map((all) => Math.min(...all));
      return [{ peer: peer.name, variant, N, ms: ms!, bytes: Math.max(0, bytes! - bare) }];
    }),
  );
}
