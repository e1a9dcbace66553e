/** Tensors that belong together: all of them, or none. */
import type { AnyTensor } from "../tensor.js";
import { checkInstance, checkOutside } from "./check-nn.js";
import type { Nn } from "./nn.js";

/** Runs `body` on an instance, outside of a step; when it throws, the tensors that it made are released, which nobody else could do before they are collected. */
export function whole<R>(where: string, nn: Nn, body: () => R): R {
  checkInstance(where, nn);
  const { space } = nn.engine;
  checkOutside(where, space);
  const outer = space.made;
  const made = new Set<AnyTensor>();
  try {
    const result = space.scoped(made, body);
    for (const tensor of made) {
      tensor.storage.scope = outer;
      outer?.add(tensor);
    }
    return result;
  } catch (error) {
    for (const tensor of made) tensor.dispose();
    throw error;
  }
}
