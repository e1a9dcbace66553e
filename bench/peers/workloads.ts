/** What the peers are measured on, as data. */
import type { Variant } from "../../src/index.js";
import {
  type AttentionShape,
  attentionShapes,
  flops,
  type MatmulShape,
  matmulShapes,
  smallShapes,
  thinMatmulShapes,
} from "../shapes.js";
import { attentionName, matmulTask } from "../tasks.js";

export interface AttentionWorkload {
  kind: "attention";
  name: string;
  work: number;
  shape: AttentionShape;
  variant: Variant;
  /** A backward pass comes with its forward pass: no peer has it apart. */
  direction: "forward" | "both";
}

export interface MatmulWorkload {
  kind: "matmul";
  name: string;
  work: number;
  shape: MatmulShape;
}

export type Workload = AttentionWorkload | MatmulWorkload;

export function attentionWorkload(
  shape: AttentionShape,
  variant: Variant,
  direction: AttentionWorkload["direction"],
): AttentionWorkload {
  const name = attentionName(shape, variant, direction);
  return { kind: "attention", name, work: flops(shape, direction), shape, variant, direction };
}

function matmulWorkload(shape: MatmulShape): MatmulWorkload {
  const { name, work } = matmulTask(shape);
  return { kind: "matmul", name, work, shape };
}

const { ViT, BERT, Conformer, LM, LM2048, decode } = attentionShapes;

/** Small work first: after all the rest plain JavaScript takes half as long again at N 8 (4.2 us for 2.8). */
export const workloads: readonly Workload[] = [
  ...smallShapes.map((shape) => attentionWorkload(shape, "standard", "forward")),
  ...matmulShapes.filter(({ m, n }) => m === n).map(matmulWorkload),
  ...thinMatmulShapes.filter(({ m }) => m === 1).map(matmulWorkload),
  ...[ViT, BERT, Conformer, LM, LM2048, decode].map((shape) => attentionWorkload(shape, "standard", "forward")),
  ...[ViT, BERT, LM].map((shape) => attentionWorkload(shape, "laser", "forward")),
  ...[ViT, BERT, LM].map((shape) => attentionWorkload(shape, "standard", "both")),
  ...[ViT, BERT, LM].map((shape) => attentionWorkload(shape, "laser", "both")),
];

/** Forward at H 4 for time and memory as N grows; far more for who needs no N x M scores. */
export const growth = {
  lengths: [256, 512, 1024, 2048, 4096],
  ownLengths: [256, 512, 1024, 2048, 4096, 8192, 16384],
  shape: (N: number): AttentionShape => ({ name: "growth", H: 4, Hkv: 4, N, M: N, D: 64, E: 64, causal: false }),
} as const;

/** Attention as each key head sees it: the queries of its group one after the other. */
export interface Units {
  heads: number;
  rows: number;
  keys: number;
  D: number;
  scale: number;
  /** Whether a causal mask hides anything. */
  masked: boolean;
}

export function unitsOf({ H, Hkv, N, M, D, causal }: AttentionShape): Units {
  const masked = causal && N > 1;
  if (H !== Hkv && masked) throw new Error("grouped heads with a causal mask are not among the workloads");
  return { heads: Hkv, rows: (H / Hkv) * N, keys: M, D, scale: 1 / Math.sqrt(D), masked };
}

/**
 * Rows of a block of queries: with eight of N 1024, 56 % of a causal call's scores are computed. onnxruntime is faster with it than with 256,
 * tfjs with 256 (this line changed, `npm run bench:peers -- --filter "N 1024"`).
 */
const BLOCK = 128;

export interface Block {
  /** Its rows are [start, end), which see no key from `end` on. */
  start: number;
  end: number;
  /** [end - start, end], added to its scores. */
  mask: Float32Array;
}

/** Whether blocks of queries gain anything: of causal calls they leave out the keys that are hidden from all of one. */
export const goesByBlocks = ({ shape: { N, M, causal } }: AttentionWorkload, size = BLOCK): boolean =>
  causal && N === M && N > size;

export function blocksOf({ N }: AttentionShape, hidden: number, size = BLOCK): Block[] {
  return Array.from({ length: Math.ceil(N / size) }, (_, n) => {
    const [start, end] = [n * size, Math.min((n + 1) * size, N)];
    const mask = additiveMask(N, end, true, hidden).slice(start * end, end * end);
    return { start, end, mask };
  });
}

/** [rows, keys], added to the scores: 0 where a key is seen. Columns from `seen` on are padding. */
export function additiveMask(rows: number, keys: number, causal: boolean, hidden: number, seen = keys): Float32Array {
  const mask = new Float32Array(rows * keys);
  for (let i = 0; i < rows; i++) mask.fill(hidden, i * keys + Math.min(seen, causal ? i + 1 : keys), (i + 1) * keys);
  return mask;
}
