/** What the project wants of its speed, as data; `npm run bench -- --strict` fails on what misses it. */

/** V8 keeps more of a kernel in registers from Node 22 on. */
const old = Number(process.versions.node.split(".")[0]) < 22;

export interface Target {
  build: string;
  /** The least share of the peak, of either variant's standard column. */
  share?: number;
  /** The most that LASER takes more than standard. */
  extra?: number;
  /** The most ms a call. */
  ms?: number;
}

/** The most that LASER takes more than standard: a ViT, forward, plain. */
const EXTRA = 0.11;

/** By the name of a group: shape and direction. */
export const targets: Readonly<Record<string, readonly Target[]>> = {
  "ViT H 6 N 197 D 64 forward": [
    { build: "relaxed", share: 0.82, extra: 0.08 },
    { build: "plain", share: old ? 0.64 : 0.69, extra: EXTRA },
  ],
  "LM H 12 N 1024 D 64 causal forward": [
    { build: "relaxed", share: 0.82, extra: 0.04 },
    { build: "plain", share: old ? 0.64 : 0.69, extra: 0.05 },
  ],
  "ViT H 6 N 197 D 64 backward": [
    { build: "relaxed", share: 0.8, extra: 0.08 },
    { build: "plain", share: old ? 0.64 : 0.68, extra: 0.1 },
  ],
  "LM H 12 N 1024 D 64 causal backward": [
    { build: "relaxed", share: 0.8, extra: 0.04 },
    { build: "plain", share: old ? 0.64 : 0.68, extra: 0.05 },
  ],
  "small H 1 N 16 D 16 forward": [
    { build: "relaxed", ms: 0.005 },
    { build: "plain", ms: 0.005 },
  ],
};

export const matmulTargets: readonly Target[] = [
  { build: "relaxed", share: 0.91 },
  { build: "plain", share: 0.74 },
];

/** How much more time per operation (or per pair) than the first shape of a comparison. */
export const limits = {
  headSize: 1.12,
  headSize32: 1.2,
  visible: 1.1,
  dense: 1.15,
  /** Either way: the time per pair is constant. */
  growth: 1.15,
} as const;

/** The most ms that import, createSync and the first result take in a cold process. */
export const START_MS = 15;

/** The most ms that warmup() takes, with some room for the round that it is in; and what it leaves to be gained. */
export const [WARMUP_MS, STEADY] = [550, 1.15];

/** Shares of the peak measured under Node that the relaxed build reaches in other engines. */
export const engineShares: Readonly<Record<string, number>> = { deno: 0.6, bun: 0.45 };

/**
 * `--assert`: the least share of the multiply-and-add loop that forward reaches in the plain build on Node 20, and at which shape. A rate does
 * not do: 25 GFLOP/s are 0.42 of the peak of the AMD EPYC, and more than an Intel Xeon reaches whose loop does 28. On an EPYC whose other
 * guests were busy, the best of ten rounds was 0.57 to 0.59, of LASER 0.52 to 0.56.
 */
export const floor = {
  shape: "ViT",
  direction: "forward",
  share: { standard: 0.52, laser: 0.52 / (1 + EXTRA) },
} as const;

/** `--assert`: how many times the ordinary cost the exact recompute may take. */
export const recomputeLimits = { forward: 12, backward: 10 } as const;
