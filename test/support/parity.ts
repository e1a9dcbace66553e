/** Replays of the training goldens: the same parameters, batches and optimiser, against PyTorch's float64 run. */

import { statSync } from "node:fs";
import { bert, conformer, gpt, vit } from "../../src/models/index.js";
import { patchesOf } from "../../src/models/patches.js";
import type { Loss, Module, Nn } from "../../src/nn/index.js";
import { AdamW } from "../../src/nn/index.js";
import { readSafetensors, type SafetensorsTensor } from "../../src/nn/safetensors.js";

/** The first of these paths that is no file, or "none" where there are none. */
export const noFile = (paths: readonly string[]): string | undefined =>
  paths.length === 0 ? "none" : paths.find((path) => statSync(path, { throwIfNoEntry: false })?.isFile() !== true);

/** The largest relative error of a kind, and where it is. */
export interface Worst {
  error: number;
  where: string;
}

export interface Parity {
  steps: number;
  /** Loss of every step before its update. */
  loss: Worst;
  /** Step-0 gradients of block 0's attention: relative Frobenius norm of the difference. */
  gradient: Worst;
  /** L2 norms of all step-0 gradients, and of all parameters after the last step. */
  gradientNorm: Worst;
  endNorm: Worst;
  ms: number;
}

/** What the issue asks for; PyTorch's own float32 keeps 1.1e-6 for the loss. */
export const parityLimits = { loss: 3e-6, gradient: 1e-5, gradientNorm: 1e-5, endNorm: 1e-5 } as const;

interface Config {
  [name: string]: number | number[];
}

/** A model and its loss on the batch of a step. */
type Case = { model: Module; loss(step: number): Loss };

type Tensors = ReadonlyMap<string, SafetensorsTensor>;
type Ints = Uint8Array | Int32Array;

/** Row `index` of the leading axis; int64, as PyTorch has token ids, as int32. */
function at(tensors: Tensors, name: string, index: number): { data: Ints; shape: number[] } {
  const { data, shape } = tensors.get(`data.${name}`)!;
  const size = data.length / shape[0]!;
  const row = data.subarray(index * size, (index + 1) * size);
  const wide = row instanceof BigInt64Array || row instanceof BigUint64Array;
  return { data: wide ? Int32Array.from(row, Number) : (row as Ints), shape: shape.slice(1) };
}

/** The same as B rows. */
function rows(tensors: Tensors, name: string, step: number): Ints[] {
  const { data, shape } = at(tensors, name, step);
  const N = shape[1]!;
  return Array.from({ length: shape[0]! }, (_, b) => data.subarray(b * N, (b + 1) * N) as Ints);
}

const cases: Record<string, (nn: Nn, config: Config, tensors: Tensors, variant: "standard" | "laser") => Case> = {
  lm(nn, config, tensors, variant) {
    const model = gpt(nn, {
      ...sizes(config),
      vocabulary: config.vocab as number,
      context: config.ctx as number,
      variant,
    });
    return { model, loss: (step) => model.loss(rows(tensors, "ids", step), rows(tensors, "targets", step)) };
  },
  bert(nn, config, tensors, variant) {
    const model = bert(nn, {
      ...sizes(config),
      vocabulary: config.vocab as number,
      context: config.ctx as number,
      variant,
    });
    const loss = (step: number): Loss => {
      const masked = rows(tensors, "masked", step);
      const targets = rows(tensors, "targets", step).map((row, b) =>
        Int32Array.from(row, (id, i) => (masked[b]![i] ? id : -1)),
      );
      return model.loss(rows(tensors, "ids", step), targets);
    };
    return { model, loss };
  },
  vit(nn, config, tensors, variant) {
    const { side, patch, classes } = config as Record<string, number>;
    const model = vit(nn, { ...sizes(config), side: side!, patch: patch!, classes: classes!, variant });
    const loss = (step: number): Loss => {
      const { data } = at(tensors, "images", step);
      return model.loss(patchesOf(data as Uint8Array, side!, patch!), at(tensors, "labels", step).data);
    };
    return { model, loss };
  },
  conformer(nn, config, tensors, variant) {
    const { mels, stack, ctx, classes, kernel } = config as Record<string, number>;
    const model = conformer(nn, {
      ...sizes(config),
      ...{ mels: mels!, stack: stack!, context: ctx!, classes: classes!, kernel: kernel!, variant },
    });
    const loss = (step: number): Loss => {
      const lengths = at(tensors, "target_lengths", step).data;
      const targets = rows(tensors, "targets", step).map((row, b) => Array.from(row.subarray(0, lengths[b])));
      const features = at(tensors, "feats", step).data as unknown as Float32Array;
      return model.loss(features, at(tensors, "frames", step).data, targets);
    };
    return { model, loss };
  },
};

