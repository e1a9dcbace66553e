import { alive, flag, kindOf, lengthOf, show, tag } from "../check.js";
import { complete, type Disposing } from "../disposable.js";
import { count, type Shape, sameShape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { checkOutside } from "./check-nn.js";
import type { SafetensorsInput } from "./safetensors.js";
import { Parameter } from "./value.js";

/**
 * Values of parameters by name: what `stateDict` gives, and `tensors` of a safetensors file. Only float32 can be loaded.
 *
 * @example
 * const state: StateDict = readSafetensors(writeSafetensors(model.stateDict())).tensors;
 * model.loadStateDict(state);
 */
export type StateDict = ReadonlyMap<string, SafetensorsInput>;

/**
 * The values of a parameter, or of one of its means in an optimiser.
 *
 * @example const values: ParameterValues | undefined = model.stateDict().get("head.bias");
 */
export interface ParameterValues {
  /** Sizes of the axes. */
  readonly shape: readonly number[];
  /** The elements, row-major. */
  readonly data: Float32Array;
}

/**
 * Layers with parameters. A parameter's name is the path of properties to it, as in PyTorch: `blocks.0.attn.qkv.weight`. Public
 * properties and arrays count; what lies in private ones, in maps or in other objects is no part of the module. A parent belongs there:
 * a module that is a part of itself is a RangeError.
 *
 * @example
 * class Gate extends Module {
 *   readonly up = new Linear(nn, random, 8, 16);
 *   readonly down = new Linear(nn, random, 8, 8);
 *   forward = (x: Value) => this.down.forward(glu(nn, this.up.forward(x)));
 * }
 * const gate = new Gate();
 * [...gate.parameters.keys()]; // up.weight, up.bias, down.weight, down.bias
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: complete() makes what the interface promises
export abstract class Module {
  #training = true;

  /** @internal */
  constructor() {
    complete(Module, "Module");
  }

  /** Whether dropout drops: true until `eval()`. */
  get training(): boolean {
    return this.#training;
  }

  /**
   * Puts this module and those in it into training mode.
   * @param on false for evaluation mode
   * @throws TypeError for another value
   *
   * @example model.train().training; // true
   */
  train(on = true): this {
    flag("Module.train", "on", on);
    this.#training = on;
    for (const [, part] of parts(this)) if (part instanceof Module) part.train(on);
    return this;
  }

  /**
   * Puts this module and those in it into evaluation mode: no dropout.
   *
   * @example model.eval().training; // false
   */
  eval(): this {
    return this.train(false);
  }

  /** Whether steps take the gradient of any of its parameters. */
  get requiresGrad(): boolean {
    for (const { requiresGrad } of this.parameters.values()) if (requiresGrad) return true;
    return false;
  }

  /**
   * Sets `requiresGrad` of all parameters, its own and those of its parts.
   * @throws TypeError inside of a step, and for what is neither true nor false
   *
   * @example model.tok.requiresGrad = false;
   */
  set requiresGrad(on: boolean) {
    flag("Module", "requiresGrad", on);
    for (const parameter of this.parameters.values()) parameter.requiresGrad = on;
  }

  /**
   * Lays the weights of all linear layers out as their products read them, for inference: otherwise each product does it anew. Same
   * bits; these weights take twice the memory. Undone by `optimizer.step`, by `loadStateDict`, and at the end of a `scope` in which it was
   * called; after you wrote to a parameter yourself, call it again.
   * @param on false gives the memory back
   * @throws TypeError inside of a step; RangeError when memory is exhausted: layers that were packed by then stay so
   *
   * @example model.eval().pack();
   */
  pack(on = true): this {
    for (const [, part] of parts(this)) if (part instanceof Module) part.pack(on);
    return this;
  }

  /** All parameters by name, in the order in which the properties were made. */
  get parameters(): ReadonlyMap<string, Parameter> {
    const found = new Map<string, Parameter>();
    const add = (name: string, parameter: Parameter): void => {
      if (found.has(name)) throw new RangeError(`Module: parameters must have names of their own, got two ${name}`);
      found.set(name, parameter);
    };
    for (const [name, part] of parts(this)) {
      if (part instanceof Parameter) add(name, part);
      else for (const [inner, parameter] of part.parameters) add(`${name}.${inner}`, parameter);
    }
    return found;
  }

  /** How many numbers the parameters are, all together; one that has several names counts once. */
  get parameterCount(): number {
    let sum = 0;
    for (const { shape } of new Set(this.parameters.values())) sum += count(shape);
    return sum;
  }

  /**
   * Forgets all gradients: those of the parameters become 0, and the next step begins new sums. After `optimizer.step` the next step does so by
   * itself; until then `grad` has what was used.
   * @throws TypeError when a parameter, or the instance, is disposed; RangeError when memory for gradients is exhausted
   *
   * @example
   * nn.step(() => model.loss(ids, targets));
   * model.zeroGrad();
   */
  zeroGrad(): void {
    for (const parameter of this.parameters.values()) {
      if (!parameter.requiresGrad) continue; // has none
      parameter.grad.data.fill(0);
      parameter.fresh = true;
    }
  }

  /**
   * Gives the memory of all parameters back, of their gradients and of what `pack` made, at once rather than when they are collected. A
   * second call does nothing; any other use throws a TypeError. An optimiser has memory of its own.
   *
   * @example new Linear(nn, random, 8, 3).dispose();
   */
  dispose(): void {
    for (const parameter of this.parameters.values()) {
      parameter.unpack();
      parameter.tensor.dispose();
      parameter.disposeGrad();
    }
  }

  /**
   * Copies of all parameters by name.
   * @throws TypeError when the instance is disposed
   *
   * @example const file = writeSafetensors(model.stateDict());
   */
  stateDict(): Map<string, ParameterValues> {
    return new Map([...this.parameters].map(([name, { shape, tensor }]) => [name, { shape, data: tensor.toArray() }]));
  }

  /**
   * Takes the values of all parameters from `state`. Of one that has several names one will do, as in files of models with tied weights.
   * @throws RangeError that lists what is missing, left over, of another shape, or of other values than the same parameter has by another name, up to
   * 200 at once; then nothing is changed. TypeError inside of a step, or when a parameter is disposed
   *
   * @example model.loadStateDict(readSafetensors(writeSafetensors(model.stateDict())).tensors);
   */
  loadStateDict(state: StateDict): void {
    const { parameters } = this;
    setAll("loadStateDict", new Map([...parameters].map(([name, { tensor }]) => [name, tensor])), state, "model");
    for (const parameter of parameters.values()) parameter.unpack();
  }
}

