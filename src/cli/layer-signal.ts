/** What single scores get of the gradient in each attention layer of a language model, with either variant, in float64. */
import { exp } from "../data/math.js";
import type { Gpt } from "../models/gpt.js";
import type { Nn } from "../nn/nn.js";

/** Means are over all heads, rows and the keys that a row sees; derivatives also over channels. NaN: there is no such key. */
export interface LayerSignal {
  layer: number;
  /** Share of probabilities below 1e-3 and 1e-7. */
  below3: number;
  below7: number;
  /** Mean |d out / d score|: standard |p (v - o)|, LASER |w - p| with w = p exp(v - o). */
  standard: number;
  laser: number;
  /** The same over keys with p < 1e-3. */
  standardSmall: number;
  laserSmall: number;
  /** Norms of the gradient of the projections to q, k and v. */
  norms: { q: number; k: number; v: number };
}

/** Looks at the last window of `ids`. */
export function layerSignals(nn: Nn, model: Gpt, ids: Int32Array): LayerSignal[] {
  const { context, heads, width, variant } = model.config;
  const N = Math.min(context, ids.length - 1);
  if (N < 2) throw new RangeError(`signal: the text must have three characters or more, got ${ids.length}`);
  const inputs = ids.slice(-N - 1, -1);
  nn.step(() => model.loss([inputs], [ids.slice(-N)]));
  const all = nn.evaluate(() => {
    let x = model.pos.add(model.tok.forward(inputs, [1, N]));
    return model.blocks.map((block) => {
      const qkv = block.attn.qkv.forward(block.ln1.forward(x)).toArray();
      x = block.forward(x, { variant, causal: true });
      return qkv;
    });
  });
  return all.map((qkv, layer) => {
    const { grad } = model.blocks[layer]!.attn.qkv.weight;
    const third = grad.data.length / 3;
    const norm = (n: number) => Math.sqrt(grad.data.slice(n * third, (n + 1) * third).reduce((s, g) => s + g * g, 0));
    return { layer, ...measure(qkv, N, heads, width), norms: { q: norm(0), k: norm(1), v: norm(2) } };
  });
}

/** @param qkv [N, 3 C] */
function measure(qkv: Float32Array, N: number, heads: number, C: number) {
  const D = C / heads;
  const sums = { keys: 0, below3: 0, below7: 0, standard: 0, laser: 0, standardSmall: 0, laserSmall: 0 };
  for (let h = 0; h < heads; h++) {
    const at = (row: number, third: number) => row * 3 * C + third * C + h * D;
    for (let i = 0; i < N; i++) {
      const p = probabilities(qkv, i, at, D);
      sums.keys += i + 1;
      for (const one of p) {
        if (one < 1e-3) sums.below3++;
        if (one < 1e-7) sums.below7++;
      }
      const e = new Float64Array(i + 1);
      for (let d = 0; d < D; d++) {
        let top = -Infinity;
        for (let j = 0; j <= i; j++) top = Math.max(top, qkv[at(j, 2) + d]!);
        let [o, sum] = [0, 0];
        for (let j = 0; j <= i; j++) {
          const v = qkv[at(j, 2) + d]!;
          e[j] = exp(v - top);
          o += p[j]! * v;
          sum += p[j]! * e[j]!;
        }
        for (let j = 0; j <= i; j++) {
          const standard = Math.abs(p[j]! * (qkv[at(j, 2) + d]! - o)) / D;
          const laser = Math.abs(p[j]! * (e[j]! / sum - 1)) / D; // w / p = exp(v - LASER's o), whose o is log sum + top
          sums.standard += standard;
          sums.laser += laser;
          if (p[j]! >= 1e-3) continue;
          sums.standardSmall += standard;
          sums.laserSmall += laser;
        }
      }
    }
  }
  const { keys, below3 } = sums;
  return {
    ...{ below3: below3 / keys, below7: sums.below7 / keys },
    ...{ standard: sums.standard / keys, laser: sums.laser / keys },
    ...{ standardSmall: sums.standardSmall / below3, laserSmall: sums.laserSmall / below3 },
  };
}

/** Of row i over keys 0 to i. */
function probabilities(qkv: Float32Array, i: number, at: (row: number, third: number) => number, D: number): number[] {
  const scores = Array.from({ length: i + 1 }, (_, j) => {
    let sum = 0;
    for (let d = 0; d < D; d++) sum += qkv[at(i, 0) + d]! * qkv[at(j, 1) + d]!;
    return sum / Math.sqrt(D);
  });
  const top = Math.max(...scores);
  const weights = scores.map((score) => exp(score - top));
  const sum = weights.reduce((a, b) => a + b);
  return weights.map((weight) => weight / sum);
}
