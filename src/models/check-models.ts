/** Checks of what the functions that run a trained model are given. */
import { show } from "../check.js";
import { checkInstance } from "../nn/check-nn.js";
import type { Module } from "../nn/module.js";

/** An instance, and a model of `family` on it. The family is named, not its class: minifiers change the names of classes. */
export function modelOf<M extends Module & { readonly family: string }>(
  where: string,
  nn: unknown,
  model: unknown,
  kind: abstract new (...args: never[]) => M,
  family: M["family"],
): asserts model is M {
  checkInstance(where, nn);
  if (!(model instanceof kind)) {
    const { family: other } = (model ?? {}) as { family?: unknown };
    const got = typeof other === "string" && other !== family ? `a ${other}` : show(model, kind);
    throw new TypeError(`${where}: model must be a ${family}, got ${got}`);
  }
  for (const { tensor } of model.parameters.values()) {
    if (tensor.storage.space !== nn.engine.space) {
      throw new TypeError(`${where}: model must be of this instance, got one of another instance`);
    }
  }
}
