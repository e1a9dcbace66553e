/** What is measured, as data. B = 1 everywhere, D = E. */

export interface AttentionShape {
  name: string;
  H: number;
  Hkv: number;
  N: number;
  M: number;
  D: number;
  causal: boolean;
}

export const attentionShapes: readonly AttentionShape[] = [
  { name: "ViT", H: 6, Hkv: 6, N: 197, M: 197, D: 64, causal: false },
  { name: "BERT", H: 12, Hkv: 12, N: 384, M: 384, D: 64, causal: false },
  { name: "Conformer", H: 8, Hkv: 8, N: 250, M: 250, D: 64, causal: false },
  { name: "LM", H: 12, Hkv: 12, N: 1024, M: 1024, D: 64, causal: true },
  { name: "decode", H: 32, Hkv: 8, N: 1, M: 2048, D: 128, causal: true },
  { name: "small", H: 4, Hkv: 4, N: 16, M: 16, D: 16, causal: false },
];

/** The least forward GFLOP/s of either variant that `--assert` asks for in the plain build on Node 20, and at which shape. */
export const required = { shape: "ViT", gflops: 25 } as const;

/** c [m, n] = a [m, k] b [k, n]. */
export const matmulShapes: readonly { m: number; k: number; n: number }[] = [
  { m: 512, k: 512, n: 512 },
  { m: 197, k: 384, n: 1536 },
];

export const rowOps = { rows: 1024, width: 256 } as const;

/** Shapes of the exact recompute at its worst, small for steady times; recompute.ts makes sharp scores or rising values. */
export const recomputeShapes: readonly AttentionShape[] = [
  { name: "sharp", H: 1, Hkv: 1, N: 256, M: 256, D: 64, causal: false },
  { name: "rising", H: 1, Hkv: 1, N: 256, M: 256, D: 64, causal: true },
];

/** How many times the ordinary cost the recompute may take. */
export const recomputeLimits = { forward: 12, backward: 10 } as const;

/** Query-key pairs that take part: row i sees keys 0 to i + M - N when causal, else all. */
export function visiblePairs({ H, N, M, causal }: AttentionShape): number {
  if (!causal) return H * N * M;
  let pairs = 0;
  for (let i = 0; i < N; i++) pairs += Math.max(0, i + M - N + 1);
  return H * pairs;
}

/** Multiply-adds count twice, exps not at all: q k^T and p v forward; backward s again, dp, dv, dq, dk. */
export const flops = {
  forward: (shape: AttentionShape): number => 4 * shape.D * visiblePairs(shape),
  backward: (shape: AttentionShape): number => 10 * shape.D * visiblePairs(shape),
};

export const describeShape = ({ name, H, Hkv, N, M, D, causal }: AttentionShape): string =>
  `${name} H ${H}${Hkv === H ? "" : `/${Hkv}`} N ${N}${M === N ? "" : ` M ${M}`} D ${D}${causal ? " causal" : ""}`;
