/**
 * A workload as peers take it: one matrix of inputs whose rows times `embed` are the tokens (one-hot rows, or patches or stacks
 * of frames with a column of ones for the bias, and for patches one for the class token), one-hot targets, an additive mask.
 * All sizes but the batch are padded to multiples of `unit` with what adds nothing.
 */
import { imageBatch, speechBatch, tokenBatch } from "./batch.js";
import type { Start } from "./trainer.js";
import { patchSize, tokensOf, type Workload } from "./workloads.js";

export interface Matrix {
  data: Float32Array;
  shape: readonly number[];
}

/** Of each row of the batch, which tokens. */
export type Scored = readonly (readonly number[])[];

export interface Dense {
  /** Tokens of a row of the batch, with padding. */
  rows: number;
  /** Tokens of each row of the batch that are scored, if not all: what a last block is for. */
  scored: Scored | undefined;
  /** The names of `Start`, with `embed` and `pos` in place of the first layers; weights of convolutions are [K, C]. */
  parameters: ReadonlyMap<string, Matrix>;
  /** inputs, targets (of what is scored) and perhaps mask */
  batch: ReadonlyMap<string, Matrix>;
}

/** What a score beside the last class or behind a mask gets: exp of it is 0. */
const HIDDEN = -1e30;

const zeros = (...shape: readonly number[]): Matrix => ({
  data: new Float32Array(shape.reduce((product, size) => product * size, 1)),
  shape,
});

/** `data`, rows of `width`, at the top of a matrix of `rows` by `columns`. */
function padded(data: ArrayLike<number>, width: number, rows: number, columns = width): Matrix {
  const matrix = zeros(rows, columns);
  for (let i = 0; i < data.length; i++) matrix.data[Math.floor(i / width) * columns + (i % width)] = data[i]!;
  return matrix;
}

/** [N, ..., K] to [K, N]. */
function transposed({ data, shape }: Matrix): Matrix {
  const [n, k] = [shape[0]!, shape.at(-1)!];
  return { data: Float32Array.from(data, (_, i) => data[(i % n) * k + Math.floor(i / n)]!), shape: [k, n] };
}

/** A row for each label, for a mean over all. */
function oneHot(labels: Int32Array, columns: number): Matrix {
  const matrix = zeros(labels.length, columns);
  for (const [row, label] of labels.entries()) matrix.data[row * columns + label] = 1 / labels.length;
  return matrix;
}

function tokenForm(workload: Workload, up: (n: number) => number) {
  const { task } = workload;
  if (task.family === "vit" || task.family === "conformer") throw new Error(`a ${task.family} has no tokens`);
  const { ids, targets } = tokenBatch(workload);
  const [N, rows, columns] = [task.context, up(task.context), up(task.vocabulary)];
  const inputs = zeros(ids.length * rows, columns);
  const places = targets.map((row) => [...row.keys()].filter((n) => row[n]! >= 0));
  const seen = places.flat().length;
  const scored = task.family === "bert" ? places : undefined;
  const wanted = zeros(scored ? seen : ids.length * rows, columns);
  let before = 0;
  for (const [b, row] of ids.entries()) {
    for (let n = 0; n < N; n++) inputs.data[(b * rows + n) * columns + row[n]!] = 1;
    for (const [index, n] of places[b]!.entries()) {
      const at = scored ? before + index : b * rows + n;
      wanted.data[at * columns + targets[b]![n]!] = 1 / seen;
    }
    before += places[b]!.length;
  }
  return { inputs, targets: wanted, classes: task.vocabulary, scored };
}

function imageForm(workload: Workload, up: (n: number) => number) {
  const { task, sizes } = workload;
  if (task.family !== "vit") throw new Error(`a ${task.family} has no patches`);
  const { patches, labels } = imageBatch(workload);
  const [N, rows, numbers] = [tokensOf(workload), up(tokensOf(workload)), patchSize(task.patch)];
  const columns = up(numbers + 2);
  const inputs = zeros(sizes.batch * rows, columns);
  for (let b = 0; b < sizes.batch; b++) {
    inputs.data[b * rows * columns + numbers + 1] = 1; // the class token
    for (let n = 1; n < N; n++) {
      const from = (b * (N - 1) + n - 1) * numbers;
      const at = (b * rows + n) * columns;
      inputs.data.set(patches.subarray(from, from + numbers), at);
      inputs.data[at + numbers] = 1;
    }
  }
  const scored = Array.from({ length: sizes.batch }, () => [0]);
  return { inputs, targets: oneHot(labels, up(task.classes)), classes: task.classes, scored };
}

