/** What stands before the first attention layer of a language model: embedding, layer norm, one qkv projection. All seeded. */
import type { LaserAttention, Tensor } from "../../src/index.js";
import { Random } from "../../test/support/random.js";

/** GPT-2 small's attention: 12 heads of 64 channels, 1,024 tokens; C = H D. */
export const [H, D, N_MOST, N_LEAST] = [12, 64, 1024, 64];
const C = H * D;

export interface Inputs {
  q: Tensor; // [1, H, N, D], a view of qkv, like k and v
  k: Tensor;
  v: Tensor;
  dout: Tensor; // [1, H, N, D]
}

/** Standard deviations of the scores before the mask and of the values. */
export interface Spread {
  scores: number;
  values: number;
}

/** Rows of x [rows, C] to mean 0 and deviation 1. */
function layerNorm(x: Float32Array): void {
  for (let start = 0; start < x.length; start += C) {
    const row = x.subarray(start, start + C);
    const mean = row.reduce((sum, y) => sum + y, 0) / C;
    const deviation = Math.sqrt(row.reduce((sum, y) => sum + (y - mean) ** 2, 0) / C);
    row.forEach((y, c) => {
      row[c] = (y - mean) / deviation;
    });
  }
}

/** x [N, C]: the embedding of each byte plus that of its position, both normal, then layer norm. */
function embed(bytes: Uint8Array, random: Random): Float32Array {
  const tokens = random.normals(256 * C);
  const x = random.normals(bytes.length * C);
  bytes.forEach((byte, i) => {
    for (let c = 0; c < C; c++) x[i * C + c]! += tokens[byte * C + c]!;
  });
  layerNorm(x);
  return x;
}

/**
 * [q k v] = x W with W normal of deviation 1 / sqrt(C), so that their entries have deviation 1 times a gain. The gain of
 * q and of k is sqrt(spread.scores): q . k / sqrt(D) then has deviation spread.scores. That of v is spread.values.
 */
export function makeInputs(la: LaserAttention, bytes: Uint8Array, seed: number, spread: Spread): Inputs {
  const random = new Random(seed);
  const N = bytes.length;
  const x = la.tensor(embed(bytes, random), [N, C]);
  const gains = [Math.sqrt(spread.scores), Math.sqrt(spread.scores), spread.values].map((gain) => gain / Math.sqrt(C));
  const w = random.normals(C * 3 * C); // [C, 3, C]
  for (let n = 0; n < w.length; n++) w[n]! *= gains[Math.floor(n / C) % 3]!;
  const qkv = la.matmul(x, la.tensor(w, [C, 3 * C])); // [N, 3 C]
  const head = (third: number) => qkv.view([1, H, N, D], [N * 3 * C, D, 3 * C, 1], third * C);
  const [q, k, v] = [head(0), head(1), head(2)];
  return { q, k, v, dout: la.tensor(random.normals(H * N * D), [1, H, N, D]) };
}
