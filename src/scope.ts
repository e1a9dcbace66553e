import * as check from "./check.js";
import type { Space, Storage } from "./space.js";
import { type AnyTensor, INSIDE, Tensor } from "./tensor.js";

/** All tensors inside a result: itself, or in arrays, maps, sets, own properties of objects at any depth, and under `INSIDE`. */
function tensorsIn(result: unknown): Set<AnyTensor> {
  const found = new Set<AnyTensor>();
  const seen = new Set<unknown>();
  const open: unknown[] = [result];
  while (open.length > 0) {
    const value = open.pop();
    if (value === null || typeof value !== "object" || seen.has(value)) continue;
    seen.add(value);
    if (Tensor.is(value)) found.add(value);
    else if (value instanceof Map) for (const item of [...value.keys(), ...value.values()]) open.push(item);
    else if (value instanceof Set) for (const item of value) open.push(item);
    else if (!ArrayBuffer.isView(value)) {
      for (const item of Object.values(value)) open.push(item);
      open.push((value as { [INSIDE]?: unknown })[INSIDE]);
    }
  }
  return found;
}

/**
 * Runs `body`; releases what it made and did not return. What it returns belongs to the enclosing scope, if any, and so does all that it made where
 * some of it was recorded, since a training step then needs it.
 */
export function scope<R>(space: Space, body: () => R): R {
  const { made: outer, recorded } = space;
  const made = new Set<AnyTensor>();
  let kept = new Set<AnyTensor>();
  try {
    const result = space.scoped(made, body);
    check.notPromise("scope", result);
    kept = tensorsIn(result);
    return result;
  } finally {
    if (space.recorded === recorded) settle(made, kept, outer);
    else handOver(made, outer);
  }
}

function handOver(made: Set<AnyTensor>, outer: Set<AnyTensor> | undefined): void {
  for (const tensor of made) {
    outer?.add(tensor);
    if (tensor.storage.scope === made) tensor.storage.scope = outer;
  }
}

/**
 * A storage lives on when a tensor over it was returned. Views whose base was not returned take its ownership
 * over, so that disposing the last of them gives the memory back.
 */
function settle(made: Set<AnyTensor>, kept: Set<AnyTensor>, outer: Set<AnyTensor> | undefined): void {
  const heirs = new Map<Storage, AnyTensor[]>();
  for (const tensor of kept) {
    if (!tensor.alive || tensor.storage.scope !== made) continue;
    const list = heirs.get(tensor.storage);
    if (list === undefined) heirs.set(tensor.storage, [tensor]);
    else list.push(tensor);
  }
  for (const [storage, tensors] of heirs) {
    const orphaned = !tensors.some((tensor) => tensor.owner);
    for (const tensor of tensors) {
      if (orphaned) {
        tensor.own();
      } else if (!tensor.owner) continue;
      made.delete(tensor);
      outer?.add(tensor);
    }
    storage.scope = outer;
  }
  for (const tensor of made) tensor.dispose();
}