export interface Module extends Disposing {}

const OTHER = "one of another copy of laser-attention";

/** A module or a parameter of any copy, by what these have and hardly anything else. */
const isPart = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  (("parameterCount" in value && "loadStateDict" in value) || ("grad" in value && "toArray" in value));

export function checkModule(where: string, model: unknown): asserts model is Module {
  if (model instanceof Module) return;
  throw new TypeError(
    `${where}: model must be a module, got ${isPart(model) && !(model instanceof Parameter) ? OTHER : show(model)}`,
  );
}

export function checkParameters(where: string, { size }: ReadonlyMap<unknown, unknown>): void {
  if (size > 0) return;
  throw new RangeError(`${where}: model must have parameters, in public properties or arrays of modules, got none`);
}

export function stateMap(where: string, values: unknown): void {
  if (tag(values) === "Map") return;
  throw new TypeError(`${where}: the state must be a Map of tensors by name, got ${show(values)}`);
}

/** Copies values into the tensors of the same names, all or none. @throws RangeError that lists what does not fit */
export function setAll(
  where: string,
  targets: ReadonlyMap<string, Tensor>,
  values: StateDict,
  whole: string,
  misfit?: (name: string, data: Float32Array) => string | undefined,
): void {
  stateMap(where, values);
  const usable = (): void => {
    for (const [name, tensor] of targets) {
      checkOutside(where, tensor.storage.space);
      alive(where, name, tensor);
    }
  };
  usable();
  const wrong: string[] = [];
  const given = Array.from(targets, ([name, tensor]) => [name, tensor, values.get(name) as unknown] as const); // each looked at once
  const told = new Set(given.filter(([, , one]) => one !== undefined).map(([, tensor]) => tensor));
  const fitting = new Map<Tensor, readonly [name: string, data: Float32Array]>();
  for (const [name, tensor, one] of given) {
    if (one === undefined) {
      if (!told.has(tensor)) wrong.push(`${name} is missing`);
      continue;
    }
    const data = elementsOf(one, tensor.shape);
    if (typeof data === "string") {
      wrong.push(`${name} ${data}`);
      continue;
    }
    const text = misfit?.(name, data);
    if (text !== undefined) wrong.push(`${name} ${text}`);
    const [other, same] = fitting.get(tensor) ?? [];
    if (same?.some((x, n) => !Object.is(x, data[n]))) {
      wrong.push(`${name} must have the values of ${other}, which is the same parameter`);
    }
    fitting.set(tensor, [name, data]);
  }
  // Names that a file brings may be any text.
  for (const name of values.keys()) if (!targets.has(name)) wrong.push(`${show(name)} is not in this ${whole}`);
  if (wrong.length > 0) throw new RangeError(`${where}: ${listed(wrong)}`);
  usable(); // still, when all getters have run
  // Data that lie in the same memory, as those of another parameter, may be written to by the first of these.
  const sources = Array.from(fitting, ([tensor, [, data]]) => {
    return [tensor, tensor.storage.space.arena.holds(data) ? data.slice() : data] as const;
  });
  for (const [tensor, data] of sources) tensor.set(data);
}

