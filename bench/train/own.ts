/** This package as users install it: plain, relaxed, and relaxed on two threads. */
import { pathToFileURL } from "node:url";
import type { bert, conformer, gpt, vit } from "../../src/models/index.js";
import type { AdamW, createSync, crossEntropy, Loss, Module, Nn } from "../../src/nn/index.js";
import { load } from "../peers/peer.js";
import { imageBatch, speechBatch, tokenBatch } from "./batch.js";
import { adamw, type Library, type Start, type Trainer } from "./trainer.js";
import type { Workload } from "./workloads.js";

interface Package {
  createSync: typeof createSync;
  AdamW: typeof AdamW;
  crossEntropy: typeof crossEntropy;
  bert: typeof bert;
  conformer: typeof conformer;
  gpt: typeof gpt;
  vit: typeof vit;
}

/** `dist`: of another checkout, perhaps. */
export async function openPackage(dist = pathToFileURL("dist/")): Promise<Package> {
  const entry = (name: string) => load<Package>(new URL(`${name}/index.js`, dist).href);
  return { ...(await entry("nn")), ...(await entry("models")) };
}

/** The model of a workload, and the loss of its batch. */
export function build(own: Package, nn: Nn, workload: Workload) {
  const { sizes, variant, task } = workload;
  const { width, heads, layers } = sizes;
  const common = { width, heads, layers, variant, seed: 1 };
  if (task.family === "vit") {
    const { patches, labels } = imageBatch(workload);
    const { side, patch, classes } = task;
    const model = own.vit(nn, { ...common, side, patch, classes });
    return { model: model as Module, loss: (): Loss => model.loss(patches, labels) };
  }
  if (task.family === "conformer") {
    const { features, frames, targets } = speechBatch(workload);
    const { mels, stack, context, classes, kernel } = task;
    const model = own.conformer(nn, { ...common, mels, stack, context, classes, kernel });
    const loss = (): Loss => own.crossEntropy(nn, model.logits(features, frames), targets);
    return { model: model as Module, loss };
  }
  const { ids, targets } = tokenBatch(workload);
  const { vocabulary, context } = task;
  const model = own[task.family](nn, { ...common, vocabulary, context });
  return { model: model as Module, loss: (): Loss => model.loss(ids, targets) };
}

export interface OwnTrainer extends Trainer {
  nn: Nn;
  parameters: number;
}

export type Options = { threads: number; simd: "plain" | "relaxed" };

type Open = (workload: Workload, start?: Start) => OwnTrainer;

export async function openOwn(options: Options, dist?: URL): Promise<Open> {
  const own = await openPackage(dist);
  return (workload, start) => {
    const nn = own.createSync(options);
    const { model, loss } = build(own, nn, workload);
    if (start) model.loadStateDict(start);
    const optimizer = new own.AdamW(nn, model, { ...adamw, decays: () => true });
    const step = () => {
      const value = nn.step(loss);
      optimizer.step();
      return value;
    };
    return { nn, parameters: model.parameterCount, step, dispose: () => nn.dispose() };
  };
}

/** The parameters that all begin with. */
export async function startOf(workload: Workload): Promise<Start> {
  const own = await openPackage();
  const nn = own.createSync({ threads: 1 });
  const state = build(own, nn, workload).model.stateDict();
  nn.dispose();
  return state;
}

const library = (name: string, options: Options): Library => ({
  name,
  packages: ["laser-attention"],
  open: () => openOwn(options),
});

export const builds = {
  plain: { threads: 1, simd: "plain" },
  relaxed: { threads: 1, simd: "relaxed" },
  "2 threads": { threads: 2, simd: "relaxed" },
} as const;
export const openRelaxed = (): Promise<Open> => openOwn(builds.relaxed);
export const own: readonly Library[] = Object.entries(builds).map(([name, options]) => library(name, options));
export const relaxed = own.find(({ name }) => name === "relaxed")!;
