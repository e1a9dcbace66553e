/** The nn operations in float64, the naive way; gradients are their central differences (support/nn.ts). */
import type { Numbers } from "./nn.js";

/** erfc by the series of erf below 2, by its continued fraction above; to 1e-14 relative. */
export function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x);
  if (x < 2) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-18; n++) {
      term *= -(x * x) / n;
      sum += term / (2 * n + 1);
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = x;
  for (let k = 200; k > 0; k--) fraction = x + k / 2 / fraction;
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * fraction);
}

export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** By the numbers that the kernels take as `kind`. */
export const acts = {
  1: (x: number) => x * sigmoid(2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)),
  2: (x: number) => (x * erfc(-x / Math.SQRT2)) / 2,
  3: (x: number) => x * sigmoid(x),
  4: (x: number) => Math.max(x, 0),
  5: Math.tanh,
} as const;

const rowsOf = (x: Numbers, width: number): number[][] =>
  Array.from({ length: x.length / width }, (_, r) => Array.from({ length: width }, (_, j) => x[r * width + j]!));

const mean = (x: number[]): number => x.reduce((sum, value) => sum + value, 0) / x.length;

/** Layer norm; without `beta` RMS norm. */
export function norm(x: Numbers, gamma: Numbers, beta: Numbers | undefined, eps: number): number[] {
  return rowsOf(x, gamma.length).flatMap((row) => {
    const middle = beta ? mean(row) : 0;
    const deviation = Math.sqrt(mean(row.map((value) => (value - middle) ** 2)) + eps);
    return row.map((value, j) => ((value - middle) / deviation) * gamma[j]! + (beta?.[j] ?? 0));
  });
}

export const glu = (x: Numbers, width: number): number[] =>
  rowsOf(x, 2 * width).flatMap((row) => row.slice(0, width).map((a, j) => a * sigmoid(row[width + j]!)));

/** log sum exp. */
export function lse(x: number[]): number {
  const top = Math.max(...x);
  return top + Math.log(x.reduce((sum, value) => sum + Math.exp(value - top), 0));
}

export const crossEntropy = (logits: Numbers, targets: Numbers, width: number): number[] =>
  rowsOf(logits, width).map((row, r) => (targets[r]! < 0 ? 0 : lse(row) - row[targets[r]!]!));

export function depthwise(x: Numbers, w: Numbers, bias: Numbers | undefined, B: number, T: number, width: number) {
  const taps = w.length / width;
  const y = new Float64Array(B * T * width);
  for (let b = 0; b < B; b++) {
    for (let t = 0; t < T; t++) {
      for (let c = 0; c < width; c++) {
        let sum = bias?.[c] ?? 0;
        for (let k = 0; k < taps; k++) {
          const from = t + k - (taps - 1) / 2;
          if (from >= 0 && from < T) sum += w[c * taps + k]! * x[(b * T + from) * width + c]!;
        }
        y[(b * T + t) * width + c] = sum;
      }
    }
  }
  return y;
}

/** CTC by its definition: -log of the sum over all alignments that collapse to the target. V^T of them. */
export function ctcByAlignments(logits: Numbers, V: number, target: readonly number[], blank: number): number {
  const logProbs = rowsOf(logits, V).map((row) => row.map((x) => x - lse(row)));
  const T = logProbs.length;
  let likelihood = 0;
  for (let code = 0; code < V ** T; code++) {
    const path = Array.from({ length: T }, (_, t) => Math.floor(code / V ** t) % V);
    const collapsed = path.filter((v, t) => v !== path[t - 1]).filter((v) => v !== blank);
    if (collapsed.join() !== target.join()) continue;
    likelihood += Math.exp(path.reduce((sum, v, t) => sum + logProbs[t]![v]!, 0));
  }
  return -Math.log(likelihood);
}

/** CTC for any size: the likelihood of every prefix of states, in the log domain, state by state. */
export function ctc(logits: Numbers, V: number, target: readonly number[], blank: number): number {
  const states = [blank, ...target.flatMap((label) => [label, blank])];
  const logProbs = rowsOf(logits, V).map((row) => row.map((x) => x - lse(row)));
  let before: number[] | undefined;
  for (const frame of logProbs) {
    const last: number[] = before ?? states.map((_, s) => (s === 0 ? 0 : -Infinity));
    const first = before === undefined;
    before = states.map((label, s) => {
      const from = [last[s]!];
      if (s > 0) from.push(last[s - 1]!);
      if (!first && s > 1 && label !== blank && label !== states[s - 2]) from.push(last[s - 2]!);
      const most = Math.max(...from);
      return most === -Infinity ? most : lse(from) + frame[label]!;
    });
  }
  const ends = before === undefined ? (target.length === 0 ? [0] : [-Infinity]) : before.slice(-2);
  return Math.max(...ends) === -Infinity ? Infinity : -lse(ends);
}
