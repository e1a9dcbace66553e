/** AdamW (Loshchilov and Hutter, arXiv 1711.05101), in the order of operations of torch.optim.AdamW. */

import { alive, instance, show } from "../check.js";
import { integer } from "../check-number.js";
import { operand } from "../check-tensor.js";
import { complete, type Disposing } from "../disposable.js";
import { count } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { amount, check, checkStep } from "./check-adamw.js";
import { checkInstance, checkOutside } from "./check-nn.js";
import {
  checkModule,
  checkParameters,
  type Module,
  type ParameterValues,
  type StateDict,
  setAll,
  stateMap,
} from "./module.js";
import type { Nn } from "./nn.js";
import { split } from "./split.js";
import type { Parameter } from "./value.js";
import { whole } from "./whole.js";

/**
 * Options of {@link AdamW}.
 *
 * @example const options: AdamWOptions = { lr: 1e-3, betas: [0.9, 0.95], weightDecay: 0.1 };
 */
export interface AdamWOptions {
  /** Learning rate; `step` may give another one each time. Default 1e-3. */
  lr?: number | undefined;
  /** Share of the old means of gradients and of their squares that stays at each step. Default [0.9, 0.999]. */
  betas?: readonly [number, number] | undefined;
  /** Added to the root of the mean square. Default 1e-8. */
  eps?: number | undefined;
  /** A step shrinks a parameter by lr times this, as a share of it. Default 0.01. */
  weightDecay?: number | undefined;
  /**
   * Which parameters decay; a number is a weight decay of its own. Default: those with two axes or more, that is, not biases, norms
   * and the class token of a vit.
   */
  decays?: ((name: string, parameter: Parameter) => boolean | number) | undefined;
  /**
   * What the learning rate of a parameter is multiplied by. With 0 it stays as it is, has no means, and is not in the norm that `clip`
   * looks at. Default 1.
   */
  lrScale?: ((name: string, parameter: Parameter) => number) | undefined;
}

/**
 * Options of {@link AdamW.step}.
 *
 * @example const options: AdamWStepOptions = { lr: 1e-3, clip: 1 };
 */
export interface AdamWStepOptions {
  /** Learning rate of this step. Default: that of the optimiser. */
  lr?: number | undefined;
  /** The largest norm of all gradients; larger ones are scaled down to it. Default: none. */
  clip?: number | undefined;
}

/**
 * What {@link AdamW} goes on from: `moments` can be written to a file and read from it.
 *
 * @example const state: AdamWState = optimizer.stateDict();
 */
export interface AdamWState {
  /** Steps taken. */
  readonly steps: number;
  /**
   * The means of gradients by `m.NAME`, those of their squares by `v.NAME`; by `steps.NAME` [1] the steps in which a parameter had
   * part, where they are fewer.
   */
  readonly moments: StateDict;
}

interface Group {
  readonly name: string;
  readonly parameter: Parameter;
  readonly decay: number;
  readonly lrScale: number;
  readonly m: Tensor;
  readonly v: Tensor;
  /** Steps in which the parameter had part: its means are as old. */
  steps: number;
}

/** Passes (split.ts) that an element takes: 1.1 ns. */
const PASSES = 3;

