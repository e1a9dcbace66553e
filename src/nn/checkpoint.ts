/** A training run as one safetensors file: parameters, the optimiser's moments, the model's config, what the trainer adds. */

import { show } from "../check.js";
import type { Copied } from "../types.js";
import { AdamW, type AdamWState } from "./adamw.js";
import { checkJson, type Json, parseJson } from "./json.js";
import { checkModule, checkParameters, type Module, type ParameterValues } from "./module.js";
import { readSafetensors, type SafetensorsInput, type SafetensorsTensor, writeSafetensors } from "./safetensors.js";

/**
 * A model that a checkpoint can name: those of `laser-attention/models`, and modules with these properties.
 *
 * @example const saved: Saved = model;
 */
export interface Saved extends Module {
  /** "gpt", "bert", "vit", "conformer", or a name of your own. */
  readonly family: string;
  /** What the model is made from: numbers, strings and booleans. */
  readonly config: object;
}

/**
 * What {@link loadCheckpoint} gives. A file that is a state dict and nothing else has only `state`.
 *
 * @example const checkpoint: Checkpoint = loadCheckpoint(saveCheckpoint(model));
 */
export interface Checkpoint {
  /** Parameters by name, for `model.loadStateDict`. */
  state: ReadonlyMap<string, ParameterValues>;
  /** "gpt", "bert", "vit", "conformer", or the name of a module of your own. */
  family: string | undefined;
  /** What the model is made from. */
  config: { readonly [name: string]: Json } | undefined;
  /** For `optimizer.loadStateDict`. */
  optimizer: AdamWState | undefined;
  /** What the trainer added. */
  extra: { readonly [name: string]: Json };
}

/** Names of the moments in the file begin so. */
const OPTIMIZER = "optimizer.";

/**
 * The file of a run, taken between an `optimizer.step` and the next `nn.step`: gradients are not in it.
 *
 * Tensors: parameters by their names, which are PyTorch's, moments as `optimizer.m.NAME` and `optimizer.v.NAME`, and
 * `optimizer.steps.NAME` [1] of a parameter that did not take part in every step. Metadata, each as
 * text: `family`, `config`, `steps` of the optimiser, and `extra`.
 *
 * @param model With its family and config
 * @param optimizer Left out, the file is a model to use, not a run to go on with
 * @param extra What else going on takes, in JSON: the state of the data's generator, the step, the best loss so far
 *
 * @example
 * const file = saveCheckpoint(model, optimizer, { step: 200, random: random.state }); // for writeFile of node:fs/promises
 *
 * @throws TypeError for an extra that JSON would change, such as NaN or a typed array; RangeError for a parameter whose name
 * begins with `optimizer.`, or a model without parameters
 */
export function saveCheckpoint(
  model: Saved,
  optimizer?: AdamW,
  extra: { readonly [name: string]: unknown } = {},
): Copied<"u8"> {
  const where = "saveCheckpoint";
  checkModule(where, model);
  const { family, config } = model;
  if (typeof family !== "string") throw new TypeError(`${where}: model must have a family, got ${show(family)}`);
  checkJson(where, "config", config);
  checkJson(where, "extra", extra);
  const tensors = new Map<string, SafetensorsInput>();
  checkParameters(where, model.parameters);
  for (const [name, tensor] of model.stateDict()) {
    if (name.startsWith(OPTIMIZER)) {
      throw new RangeError(`${where}: no parameter's name can begin with ${OPTIMIZER}, got ${show(name)}`);
    }
    tensors.set(name, tensor);
  }
  const metadata: Record<string, string> = { family, config: JSON.stringify(config), extra: JSON.stringify(extra) };
  if (optimizer !== undefined) {
    if (!(optimizer instanceof AdamW)) {
      throw new TypeError(`${where}: optimizer must be an AdamW, got ${show(optimizer, AdamW)}`);
    }
    const { steps, moments } = optimizer.stateDict();
    metadata.steps = String(steps);
    for (const [name, tensor] of moments) tensors.set(OPTIMIZER + name, tensor);
  }
  return writeSafetensors(tensors, { metadata });
}

/**
 * Reads a file of {@link saveCheckpoint}, or any safetensors file of floats, such as a state dict of PyTorch: F16, BF16 and F64
 * become float32; integers are left out, so that quantised weights do not load. Ours are told by their metadata: `family`, `config` and `extra`; that of others is not read.
 *
 * A run that goes on from here has the same losses, to the bit, as one that never stopped, when the optimiser is made with the
 * same options and the data goes on where it was.
 *
 * @example
 * const file = saveCheckpoint(model, optimizer, { random: random.state });
 * const checkpoint = loadCheckpoint(file); // or of readFile
 * model.loadStateDict(checkpoint.state);
 * if (checkpoint.optimizer !== undefined) optimizer.loadStateDict(checkpoint.optimizer);
 * const drawn = new Random(checkpoint.extra.random as RandomState);
 *
 * @throws RangeError when the file or its metadata is broken, TypeError for another kind of thing
 */
export function loadCheckpoint(bytes: Uint8Array | ArrayBuffer): Checkpoint {
  const where = "loadCheckpoint";
  const { tensors, metadata } = readSafetensors(bytes);
  const [state, moments] = [new Map<string, ParameterValues>(), new Map<string, ParameterValues>()];
  // Who has no more than some of our keys is another program, whose metadata and names say what they like.
  const ours = ["family", "config", "extra"].every((key) => Object.hasOwn(metadata, key));
  const { family, config, extra, steps } = ours ? metadata : ({} as Record<string, string>);
  for (const [name, tensor] of tensors) {
    const to = steps !== undefined && name.startsWith(OPTIMIZER) ? moments : state;
    const data = floatsOf(tensor);
    if (data === undefined) continue;
    const values = { shape: tensor.shape, data };
    to.set(to === moments ? name.slice(OPTIMIZER.length) : name, values);
  }
  if (tensors.size > 0 && state.size + moments.size === 0) {
    throw new TypeError(`${where}: the file must have tensors of floats, got ${[...tensors.values()][0]!.dtype} alone`);
  }
  const taken = Number(steps);
  if (steps !== undefined && !(/^\d+$/.test(steps) && Number.isSafeInteger(taken))) {
    throw new RangeError(`${where}: steps must be an integer of 0 or more, got ${show(steps)}`);
  }
  return {
    state,
    family,
    config: ours ? parseJson(where, "config", config) : undefined,
    optimizer: steps === undefined ? undefined : { steps: taken, moments },
    extra: ours ? parseJson(where, "extra", extra) : {},
  };
}

/** No parameter is of integers: what is has another use, such as the numbers of places in files of PyTorch. */
function floatsOf({ data }: SafetensorsTensor): Float32Array | undefined {
  if (data instanceof Float32Array) return data;
  return data instanceof Float64Array ? Float32Array.from(data) : undefined;
}
