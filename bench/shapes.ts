/** What is measured, as data. B = 1 everywhere; E = D unless said. */

export interface AttentionShape {
  name: string;
  H: number;
  Hkv: number;
  N: number;
  M: number;
  D: number;
  E: number;
  causal: boolean;
  /** [left, right] of the window. */
  window?: readonly [number, number];
  /** padding: [1, 1, 1, M] hides the last keys, see visibleKeys. dense: [1, 1, N, M] hides each pair by a coin. */
  mask?: "padding" | "dense";
  /** A bias [1, 1, N, M]. */
  bias?: boolean;
  softcap?: number;
  /** Slopes of the usual kind. */
  alibi?: boolean;
  /** Takes seconds a call: measured with --long only. */
  long?: boolean;
}

const shape = (name: string, H: number, N: number, D: number, more: Partial<AttentionShape> = {}): AttentionShape => ({
  ...{ name, H, Hkv: H, N, M: N, D, E: D, causal: false },
  ...more,
});

export const attentionShapes = {
  ViT: shape("ViT", 6, 197, 64),
  BERT: shape("BERT", 12, 384, 64),
  Conformer: shape("Conformer", 8, 250, 64),
  LM: shape("LM", 12, 1024, 64, { causal: true }),
  LM2048: shape("LM", 8, 2048, 128, { causal: true, long: true }),
  decode: shape("decode", 32, 1, 128, { Hkv: 8, M: 2048 }),
};

/** So little work that the call itself counts. */
export const smallShapes = [8, 16, 32, 64].map((N) => shape("small", 1, N, 16));

/** One to four rows behind a block of 48, and behind a row group: most of a group would be empty. */
export const leftOverShapes = [
  ...[49, 50, 51, 52, 65].map((N) => shape("left over", 6, N, 64)),
  shape("left over", 4, 10, 32),
];

/** Head sizes and odd lengths, with the operations of the first one, save for the odd remainder. */
export const headShapes = [
  shape("head size", 6, 256, 64),
  shape("head size", 5, 256, 80),
  shape("head size", 4, 256, 96),
  shape("head size", 3, 256, 128),
  shape("head size", 12, 256, 32),
  shape("odd length", 6, 255, 64),
  shape("odd length", 6, 257, 64),
];

/** What hides keys, against the first one, which sees all of them. */
export const visibleShapes = [
  shape("all keys", 4, 512, 64),
  shape("GQA", 4, 512, 64, { Hkv: 1 }),
  shape("causal", 4, 512, 64, { causal: true }),
  shape("window 64", 4, 512, 64, { causal: true, window: [64, 0] }),
  shape("padding", 4, 512, 64, { mask: "padding" }),
];

/** What changes every score, against the first one. */
export const optionShapes = [
  shape("no option", 4, 512, 64),
  shape("dense mask", 4, 512, 64, { mask: "dense" }),
  shape("dense bias", 4, 512, 64, { bias: true }),
  shape("softcap 50", 4, 512, 64, { softcap: 50 }),
  shape("softcap 1", 4, 512, 64, { softcap: 1 }), // as small as the scores
  shape("ALiBi", 4, 512, 64, { alibi: true }),
];

export const growthShapes = [256, 512, 1024, 2048, 4096, 8192, 16384].map((N) =>
  shape("growth", 1, N, 64, { long: N > 2048 }),
);

/** c [m, n] = a [m, k] b [k, n]. */
export interface MatmulShape {
  m: number;
  k: number;
  n: number;
  /** b is given as [n, k]. */
  transposed?: true;
}

const oddProduct: MatmulShape = { m: 197, k: 384, n: 1536 };

export const matmulShapes: readonly MatmulShape[] = [
  { m: 512, k: 512, n: 512 },
  { m: 1024, k: 1024, n: 1024 },
  oddProduct,
];

/** One row behind a block of 48, and five. */
export const leftOverMatmulShapes: readonly MatmulShape[] = [{ m: 49, k: 128, n: 512 }, oddProduct];

/** A row, few rows and a column: read once, so that packing would cost more than the product. */
export const thinMatmulShapes: readonly MatmulShape[] = [
  { m: 1, k: 768, n: 3072 },
  { m: 8, k: 768, n: 3072 },
  { m: 3072, k: 768, n: 1 },
];

/** The other factor's columns are contiguous, as those of a linear layer's weight. */
export const transposedMatmulShapes: readonly MatmulShape[] = [1, 2, 3, 4].map((m) => ({
  m,
  k: 768,
  n: 3072,
  transposed: true,
}));

export const rowOps = { rows: 1024, width: 256 } as const;

/** Shapes of the exact recompute at its worst, small for steady times; recompute.ts makes sharp scores or rising values. */
export const recomputeShapes = [
  shape("sharp", 1, 256, 64),
  shape("sharp", 1, 256, 16, { E: 256 }), // least ordinary work for each value
  shape("rising", 1, 256, 64, { causal: true }),
];

/** Keys that a padding mask leaves: 5 of 8, and no multiple of a panel. */
export const visibleKeys = ({ M, mask }: AttentionShape): number => (mask === "padding" ? Math.ceil(M * 0.625) - 3 : M);

/** First and last + 1 of the keys that query row i sees, dense masks aside. */
function visibleRange(shape: AttentionShape, i: number): [number, number] {
  const [left, right] = shape.window ?? [-1, -1];
  const at = i + shape.M - shape.N;
  const first = left < 0 ? 0 : Math.max(0, at - left);
  const last = Math.min(visibleKeys(shape), shape.causal ? at + 1 : Infinity, right < 0 ? Infinity : at + right + 1);
  return [first, Math.max(first, last)];
}

/** Query-key pairs that take part. */
export function visiblePairs(shape: AttentionShape): number {
  let pairs = 0;
  for (let i = 0; i < shape.N; i++) {
    const [first, last] = visibleRange(shape, i);
    pairs += last - first;
  }
  return shape.H * pairs;
}

/** The same in whole panels of 8 keys for whole groups of `rows` query rows: the least that the kernels' tiles allow. */
export function visibleTilePairs(shape: AttentionShape, rows: number): number {
  let pairs = 0;
  for (let i = 0; i < shape.N; i += rows) {
    const group = Array.from({ length: Math.min(rows, shape.N - i) }, (_, n) => visibleRange(shape, i + n));
    const first = Math.min(...group.map(([first]) => first));
    const last = Math.max(...group.map(([, last]) => last));
    pairs += group.length * 8 * (Math.ceil(last / 8) - Math.floor(first / 8));
  }
  return shape.H * pairs;
}

export type Direction = "forward" | "backward" | "both";

/** Multiply-adds count twice, exps not at all: q k^T and p v forward; backward s again, dp, dv, dq, dk. */
export function flopsPerPair({ D, E }: AttentionShape, direction: Direction): number {
  const [forward, backward] = [2 * (D + E), 2 * (3 * D + 2 * E)];
  return { forward, backward, both: forward + backward }[direction];
}

export const flops = (shape: AttentionShape, direction: Direction): number =>
  flopsPerPair(shape, direction) * visiblePairs(shape);

export const describeShape = ({ name, H, Hkv, N, M, D, E, causal }: AttentionShape): string =>
  `${name} H ${H}${Hkv === H ? "" : `/${Hkv}`} N ${N}${M === N ? "" : ` M ${M}`} D ${D}${E === D ? "" : ` E ${E}`}${causal ? " causal" : ""}`;