/** The elements of an entry of a state, or what is wrong with it. */
function elementsOf(entry: unknown, shape: Shape): Float32Array | string {
  if (typeof entry !== "object" || entry === null) return `must be an object with shape and data, got ${show(entry)}`;
  const { shape: sizes, data } = entry as { shape?: unknown; data?: unknown };
  if (!Array.isArray(sizes) || !sameShape(sizes, shape)) return `must have shape ${show(shape)}, got ${show(sizes)}`;
  if (kindOf(data) !== "Float32Array") return `must be float32, got ${show(data)}`;
  if (lengthOf(data) !== count(shape)) return `must have ${count(shape)} elements, got ${lengthOf(data)}`;
  return data as Float32Array;
}

/** The most of what is wrong that a message tells: a file may have any number of tensors, with names of any length. */
const [MOST, LENGTH] = [200, 300];

function listed(wrong: readonly string[]): string {
  const lines = wrong.slice(0, MOST).map((line) => (line.length > LENGTH ? `${line.slice(0, LENGTH)}...` : line));
  return lines.join("; ") + (wrong.length > MOST ? `; and ${wrong.length - MOST} more` : "");
}

/**
 * Modules and parameters in the properties of a module or the elements of an array, arrays in arrays too. `path`: what leads there.
 * @throws RangeError when a module is a part of itself, at any depth; TypeError for a part that is of another copy of the package, which would
 * not be trained
 */
function parts(of: Module | readonly unknown[], path: readonly unknown[] = [of]): [string, Module | Parameter][] {
  const found: [string, Module | Parameter][] = [];
  for (const [name, value] of Object.entries(of)) {
    if (value instanceof Parameter) {
      found.push([name, value]);
      continue;
    }
    if (!(value instanceof Module || Array.isArray(value))) {
      if (isPart(value)) throw new TypeError(`Module: ${name} must be a module or a parameter, got ${OTHER}`);
      continue;
    }
    if (path.includes(value)) {
      throw new RangeError(
        "Module: a module must not be a part of itself: keep what it is a part of in a private property",
      );
    }
    const inner = parts(value, [...path, value]);
    if (value instanceof Module) found.push([name, value]);
    else for (const [place, part] of inner) found.push([`${name}.${place}`, part]);
  }
  return found;
}
