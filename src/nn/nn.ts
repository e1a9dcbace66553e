import * as check from "../check.js";
import { operand } from "../check-tensor.js";
import { complete, type Disposing } from "../disposable.js";
import type { LaserAttention } from "../facade.js";
import { checkOutside, register } from "./check-nn.js";
import type { NnEngine } from "./engine.js";
import { Loss } from "./loss.js";
import { Plan } from "./plan.js";
import { Tape } from "./tape.js";
import { Parameter, Value } from "./value.js";

/**
 * An instance for training: the kernels of attention and those of the layers around it, on one memory. Made by `create` or
 * `createSync` of `laser-attention/nn`. `using nn = createSync()` disposes it at the end of the block, where the engine has `using`.
 *
 * Operations, but for your own, throw a TypeError for the wrong kind of argument, or for a value of another instance or of a step
 * that has ended, and a RangeError for a wrong shape or number, or when memory is exhausted.
 *
 * @example
 * import { gpt } from "laser-attention/models";
 * import { AdamW, createSync } from "laser-attention/nn";
 *
 * const nn = createSync({ threads: 2, simd: "relaxed" });
 * const model = gpt(nn, { vocabulary: 24, context: 8, width: 16, heads: 2, layers: 1, variant: "laser", seed: 1 });
 * const optimizer = new AdamW(nn, model, { lr: 1e-3 });
 * const loss = nn.step(() => model.loss(ids, targets));
 * optimizer.step();
 * nn.dispose();
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: complete() makes what the interface promises
export class Nn {
  /** Attention, matmul and tensors on the same memory. */
  readonly la: LaserAttention;
  // Not for consoles and JSON.
  readonly #engine: NnEngine;
  readonly #tape: Tape;
  readonly #plans: { readonly training: Plan; readonly evaluating: Plan };

  /** @internal */
  constructor(la: LaserAttention) {
    complete(Nn, "Nn");
    complete(Value, "Value", { [Symbol.for("nodejs.util.inspect.custom")]: shown });
    register(this);
    this.la = la;
    this.#engine = la.engine as NnEngine;
    this.#tape = new Tape(this.engine);
    const { arena } = this.engine.space;
    this.#plans = { training: new Plan(arena), evaluating: new Plan(arena) };
  }

  /** @internal */
  get engine(): NnEngine {
    return this.#engine;
  }

  /** @internal */
  get tape(): Tape {
    return this.#tape;
  }

  /**
   * Bytes that are kept for a training step beside parameters and optimiser: what one with the largest sizes so far has in use at
   * once. 0 before the first step, and after one with other operations than the one before.
   */
  get stepBytes(): number {
    return this.#plans.training.bytes;
  }

  /**
   * A new parameter with a copy of `data`.
   * @throws TypeError inside of a step: what is made there ends with it; RangeError when the data do not fill the shape
   *
   * @example const weight = nn.parameter(random.normals(24), [3, 8]);
   */
  parameter(data: Float32Array, shape: readonly number[]): Parameter {
    checkOutside("parameter", this.engine.space);
    check.typedArray("parameter", "data", data, "f32");
    return new Parameter(this.la.tensor(data, shape));
  }

  /**
   * Data as an operation takes it: a copy of `data`, which ends with the step when it is made inside one.
   * @throws RangeError when the data do not fill the shape
   *
   * @example const features = nn.input(new Float32Array(80), [2, 5, 8]);
   */
  input(data: Float32Array, shape: readonly number[]): Value {
    check.typedArray("input", "data", data, "f32");
    return new Value(this.la.tensor(data, shape), false);
  }

  /**
   * One training step: runs `forward`, then takes the gradients of the loss that it returns into `grad` of every parameter
   * that took part. Several steps before one `optimizer.step` add up.
   *
   * The first step plans the memory; later ones with the same shapes or smaller ones allocate nothing. Tensors and values that are
   * made inside end with the step.
   *
   * A step that throws leaves no gradient where there was none; sums that earlier steps began may hold a part of it.
   *
   * @param forward Operations of this instance, at once; returns their loss
   * @param scale Factor of the gradients: 1 / n for the mean of n steps; of steps with other numbers of targets, the share of each in all.
   * @returns The loss, unscaled
   * @throws TypeError inside of a step, or when `forward` returns no loss of its own; RangeError for a scale that is not finite
   *
   * @example const value = nn.step(() => model.loss(ids, targets)); // a number
   */
  step(forward: () => Loss, scale = 1): number {
    check.callback("step", forward, "forward");
    check.finite("step", "scale", scale);
    return this.#run("step", this.#plans.training, true, () => {
      const loss = forward();
      if (!(Value.is(loss) && loss instanceof Loss))
        throw new TypeError(`step: forward must return a loss, got ${check.show(loss, Loss)}`);
      operand("step", "the loss", loss.tensor, "f32", this.engine.space);
      if (loss.tensor.storage.source === undefined) {
        throw new TypeError(
          "step: the loss must be made inside of the step, got a loss from outside, which has no gradients",
        );
      }
      if (loss.tracked) {
        const seed = this.tape.empty([1]);
        seed.data[0] = scale;
        loss.gradient = { tensor: seed, owners: 1 };
        this.tape.backward();
      }
      return loss.item;
    });
  }

  /**
   * Runs `body` without keeping anything for gradients. Values end with it: return arrays and numbers.
   * @throws TypeError inside of a step or of another `evaluate`, or when `body` returns a promise, or itself the `data` of a tensor that ends
   *
   * @example const scores = nn.evaluate(() => model.logits(ids).toArray());
   */
  evaluate<R>(body: () => R): R {
    return this.#run("evaluate", this.#plans.evaluating, false, body);
  }

  /**
   * Gives back the memory that steps and `evaluate` keep for the next time, which plans it anew; parameters stay.
   * @throws TypeError inside of a step, or when the instance is disposed
   *
   * @example
   * nn.release();
   * nn.stepBytes; // 0
   */
  release(): void {
    const { space } = this.engine;
    check.instance(space.arena.disposed);
    checkOutside("release", space);
    for (const plan of [this.#plans.training, this.#plans.evaluating]) plan.dispose();
  }

  /**
   * Gives back the memory, and with it every parameter.
   *
   * @example
   * const own = createSync({ threads: 1 });
   * own.dispose();
   */
  dispose(): void {
    this.la.dispose();
  }

  #run<R>(where: string, plan: Plan, recording: boolean, body: () => R): R {
    const { space } = this.engine;
    check.instance(space.arena.disposed);
    check.callback(where, body, "body");
    checkOutside(where, space);
    const end = (whole: boolean): void => {
      if (!whole) space.arena.writers?.settle(); // they may be at the gradients that are forgotten
      space.source = undefined;
      this.tape.recording = false;
      this.tape.clear(whole);
      if (!space.arena.disposed) plan.end(whole);
      space.cut = undefined;
    };
    let whole = false;
    try {
      space.cut = () => end(false);
      space.source = plan;
      this.tape.recording = recording;
      plan.begin();
      const result = space.scoped(undefined, body); // what a step makes ends with the step, not with a scope around it
      check.notPromise(where, result, "body");
      if (
        !space.arena.disposed &&
        ArrayBuffer.isView(result) &&
        space.arena.holds(result) &&
        plan.has(result.byteOffset)
      )
        throw new TypeError(`${where}: body must return what stays, got data of a tensor that ends: use toArray()`);
      whole = true;
      return result;
    } finally {
      end(whole);
    }
  }
}

/** What consoles print of a value: "Parameter f32 [2, 3] [0.1, ...". */
function shown(this: Value): string {
  return `${this.tensor}`.replace("Tensor", this.constructor.name);
}

export interface Nn extends Disposing {}