/**
 * The optimiser of the parameters that a model has now, of those that `requiresGrad`: AdamW (Loshchilov and Hutter, arXiv 1711.05101), as
 * `torch.optim.AdamW`, where all parameters decay: `decays: () => true`.
 *
 * @example
 * const optimizer = new AdamW(nn, model, { lr: 1e-3, weightDecay: 0.05, decays: () => true });
 * const loss = nn.step(() => model.loss(ids, targets));
 * const norm = optimizer.step({ lr: 2e-3, clip: 1 });
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: complete() makes what the interface promises
export class AdamW {
  readonly #nn: Nn;
  readonly #options: { readonly lr: number; readonly betas: readonly [number, number]; readonly eps: number };
  readonly #groups: readonly Group[];
  /** Parameters that stay as they are: without means, and in no norm. */
  readonly #frozen: readonly Parameter[];
  #steps = 0;

  /**
   * @throws TypeError or RangeError for options that do not fit; TypeError inside of a step, or for a model of another instance;
   * RangeError for a model without parameters to change
   */
  constructor(nn: Nn, model: Module, options: AdamWOptions = {}) {
    complete(AdamW, "AdamW");
    checkInstance("AdamW", nn);
    checkModule("AdamW", model);
    const { lr, betas, eps, weightDecay, decays, lrScale } = check(options);
    // A parameter that has several names, such as a head that is the token table, takes part once.
    const named = new Map<Parameter, string>();
    for (const [name, parameter] of model.parameters) {
      operand("AdamW", name, parameter.tensor, "f32", nn.engine.space);
      if (!named.has(parameter)) named.set(parameter, name);
    }
    checkParameters("AdamW", named);
    this.#nn = nn;
    this.#options = { lr, betas, eps };
    const rated = [...named].map(([parameter, name]) => {
      const given = decays(name, parameter);
      const decay = given === true ? weightDecay : given === false ? 0 : given;
      const rate = { name, parameter, decay, lrScale: lrScale(name, parameter) };
      amount("AdamW", `decays of ${name}`, decay);
      amount("AdamW", `lrScale of ${name}`, rate.lrScale);
      return rate;
    });
    const moving = rated.filter(({ lrScale, parameter }) => lrScale > 0 && parameter.requiresGrad);
    if (moving.length === 0) {
      throw new RangeError("AdamW: model must have a parameter that requiresGrad, with an lrScale above 0, got none");
    }
    this.#frozen = rated.filter(({ lrScale }) => lrScale === 0).map(({ parameter }) => parameter);
    const bare = moving.filter(({ parameter }) => parameter.held === undefined);
    try {
      // No scope finds the moments in what it returns, since they are private: they end with the optimiser.
      // Now, not between the blocks of the first step, where gaps would stay.
      for (const { parameter } of moving) parameter.hold();
      this.#groups = nn.engine.space.scoped(undefined, () =>
        whole("AdamW", nn, () =>
          moving.map((rate) => ({
            ...rate,
            m: nn.la.zeros(rate.parameter.shape),
            v: nn.la.zeros(rate.parameter.shape),
            steps: 0,
          })),
        ),
      );
    } catch (error) {
      for (const { parameter } of bare) parameter.disposeGrad();
      throw error;
    }
  }

  /** Steps taken: those of `step` that changed a parameter. */
  get steps(): number {
    return this.#steps;
  }

  /**
   * L2 norm of all gradients together, in float64.
   * @throws TypeError when the instance, or a parameter, is disposed
   *
   * @example
   * nn.step(() => model.loss(ids, targets));
   * optimizer.gradientNorm();
   */
  gradientNorm(): number {
    this.#check("AdamW.gradientNorm");
    return this.#norm();
  }

  /**
   * Changes the parameters by their gradients, which count as used up. Parameters that had no part in the loss stay as they are.
   * @returns The norm of all gradients before clipping; NaN or infinity leaves every parameter as it is
   * @throws RangeError for a rate that is below 0, or no float32 with `lrScale`, or a clip that is not above 0; TypeError when the
   * instance, or a parameter, is disposed, inside of a step, or when no parameter has a gradient: no step came before
   *
   * @example
   * nn.step(() => model.loss(ids, targets));
   * const norm = optimizer.step({ lr: 1e-3, clip: 1 });
   */
  step(options: AdamWStepOptions = {}): number {
    const { lr = this.#options.lr, clip = Number.POSITIVE_INFINITY } = checkStep(options);
    this.#check("AdamW.step");
    checkOutside("AdamW.step", this.#nn.engine.space);
    const groups = this.#groups.filter(({ parameter }) => !parameter.fresh);
    if (groups.length === 0) {
      throw new TypeError(
        "AdamW.step: a parameter that is not frozen must have a gradient, of a loss made inside of nn.step, which no optimiser has used and no zeroGrad forgotten: call nn.step before each optimizer.step",
      );
    }
    const norm = this.#norm();
    if (!Number.isFinite(norm)) {
      // Who had no part has the gradient of an older step, which checkFinite must not blame.
      for (const { parameter } of this.#groups) if (parameter.fresh) parameter.forget();
    } else {
      for (const { name, lrScale } of groups) amount("AdamW.step", `lr times lrScale of ${name}`, lr * lrScale);
      this.#nn.engine.pool?.members(0); // throws if a worker has ended, before anything is counted: the step can be taken again
      this.#steps++;
      const { betas, eps } = this.#options;
      // As torch.nn.utils.clip_grad_norm_.
      const scale = norm > clip ? clip / (norm + 1e-6) : 1;
      for (const group of groups) {
        const { parameter, decay, lrScale, m, v } = group;
        const n = count(parameter.shape);
        group.steps++;
        const [c1, c2] = [1 - power(betas[0], group.steps), 1 - power(betas[1], group.steps)];
        parameter.unpack();
        split(this.#nn.engine, "adamw", n, 64, PASSES * n, (first, size) => {
          const at = 4 * first;
          const state = [parameter.tensor.ptr + at, parameter.grad.ptr + at, m.ptr + at, v.ptr + at] as const;
          return [...state, size, lr * lrScale, ...betas, eps, decay, c1, c2, scale];
        });
      }
    }
    for (const parameter of [...groups.map(({ parameter }) => parameter), ...this.#frozen]) parameter.fresh = true;
    return norm;
  }

  /**
   * What a checkpoint needs: copies of the moments, and the numbers of steps.
   * @throws TypeError when the instance, or a parameter, is disposed
   *
   * @example
   * const { steps } = optimizer.stateDict();
   */
  stateDict(): AdamWState {
    this.#check("AdamW.stateDict");
    const moments = new Map<string, ParameterValues>();
    for (const { name, parameter, m, v, steps } of this.#groups) {
      moments.set(`m.${name}`, { shape: parameter.shape, data: m.toArray() });
      moments.set(`v.${name}`, { shape: parameter.shape, data: v.toArray() });
      if (steps !== this.#steps) moments.set(`steps.${name}`, { shape: [1], data: Float32Array.of(steps) });
    }
    return { steps: this.#steps, moments };
  }

  /**
   * Goes on from a state.
   * @throws RangeError that lists the moments that do not fit, up to 200 at once; then nothing is changed; TypeError inside of a step
   *
   * @example optimizer.loadStateDict(optimizer.stateDict());
   */
  loadStateDict(state: AdamWState): void {
    const where = "AdamW.loadStateDict";
    if (typeof state !== "object" || state === null) {
      throw new TypeError(`${where}: the state must be an object with steps and moments, got ${show(state)}`);
    }
    const { steps, moments } = state;
    this.#check(where);
    integer(where, "steps", steps, 0);
    const targets = this.#groups.flatMap(({ name, m, v }) => [[`m.${name}`, m] as const, [`v.${name}`, v] as const]);
    stateMap(where, moments);
    const rest = new Map(moments);
    const counts = this.#groups.map(({ name }) => {
      const count = `steps.${name}`;
      const own = rest.has(count) ? rest.get(count)?.data?.[0] : steps;
      rest.delete(count);
      integer(where, count, own, 0);
      return own;
    });
    setAll(where, new Map(targets), rest, "optimiser", (name, data) => {
      const bad = data.find((x) => !(Number.isFinite(x) && (name.startsWith("m.") || x >= 0)));
      return bad === undefined ? undefined : `must be finite, a mean of squares not below 0, got ${bad}`;
    });
    this.#steps = steps;
    for (const [n, group] of this.#groups.entries()) group.steps = counts[n]!;
  }

  /**
   * Gives the memory of its means back, at once rather than when it is collected. A second call does nothing; any other use throws a
   * TypeError. The model stays.
   *
   * @example new AdamW(nn, model).dispose();
   */
  dispose(): void {
    for (const { m, v } of this.#groups) for (const tensor of [m, v]) tensor.dispose();
  }

  /** Kernels write wherever a tensor was: all of them must be there still. */
  #check(where: string): void {
    instance(this.#nn.engine.space.arena.disposed);
    for (const { name, parameter, m, v } of this.#groups) {
      for (const tensor of [parameter.tensor, parameter.held]) if (tensor !== undefined) alive(where, name, tensor);
      for (const tensor of [m, v]) alive(where, `the mean of ${name}`, tensor);
    }
  }

  #norm(): number {
    const { kernels } = this.#nn.engine;
    let sum = 0;
    for (const { parameter } of this.#groups) {
      if (!parameter.fresh) sum += kernels.sumSquares(parameter.grad.ptr, count(parameter.shape));
    }
    return Math.sqrt(sum);
  }
}

export interface AdamW extends Disposing {}

/** x^n by repeated squaring: Math.pow differs between engines. */
function power(x: number, n: number): number {
  let [result, square] = [1, x];
  for (let rest = n; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result *= square;
    square *= square;
  }
  return result;
}
