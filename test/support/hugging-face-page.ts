/** The program of docs/hugging-face.md, and what its tests have in common. */
import * as assert from "uvu/assert";
import type { Tensor } from "../../src/index.js";
import type { Bert, Gpt, Vit } from "../../src/models/index.js";
import {
  type AdamW,
  createSync,
  type Loss,
  type Module,
  type Nn,
  type ParameterValues,
  type Random,
  type Value,
} from "../../src/nn/index.js";
import { runDocument } from "./document.js";
import { gpt2File, gpt2Json } from "./hugging-face.js";

export type File = ReadonlyMap<string, ParameterValues>;

interface BertModel extends Module {
  forward(rows: readonly number[][], types?: readonly number[][]): [Value, Tensor<"u8">];
}

export interface Adapted extends Module {
  merged(): Module;
}

interface Program {
  Adapted: new (nn: Nn, random: Random, base: Module, rank: number) => Adapted;
  tensorsOf(...files: Uint8Array[]): File;
  fromGpt2(tensors: File): File;
  gpt2(nn: Nn, tensors: File, json: object): Gpt;
  toGpt2(state: File): File;
  fromVit(tensors: File): File;
  vitOf(nn: Nn, tensors: File, json: object): Vit;
  bertOf(nn: Nn, tensors: File, json: object): BertModel;
  embed(nn: Nn, model: BertModel, rows: readonly number[][]): Float32Array[];
  prepared(model: Vit, processor: { image_mean: number[]; image_std: number[] }): void;
  adapt(nn: Nn, model: Gpt, random: Random, rank: number): AdamW;
  adaptersOf(model: Gpt): File;
  paddedLoss(nn: Nn, model: Bert, rows: readonly number[][], targets: readonly number[][]): Loss;
}

const names =
  "tensorsOf fromGpt2 gpt2 toGpt2 fromVit vitOf prepared bertOf embed Adapted adapt adaptersOf paddedLoss".split(" ");
export const [page, printed] = await runDocument<Program>("docs/hugging-face.md", 7, names);

export const ids = [
  [3, 1, 4, 1, 5, 9, 2, 6, 22],
  [0, 7, 7, 12, 20, 2, 8, 8, 1],
];
/** As transformers has them. */
export const labels = ids.map((row) => [...row.slice(1), -100]);
export const targets = labels.map((row) => row.map((label) => (label === -100 ? -1 : label)));

export const file = gpt2File(1);
export const gpt2 = (nn: Nn): Gpt => page.gpt2(nn, file, gpt2Json);

/** Runs `body` on an instance of its own. */
export function using<R>(body: (nn: Nn) => R): R {
  const nn = createSync({ threads: 1 });
  const result = body(nn);
  nn.dispose();
  return result;
}

const largest = (x: readonly number[]): number => x.reduce((most, one) => Math.max(most, Math.abs(one)), 0);

/** The largest difference, over the largest number that is wanted. */
export function error(got: ArrayLike<number>, want: ArrayLike<number>): number {
  assert.is(got.length, want.length);
  const all = Array.from(want);
  return largest(all.map((x, n) => got[n]! - x)) / largest(all);
}

/**
 * What that error may be: 34 roundings of float32, as in pytorch-checkpoint.test.ts. Sums have up to 64 numbers, and some ten products lie
 * behind each other; the largest seen is 6e-7.
 */
export const ALLOWED = 2e-6;

export const scores = (nn: Nn, model: Gpt): Float32Array => nn.evaluate(() => model.logits(ids).toArray());