const sizes = ({ d, heads, layers }: Config) => ({
  width: d as number,
  heads: heads as number,
  layers: layers as number,
});

const norm = (x: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i]! ** 2;
  return Math.sqrt(sum);
};

/** The key third of a qkv bias has the gradient 0: adding one vector to all keys changes no softmax. */
const withoutKeys = (name: string, x: Float32Array): Float32Array =>
  name.endsWith("qkv.bias") ? Float32Array.of(...x.subarray(0, x.length / 3), ...x.subarray((2 * x.length) / 3)) : x;

/** Runs a golden file of training. `progress` is called after each step. */
export function replay(nn: Nn, bytes: Uint8Array, progress?: (step: number, steps: number) => void): Parity {
  const start = performance.now();
  const { tensors, metadata } = readSafetensors(bytes);
  for (const name of ["config", "norms", "model", "variant"]) {
    if (metadata[name] === undefined) throw new TypeError(`parity: a golden of training has ${name} in its metadata`);
  }
  const config = JSON.parse(metadata.config!) as Config;
  const norms = JSON.parse(metadata.norms!) as { grad0_norm: Record<string, number>; end_norm: Record<string, number> };
  const { model, loss } = cases[metadata.model!]!(nn, config, tensors, metadata.variant as "standard" | "laser");
  const part = (prefix: string) =>
    [...tensors]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, tensor]) => [name.slice(prefix.length), tensor] as const);
  model.loadStateDict(new Map(part("init.")) as Parameters<Module["loadStateDict"]>[0]);
  const {
    lr,
    betas,
    eps,
    weight_decay: weightDecay,
  } = config as { lr: number; betas: [number, number]; eps: number; weight_decay: number };
  const optimizer = new AdamW(nn, model, { lr, betas, eps, weightDecay, decays: () => true });
  const losses = tensors.get("losses")!.data as Float64Array;
  const worst = { loss: none(), gradient: none(), gradientNorm: none(), endNorm: none() };
  const note = (kind: keyof typeof worst, where: string, got: number, expected: number): void => {
    const error = Math.abs(got - expected) / Math.abs(expected);
    if (!(error <= worst[kind].error)) worst[kind] = { error, where };
  };
  for (const [step, expected] of losses.entries()) {
    note(
      "loss",
      `step ${step}`,
      nn.step(() => loss(step)),
      expected,
    );
    if (step === 0) {
      for (const [name, { data }] of part("grad0.")) {
        const [got, want] = [model.parameters.get(name)!.grad.data, data as Float32Array].map((x) =>
          withoutKeys(name, x),
        ) as [Float32Array, Float32Array];
        const difference = norm(got.map((x, i) => x - want[i]!));
        note("gradient", name, norm(want) + difference, norm(want));
      }
      for (const [name, expectedNorm] of Object.entries(norms.grad0_norm)) {
        note("gradientNorm", name, norm(model.parameters.get(name.slice("grad0.".length))!.grad.data), expectedNorm);
      }
    }
    optimizer.step();
    progress?.(step + 1, losses.length);
  }
  for (const [name, expected] of Object.entries(norms.end_norm)) {
    // Adam takes steps of full length in a direction that is all rounding.
    if (name.endsWith("qkv.bias")) continue;
    note("endNorm", name, norm(model.parameters.get(name)!.tensor.data), expected);
  }
  return { steps: losses.length, ...worst, ms: performance.now() - start };
}

const none = (): Worst => ({ error: 0, where: "" });

/** The kinds of error that are beyond their limits. */
export const failures = (parity: Parity): string[] =>
  (Object.keys(parityLimits) as (keyof typeof parityLimits)[])
    .filter((kind) => !(parity[kind].error <= parityLimits[kind]))
    .map((kind) => `${kind} ${parity[kind].error.toExponential(1)} of ${parityLimits[kind]} at ${parity[kind].where}`);
