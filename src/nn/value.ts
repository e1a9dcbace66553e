import { alive, show } from "../check.js";
import { INSIDE, type Tensor } from "../tensor.js";
import type { Copied } from "../types.js";

/** A gradient that several values may share until one of them adds to it. */
export interface Gradient {
  readonly tensor: Tensor;
  owners: number;
}

/**
 * A tensor that operations of `laser-attention/nn` take and give. One made inside a step ends with it.
 *
 * @example
 * const input: Value = nn.input(new Float32Array(6), [2, 3]);
 * input.shape; // [2, 3]
 */
export class Value {
  // No assignment puts another in its place: kernels take it to be contiguous, and to have the sizes that were checked.
  readonly #tensor: Tensor;
  /** Whether a parameter is among what it was made of, so that it needs a gradient. @internal */
  tracked: boolean;
  /** @internal */
  gradient: Gradient | undefined;

  /** @internal */
  constructor(tensor: Tensor, tracked: boolean) {
    this.#tensor = tensor;
    this.tracked = tracked;
  }

  /** Whether it is one, and no proxy or heir of one, which have no private fields. @internal */
  static is(value: unknown): value is Value {
    return typeof value === "object" && value !== null && #tensor in value;
  }

  /** Its elements, contiguous. */
  get tensor(): Tensor {
    return this.#tensor;
  }

  /** What a scope keeps that returns it. @internal */
  get [INSIDE](): readonly (Tensor | undefined)[] {
    return [this.#tensor];
  }

  /** Whether it gets a gradient in this step: a parameter that requires one is among what it was made of. */
  get requiresGrad(): boolean {
    return this.tracked;
  }

  /** Sizes of the axes. */
  get shape(): readonly number[] {
    return this.tensor.shape;
  }

  /**
   * A copy of the elements, row-major.
   * @throws TypeError when it has ended with its step, or the instance is disposed
   *
   * @example const scores = nn.evaluate(() => model.logits(ids).toArray());
   */
  toArray(): Copied {
    return this.tensor.toArray();
  }
}

/** Zeros in the shape of `tensor` that live as long, also when they are made in a later step or scope. */
function zerosBeside({ shape, storage }: Tensor): Tensor {
  const { space } = storage;
  const { source } = space;
  space.source = undefined;
  try {
    const zeros = space.scoped(storage.scope, () => space.allocate(shape, "f32"));
    zeros.data.fill(0);
    return zeros;
  } finally {
    space.source = source;
  }
}

/**
 * A tensor that training changes. It lives until nothing holds it, its module or its instance is disposed; made by modules, or by
 * `nn.parameter`.
 *
 * @example
 * const weight: Parameter = nn.parameter(random.normals(24), [3, 8]);
 * weight.tensor.toArray(); // its values; weight.grad.toArray(): their gradients
 */
export class Parameter extends Value {
  #held: Tensor | undefined;
  #packed: Tensor | undefined;
  /** Whether `grad` holds nothing yet: the next contribution overwrites it. @internal */
  fresh = true;

  /** @internal */
  constructor(tensor: Tensor) {
    super(tensor, true);
  }

  /**
   * Gradient of the last step in which it had a part, or the sum over the steps since the last `optimizer.step`. Shape of the tensor. Its
   * memory is taken by an optimiser, by the first step, or here.
   * @throws TypeError when the parameter is disposed, RangeError when memory is exhausted
   */
  get grad(): Tensor {
    return this.hold();
  }

  /** `grad` once it was asked for: a model that is never trained takes no memory for it. @internal */
  get held(): Tensor | undefined {
    return this.#held;
  }

  /** The weight of a linear layer as products read it (`Module.pack`). @internal */
  get packed(): Tensor | undefined {
    return this.#packed;
  }

  /** @internal */
  override get [INSIDE](): readonly (Tensor | undefined)[] {
    return [this.tensor, this.#held, this.#packed];
  }

  /** Takes the memory of `grad` where it has none yet. @internal */
  hold(): Tensor {
    if (this.#held === undefined) {
      alive("Parameter.grad", "the parameter", this.tensor);
      this.#held = zerosBeside(this.tensor);
    }
    return this.#held;
  }

  /**
   * Whether steps take its gradient: true until you say otherwise, outside of a step. Without, it costs no product and no memory, what `grad`
   * had is given back, and an optimiser leaves it as it is; one that is made then has no means for it.
   * @throws TypeError inside of a step, and for what is neither true nor false
   *
   * @example for (const [name, parameter] of model.parameters) parameter.requiresGrad = name.startsWith("head.");
   */
  override get requiresGrad(): boolean {
    return this.tracked;
  }

  /** Outside of a step. */
  override set requiresGrad(on: boolean) {
    if (typeof on !== "boolean") {
      throw new TypeError(`Parameter: requiresGrad must be true or false, got ${show(on)}`);
    }
    if (this.tensor.storage.space.source !== undefined) {
      throw new TypeError("Parameter: requiresGrad must be set outside of a step, and of evaluate");
    }
    this.tracked = on;
    if (on) return;
    this.fresh = true;
    this.disposeGrad();
  }

  /** The gradient is 0, and the next contribution begins anew. @internal */
  forget(): void {
    this.fresh = true;
    if (this.#held?.alive) this.#held.data.fill(0);
  }

  /** Gives the memory of `grad` back. @internal */
  disposeGrad(): void {
    this.#held?.dispose();
    this.#held = undefined;
  }

  /** What was packed holds for these values no longer. @internal */
  unpack(): void {
    this.#packed?.dispose();
    this.#packed = undefined;
  }

  /** Keeps what `unpack` gives back. @internal */
  pack(panels: Tensor): void {
    this.#packed = panels;
  }
}
