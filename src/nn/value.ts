import type { Tensor } from "../tensor.js";

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
  /** Its elements, contiguous. */
  readonly tensor: Tensor;
  /** Whether a parameter is among what it was made of, so that it needs a gradient. @internal */
  readonly tracked: boolean;
  /** @internal */
  gradient: Gradient | undefined;

  /** @internal */
  constructor(tensor: Tensor, tracked: boolean) {
    this.tensor = tensor;
    this.tracked = tracked;
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
  toArray(): Float32Array {
    return this.tensor.toArray();
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
  /** Gradient of the last step, or the sum over the steps since the last `optimizer.step`. Shape of the tensor. */
  readonly grad: Tensor;
  /** Whether `grad` holds nothing yet: the next contribution overwrites it. @internal */
  fresh = true;
  /** The weight of a linear layer as products read it (`Module.pack`). @internal */
  packed: Tensor | undefined;

  /** @internal */
  constructor(tensor: Tensor, grad: Tensor) {
    super(tensor, true);
    this.grad = grad;
  }

  /** What was packed holds for these values no longer. @internal */
  unpack(): void {
    this.packed?.dispose();
    this.packed = undefined;
  }
}
