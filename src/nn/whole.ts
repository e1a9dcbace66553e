/** Tensors that belong together: all of them, or none. */
import type { Space } from "../space.js";
import type { AnyTensor } from "../tensor.js";

/** Runs `body`; when it throws, the tensors that it made are released, which nobody else could do before they are collected. */
export function whole<R>(space: Space, body: () => R): R {
  const outer = space.made;
  const made = new Set<AnyTensor>();
  let done = false;
  try {
    const result = space.scoped(made, body);
    done = true;
    return result;
  } finally {
    for (const tensor of made) {
      if (done) {
        tensor.storage.scope = outer;
        outer?.add(tensor);
      } else tensor.dispose();
    }
  }
}
