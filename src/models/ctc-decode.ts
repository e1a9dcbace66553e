/**
 * From frames of label probabilities to labels, for CTC: a path has one label or the blank a frame; repeats that follow each
 * other count once, then blanks are dropped. The probability of labels is the sum over all paths that give them. Logarithms
 * of probabilities, in float64, with the same bits in every engine.
 */
import { exp, log } from "../data/math.js";

/** Log-probabilities [T, V], row-major; the blank is 0. */
export interface Frames {
  readonly data: Float64Array;
  readonly T: number;
  readonly V: number;
}

const NEVER = Number.NEGATIVE_INFINITY;

/** log(e^a + e^b) */
function logAdd(a: number, b: number): number {
  if (a === NEVER) return b;
  if (b === NEVER) return a;
  return a > b ? a + log(1 + exp(b - a)) : b + log(1 + exp(a - b));
}

/** Log-softmax of the scores [T, V]. @throws RangeError for NaN or infinity: a model that is broken */
export function logSoftmax(where: string, scores: Float32Array, V: number): Frames {
  const data = Float64Array.from(scores);
  for (let at = 0; at < data.length; at += V) {
    const row = data.subarray(at, at + V);
    const bad = row.find((x) => !Number.isFinite(x));
    if (bad !== undefined) throw new RangeError(`${where}: the model's scores must be finite, got ${bad}`);
    const top = row.reduce((most, x) => Math.max(most, x));
    const sum = log(row.reduce((total, x) => total + exp(x - top), 0));
    for (let v = 0; v < V; v++) row[v] = row[v]! - top - sum;
  }
  return { data, T: data.length / V, V };
}

/** The labels of the likeliest path, of equally likely labels the lower one. */
export function greedy({ data, T, V }: Frames): number[] {
  const labels: number[] = [];
  let before = 0;
  for (let t = 0; t < T; t++) {
    const row = data.subarray(t * V, (t + 1) * V);
    const label = row.reduce((top, x, v) => (x > row[top]! ? v : top), 0);
    if (label !== 0 && label !== before) labels.push(label);
    before = label;
  }
  return labels;
}

/** Log-probability of the labels: over states blank, label, blank, ... blank, as in Graves et al. 2006, section 4.1. */
export function logLikelihood({ data, T, V }: Frames, labels: readonly number[]): number {
  const states = [0, ...labels.flatMap((label) => [label, 0])];
  // Before the first frame in a state before the first blank, from where it and the first label are reached.
  let now = states.map((_, s) => (s === 0 ? 0 : NEVER));
  for (let t = 0; t < T; t++) {
    const last = now;
    now = states.map((label, s) => {
      let sum = last[s]!;
      if (s > 0) sum = logAdd(sum, last[s - 1]!);
      if (t > 0 && s > 1 && label !== 0 && label !== states[s - 2]) sum = logAdd(sum, last[s - 2]!);
      return sum + data[t * V + label]!;
    });
  }
  return now.slice(-2).reduce(logAdd);
}

/** A sequence of labels: `label` behind those of `parent`. Each sequence is one node. */
interface Prefix {
  readonly parent: Prefix | undefined;
  readonly label: number;
  readonly children: Map<number, Prefix>;
  /** Log-probability of its paths so far that end in a blank, and in its label. */
  blank: number;
  labelled: number;
  /** The same a frame later. */
  nextBlank: number;
  nextLabelled: number;
  /** The frame whose beam it was reached for last. */
  frame: number;
  kept: boolean;
}

const prefix = (parent: Prefix | undefined, label: number): Prefix => ({
  ...{ parent, label, children: new Map(), frame: -1, kept: true },
  ...{ blank: NEVER, labelled: NEVER, nextBlank: NEVER, nextLabelled: NEVER },
});

/**
 * Prefix beam search (Hannun et al., arXiv 1408.2873, without a language model): the `beam` likeliest beginnings of labels are
 * kept after every frame. Returns what is left at the end, likeliest first.
 */
export function prefixBeam({ data, T, V }: Frames, beam: number): number[][] {
  let kept = [{ ...prefix(undefined, 0), blank: 0 }];
  for (let t = 0; t < T; t++) {
    const reached: Prefix[] = [];
    const reach = (one: Prefix): Prefix => {
      if (one.frame !== t) {
        Object.assign(one, { frame: t, nextBlank: NEVER, nextLabelled: NEVER });
        reached.push(one);
      }
      return one;
    };
    const likely = likeliest(data, t * V, V, beam + 1);
    for (const one of kept) {
      const total = logAdd(one.blank, one.labelled);
      reach(one).nextBlank = logAdd(one.nextBlank, total + data[t * V]!);
      if (one.parent !== undefined)
        one.nextLabelled = logAdd(one.nextLabelled, one.labelled + data[t * V + one.label]!);
      for (const label of labelsAfter(one, likely)) {
        // The same label once more needs a blank between.
        const from = label === one.label ? one.blank : total;
        if (from === NEVER) continue;
        const child = one.children.get(label) ?? prefix(one, label);
        one.children.set(label, child);
        reach(child).nextLabelled = logAdd(child.nextLabelled, from + data[t * V + label]!);
      }
    }
    const totals = new Map(reached.map((one) => [one, logAdd(one.nextBlank, one.nextLabelled)]));
    reached.sort((a, b) => totals.get(b)! - totals.get(a)!); // stable: ties as they were reached
    for (const [place, one] of reached.entries()) {
      one.kept = place < beam;
      [one.blank, one.labelled] = [one.nextBlank, one.nextLabelled];
    }
    for (const one of reached.splice(beam)) forget(one);
    kept = reached;
  }
  return kept.map(labelsOf);
}

/** The `count` likeliest labels of the frame at `row`, of equal ones the lower, in rising order. */
function likeliest(data: Float64Array, row: number, V: number, count: number): number[] {
  const labels = Array.from({ length: V - 1 }, (_, n) => n + 1);
  if (count >= labels.length) return labels;
  labels.sort((a, b) => data[row + b]! - data[row + a]! || a - b);
  return labels.slice(0, count).sort((a, b) => a - b);
}

/**
 * The labels that may come behind a prefix, in rising order: those with which it is in the tree, and the likeliest beam + 1. Any other has
 * `beam` likelier siblings, its own label aside, which needs a blank: it is not kept. With thousands of labels that is all of the time.
 */
function labelsAfter({ children }: Prefix, likely: readonly number[]): Iterable<number> {
  if (children.size === 0) return likely;
  return [...new Set([...children.keys(), ...likely])].sort((a, b) => a - b);
}

/** Takes a prefix out of the tree, and those before it that nothing needs any more. */
function forget(one: Prefix): void {
  for (let node = one; !node.kept && node.children.size === 0 && node.parent !== undefined; node = node.parent) {
    node.parent.children.delete(node.label);
  }
}

function labelsOf(one: Prefix): number[] {
  const labels: number[] = [];
  for (let node = one; node.parent !== undefined; node = node.parent) labels.unshift(node.label);
  return labels;
}