function speechForm(workload: Workload, up: (n: number) => number) {
  const { task } = workload;
  if (task.family !== "conformer") throw new Error(`a ${task.family} has no frames`);
  const { mels, stack, context, classes } = task;
  if (up(context) !== context) throw new Error("the convolution would see the steps that padding adds");
  const { features, targets } = speechBatch(workload);
  const [numbers, columns] = [mels * stack, up(mels * stack + 1)];
  const inputs = padded(features, numbers, targets.length, columns);
  for (let n = 0; n < targets.length; n++) inputs.data[n * columns + numbers] = 1;
  return { inputs, targets: oneHot(targets, up(classes)), classes, scored: undefined };
}

const formOf = { gpt: tokenForm, bert: tokenForm, vit: imageForm, conformer: speechForm };

/** [inputs, width] of what makes the tokens, biases and the class token below. */
function tableOf(family: Workload["task"]["family"], of: (name: string) => Matrix): Float32Array {
  const rows = {
    gpt: () => [of("tok.weight")],
    bert: () => [of("tok.weight")],
    vit: () => [transposed(of("patch.weight")), of("patch.bias"), of("cls")],
    conformer: () => [transposed(of("inp.weight")), of("inp.bias")],
  };
  return Float32Array.from(rows[family]().flatMap(({ data }) => [...data]));
}

function maskOf(workload: Workload, rows: number): Matrix | undefined {
  const N = tokensOf(workload);
  const causal = workload.task.family === "gpt";
  if (!causal && rows === N) return undefined;
  const mask = zeros(rows, rows);
  for (let i = 0; i < rows; i++) mask.data.fill(HIDDEN, i * rows + (causal ? i + 1 : N), (i + 1) * rows);
  return mask;
}

/** q, k and v in place of qkv. */
function thirds([name, matrix]: [string, Matrix]): [string, Matrix][] {
  if (!name.includes(".qkv.")) return [[name, matrix]];
  const { data, shape } = matrix;
  const size = data.length / 3;
  const third = [shape[0]! / 3, ...shape.slice(1)];
  return ["q", "k", "v"].map((part, n) => [
    name.replace("qkv", part),
    { data: data.slice(n * size, (n + 1) * size), shape: third },
  ]);
}

/** `cut`: where queries, keys and values get a matrix each. A last block of few rows has no queries of the others. */
export function dense(workload: Workload, start: Start, unit: number, cut: "everywhere" | "for few rows"): Dense {
  const up = (n: number) => Math.ceil(n / unit) * unit;
  const { width, layers } = workload.sizes;
  const { family } = workload.task;
  const vit = family === "vit";
  const rows = up(tokensOf(workload));
  const { inputs, targets, classes, scored } = formOf[family](workload, up);
  const last = `blocks.${layers - 1}.`;
  const of = (name: string) => start.get(name)!;
  const bias = new Float32Array(up(classes)).fill(HIDDEN);
  bias.set(of("head.bias").data);
  const parameters = new Map<string, Matrix>([
    ["embed", padded(tableOf(family, of), width, inputs.shape[1]!)],
    ["pos", padded(of(vit ? "pos" : "pos.weight").data, width, rows)],
    ...[...start]
      .filter(([name]) => name.startsWith("blocks.") || name.startsWith("lnf."))
      .flatMap((one) => (cut === "everywhere" || (scored && one[0].startsWith(last)) ? thirds(one) : [one]))
      .map(([name, one]) => [name, name.endsWith(".dw.weight") ? transposed(one) : one] as const),
    ["head.weight", padded(of("head.weight").data, width, up(classes))],
    ["head.bias", { data: bias, shape: [up(classes)] }],
  ]);
  const mask = maskOf(workload, rows);
  const batch = new Map([["inputs", inputs], ["targets", targets], ...(mask ? [["mask", mask] as const] : [])]);
  return { rows, scored, parameters, batch };
}
