import { count, type Shape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import type { NnEngine } from "./engine.js";
import { split } from "./split.js";
import { Parameter, Value } from "./value.js";

/** Writes a gradient into `to`, or adds to it. */
type Write = (to: Tensor, add: boolean) => void;

interface Entry {
  readonly out: Value;
  readonly saved: readonly Tensor[];
  backward(dout: Tensor): void;
}

/**
 * What a step did, in order, so that its gradients can be taken in the reverse order. Each operation writes its backward pass
 * beside its forward pass and records it here; what it made is released as soon as its backward pass has run.
 */
export class Tape {
  readonly engine: NnEngine;
  /** Whether operations are recorded: not while evaluating. */
  recording = false;
  readonly #entries: Entry[] = [];
  /** Parameters whose gradient this step began. */
  readonly #begun: Parameter[] = [];

  constructor(engine: NnEngine) {
    this.engine = engine;
  }

  /** A new tensor of the step, uninitialised. */
  empty(shape: Shape): Tensor {
    return this.engine.space.allocate(shape, "f32");
  }

  /** The same with a copy of integers, which kernels read as i32. */
  integers(values: ArrayLike<number>): Tensor {
    const tensor = this.empty([values.length]);
    this.engine.space.arena.i32(tensor.ptr, values.length).set(values);
    return tensor;
  }

  /** The result of an operation on `inputs`; `backward` gets its gradient, `saved` is what only that needs. */
  record<V extends Value = Value>(
    tensor: Tensor,
    inputs: readonly (Value | undefined)[],
    saved: readonly Tensor[],
    backward: (dout: Tensor) => void,
    make = (tracked: boolean): V => new Value(tensor, tracked) as V,
  ): V {
    const out = make(this.recording && inputs.some((input) => input?.tracked === true));
    const { tracked } = out;
    if (tracked && this.engine.space.made !== undefined) {
      throw new TypeError("scope: must not be used inside of a training step, which needs what a scope releases");
    }
    if (tracked) this.#entries.push({ out, saved, backward });
    else for (const one of saved) one.dispose();
    return out;
  }

  /**
   * A contribution to the gradient of `value`: `write` is called with where to put it. `adds` says that it can add to what is
   * there; otherwise a second contribution is written apart and added.
   */
  give(value: Value, write: Write, adds = false): void {
    if (!value.tracked) return;
    const there = this.#gradientOf(value);
    if (there === undefined) {
      const tensor = this.empty(value.shape);
      write(tensor, false);
      value.gradient = { tensor, owners: 1 };
    } else if (value instanceof Parameter && value.fresh) {
      write(there, false);
      this.#begin(value);
    } else if (adds) write(there, true);
    else {
      const more = this.empty(value.shape);
      write(more, false);
      this.add(there, more);
      more.dispose();
    }
  }

  /**
   * Contributions to two parameters from one kernel, which writes both gradients or adds to both. Where one has a part already
   * and the other has none, the other begins with zeros; one parameter in both places gets the second part afterwards.
   */
  giveBoth(one: Parameter, two: Parameter, write: (first: Tensor, second: Tensor, add: boolean) => void): void {
    if (one === two) {
      const [first, second] = [this.empty(one.shape), this.empty(one.shape)];
      write(first, second, false);
      for (const part of [first, second]) {
        this.giveCopy(one, part);
        part.dispose();
      }
      return;
    }
    const add = !(one.fresh && two.fresh);
    for (const parameter of [one, two]) {
      if (!parameter.fresh) continue;
      if (add) parameter.grad.data.fill(0);
      this.#begin(parameter);
    }
    write(one.grad, two.grad, add);
  }

  /** The gradient of `value` is that of the result itself, or that much more. */
  pass(value: Value, from: Value, dout: Tensor): void {
    if (!value.tracked) return;
    if (value.gradient === undefined && !(value instanceof Parameter) && from.gradient?.tensor === dout) {
      value.gradient = from.gradient;
      value.gradient.owners++;
    } else this.giveCopy(value, dout);
  }

  /** A contribution that lies in a tensor already. */
  giveCopy(value: Value, part: Tensor): void {
    this.give(value, (to, add) => (add ? this.add(to, part) : to.data.set(part.data)), true);
  }

  /** y = factor x */
  scale(y: Tensor, x: Tensor, factor: number): void {
    const n = count(y.shape);
    split(this.engine, "scale", n, 64, n, (first, size) => [y.ptr + 4 * first, x.ptr + 4 * first, factor, size]);
  }

  /** y += x */
  add(y: Tensor, x: Tensor): void {
    const n = count(y.shape);
    split(this.engine, "addTo", n, 64, n, (first, size) => [y.ptr + 4 * first, x.ptr + 4 * first, size]);
  }

  /** Takes the gradients of everything recorded, from the last entry on, whose result is a loss. */
  backward(): void {
    for (let entry = this.#entries.pop(); entry !== undefined; entry = this.#entries.pop()) {
      const { out, saved, backward } = entry;
      const dout = out.gradient?.tensor;
      if (dout !== undefined) {
        backward(dout);
        this.#drop(out);
      }
      out.tensor.dispose();
      for (const tensor of saved) tensor.dispose();
    }
  }

  /** Forgets what was recorded. `whole`: false for a step that threw, whose gradients are taken back where it began them. */
  clear(whole: boolean): void {
    this.#entries.length = 0;
    if (!whole) for (const parameter of this.#begun) parameter.fresh = true;
    this.#begun.length = 0;
  }

  #begin(parameter: Parameter): void {
    parameter.fresh = false;
    this.#begun.push(parameter);
  }

  /** The gradient there is, for this value alone: one that is shared is copied before anything is added to it. */
  #gradientOf(value: Value): Tensor | undefined {
    if (value instanceof Parameter) return value.grad;
    const { gradient } = value;
    if (gradient === undefined || gradient.owners === 1) return gradient?.tensor;
    gradient.owners--;
    const tensor = this.empty(value.shape);
    tensor.data.set(gradient.tensor.data);
    value.gradient = { tensor, owners: 1 };
    return tensor;
  }

  #drop(value: Value): void {
    const { gradient } = value;
    value.gradient = undefined;
    if (gradient !== undefined && --gradient.owners === 0) gradient.tensor.dispose();
  }
}
