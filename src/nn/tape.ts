import { alive } from "../check.js";
import { count, type Shape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import type { NnEngine } from "./engine.js";
import { Loss } from "./loss.js";
import { split } from "./split.js";
import { Parameter, Value } from "./value.js";

/** Writes a gradient into `to`, or `base` plus the gradient. */
type Write = (to: Tensor, base?: Tensor) => void;

/** Whether a writer can add: not, to what is in `to`, or to any base. */
type Adds = "never" | "in place" | "to a base";

interface Entry {
  readonly out: Value;
  readonly saved: readonly Tensor[];
  /** What `backward` hands on: released here only if nobody asks for the gradient. */
  readonly handed: Tensor | undefined;
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

  /** Whether a result of `inputs` will get a gradient. */
  tracks(inputs: readonly (Value | undefined)[]): boolean {
    return this.recording && inputs.some((input) => input?.tracked === true);
  }

  /**
   * The result of an operation on `inputs`, a loss where there is an `item`; `backward` gets its gradient, `saved` is what only that
   * needs, `handed` what it hands on.
   */
  record(
    tensor: Tensor,
    inputs: readonly (Value | undefined)[],
    saved: readonly Tensor[],
    backward: (dout: Tensor) => void,
    { item, handed }: { item?: number | undefined; handed?: Tensor | undefined } = {},
  ): Value {
    const tracked = this.tracks(inputs);
    const out = item === undefined ? new Value(tensor, tracked) : new Loss(tensor, tracked, item);
    if (tracked) this.engine.space.recorded = this.#entries.push({ out, saved, handed, backward });
    else for (const one of saved) one.dispose();
    return out;
  }

  /** A loss whose forward pass has already written its gradient with respect to x, `dx`, for a gradient of 1. */
  loss(item: number, x: Value, dx: Tensor | undefined, saved: readonly Tensor[] = []): Loss {
    const tensor = this.empty([1]);
    tensor.data[0] = item;
    const backward = (dout: Tensor): void => {
      this.scale(dx!, dx!, dout.data[0]!);
      this.hand(x, dx!);
    };
    return this.record(tensor, [x], saved, backward, { item, handed: dx }) as Loss;
  }

  /**
   * A contribution to the gradient of `value`: `write` is called with where to put it, and with what is there if it can add to that;
   * otherwise a second contribution is written apart and added. A gradient that two values share is left as it is.
   */
  give(value: Value, write: Write, adds: Adds = "never"): void {
    if (!value.tracked) return;
    const { gradient } = value;
    if (value instanceof Parameter) {
      const grad = this.#gradOf(value);
      const base = value.fresh ? undefined : grad;
      if (value.fresh) this.#begin(value);
      this.#join(grad, base, write, adds);
    } else if (gradient === undefined || gradient.owners > 1) {
      const tensor = this.empty(value.shape);
      this.#join(tensor, gradient?.tensor, write, adds);
      if (gradient !== undefined) gradient.owners--;
      value.gradient = { tensor, owners: 1 };
    } else this.#join(gradient.tensor, gradient.tensor, write, adds);
  }

  /**
   * Contributions to two parameters from one kernel, which writes both gradients or adds to both. Where one has a part already
   * and the other has none, the other begins with zeros; where one is in both places, or needs none, parts are written apart.
   */
  giveBoth(one: Parameter, two: Parameter, write: (first: Tensor, second: Tensor, add: boolean) => void): void {
    if (!one.tracked && !two.tracked) return;
    if (one === two || !one.tracked || !two.tracked) {
      const [first, second] = [this.empty(one.shape), this.empty(two.shape)];
      write(first, second, false);
      this.hand(one, first);
      this.hand(two, second);
      return;
    }
    const add = !(one.fresh && two.fresh);
    for (const parameter of [one, two]) {
      if (!parameter.fresh) continue;
      if (add) parameter.grad.data.fill(0);
      this.#begin(parameter);
    }
    write(this.#gradOf(one), this.#gradOf(two), add);
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
    this.give(
      value,
      (to, base) => (base === undefined ? to.data.set(part.data) : this.sum(to, base, part)),
      "to a base",
    );
  }

  /** A contribution whose tensor nobody else needs: it becomes the gradient, or is added to it and released. */
  hand(value: Value, part: Tensor): void {
    if (value.tracked && !(value instanceof Parameter) && value.gradient === undefined) {
      value.gradient = { tensor: part, owners: 1 };
      return;
    }
    this.giveCopy(value, part);
    part.dispose();
  }

  /** y = factor x; y may be x. */
  scale(y: Tensor, x: Tensor, factor: number): void {
    const n = count(y.shape);
    split(this.engine, "scale", n, 64, n, (first, size) => [y.ptr + 4 * first, x.ptr + 4 * first, factor, size]);
  }

  /** y = a b, elementwise; y may be one of them. */
  multiply(y: Tensor, a: Tensor, b: Tensor): void {
    const n = count(y.shape);
    split(this.engine, "multiply", n, 64, n, (first, size) => {
      const at = 4 * first;
      return [y.ptr + at, a.ptr + at, b.ptr + at, size];
    });
  }

  /** y = a + factor b; y may be one of them. */
  sum(y: Tensor, a: Tensor, b: Tensor, factor = 1): void {
    const n = count(y.shape);
    split(this.engine, "addScaled", n, 64, n, (first, size) => {
      const at = 4 * first;
      return [y.ptr + at, a.ptr + at, b.ptr + at, factor, size];
    });
  }

  /** Walks what was recorded from its end. Entries whose result got no gradient are skipped. */
  backward(): void {
    for (let entry = this.#entries.pop(); entry !== undefined; entry = this.#entries.pop()) {
      const { out, saved, handed, backward } = entry;
      const dout = out.gradient?.tensor;
      if (dout !== undefined) {
        backward(dout);
        this.#drop(out);
      } else handed?.dispose();
      out.tensor.dispose();
      for (const tensor of saved) tensor.dispose();
    }
  }

  /** Forgets what was recorded. `whole`: false for a step that threw, whose gradients are taken back where it began them. */
  clear(whole: boolean): void {
    this.engine.space.recorded = this.#entries.length = 0;
    for (const parameter of whole ? [] : this.#begun) parameter.forget();
    this.#begun.length = 0;
  }

  #gradOf({ grad }: Parameter): Tensor {
    alive("step", "the grad of a parameter", grad);
    return grad;
  }

  #begin(parameter: Parameter): void {
    parameter.fresh = false;
    this.#begun.push(parameter);
  }

  /** to = base + what `write` writes, or that alone. */
  #join(to: Tensor, base: Tensor | undefined, write: Write, adds: Adds): void {
    if (base === undefined || adds === "to a base" || (adds === "in place" && to === base)) {
      write(to, base);
      return;
    }
    const part = this.empty(to.shape);
    write(part);
    this.sum(to, base, part);
    part.dispose();
  }

  #drop(value: Value): void {
    const { gradient } = value;
    value.gradient = undefined;
    if (gradient !== undefined && --gradient.owners === 0) gradient.tensor.dispose();
  }
}
