import type { Pool } from "./pool.js";
import type { Problem } from "./problem.js";
import type { Shape } from "./shape.js";
import type { Space } from "./space.js";
import type { Tensor } from "./tensor.js";
import type { Kernels } from "./wasm.js";

/** What every operation runs on: the kernels, the memory they share, and the struct that describes an attention call. */
export interface Engine {
  readonly kernels: Kernels;
  readonly space: Space;
  /** What describes an attention call to the kernels; calls are synchronous, so one is enough. */
  readonly problem: Problem;
  /** The threads that share the work, in the entry `laser-attention/threads`. */
  readonly pool?: Pool | undefined;
}

/** Runs `body` with a maker of result tensors; when it throws, what was made is released. */
export function producing<R>({ space }: Engine, body: (make: (shape: Shape, spare?: number) => Tensor) => R): R {
  const made: Tensor[] = [];
  try {
    return body((shape, spare) => {
      const tensor = space.allocate(shape, "f32", spare);
      made.push(tensor);
      return tensor;
    });
  } catch (error) {
    for (const tensor of made) tensor.dispose();
    throw error;
  }
}
