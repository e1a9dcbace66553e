/** What the project wants of the ratios, as data; `npm run bench:peers -- --assert` fails on what misses it. */

export interface Target {
  /** In words, as it is asked for. */
  text: string;
  /** The build of this package, by its peer's name. */
  build: string;
  /** Who it is held against; without one, everybody. */
  peer?: string;
  workloads: RegExp;
  /** The least time of the peer over that of the build. */
  least: number;
}

const square = "(ViT|BERT|Conformer)";
const kinds = {
  forward: new RegExp(`^${square} .* standard forward$`),
  causal: /^LM .* N 1024 .* standard forward$/,
  causal2048: /^LM .* N 2048 .* standard forward$/,
  laser: new RegExp(`^${square} .* LASER forward$`),
  laserCausal: /^LM .* LASER forward$/,
  backward: new RegExp(`^${square} .* both$`),
  backwardCausal: /^LM .* both$/,
  matmul: /^matmul /,
};

/** Relaxed, plain; undefined: not asked for. */
const web: Readonly<Record<keyof typeof kinds, readonly [string, number, number?]>> = {
  forward: ["square forward", 2.1, 1.7],
  causal: ["causal forward at N 1024", 4, 3.2],
  causal2048: ["causal forward at N 2048, D 128", 3.5],
  laser: ["square LASER forward", 2.2, 1.8],
  laserCausal: ["causal LASER forward", 4.2, 3.4],
  backward: ["square backward with its forward", 1.6, 1.3],
  backwardCausal: ["causal backward with its forward", 3, 2.4],
  matmul: ["matmul", 1.7, 1.3],
};

const [plain, relaxed] = ["laser-attention", "laser-attention/relaxed"];

function against(peer: string): Target[] {
  return Object.entries(web).flatMap(([kind, [what, ...least]]) =>
    [relaxed, plain].flatMap((build, n) =>
      least[n] === undefined
        ? []
        : [{ text: what, build, peer, workloads: kinds[kind as keyof typeof kinds], least: least[n] }],
    ),
  );
}

export const targets: readonly Target[] = [
  ...against("onnxruntime-web"),
  ...[
    { text: "causal forward at N 1024 within 10 % of native", workloads: kinds.causal, least: 1 / 1.1 },
    { text: "causal LASER forward ahead of native", workloads: kinds.laserCausal, least: 1 },
    { text: "causal backward with its forward ahead of native", workloads: kinds.backwardCausal, least: 1 },
  ].map((target) => ({ ...target, build: relaxed, peer: "onnxruntime-node" })),
  ...[relaxed, plain].map((build) => ({
    text: "small forward ahead of everybody",
    build,
    workloads: /^small /,
    least: 1,
  })),
];
