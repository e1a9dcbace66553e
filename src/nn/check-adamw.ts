import * as is from "../check.js";
import type { AdamWOptions, AdamWStepOptions } from "./adamw.js";
import type { Parameter } from "./value.js";

/** A finite float32 of 0 or more, since kernels take it as one. */
export function amount(where: string, name: string, value: unknown): void {
  is.finite(where, name, value);
  if (value < 0) throw new RangeError(`${where}: ${name} must be 0 or more, got ${value}`);
}

/** The options, each read once. */
export function check(options: AdamWOptions) {
  is.options("AdamW", options, ["lr", "betas", "eps", "weightDecay", "decays", "lrScale"]);
  const { lr = 1e-3, betas: given = [0.9, 0.999], eps = 1e-8, weightDecay = 0.01 } = options;
  const { decays = byAxes, lrScale = () => 1 } = options;
  for (const [name, value] of Object.entries({ lr, eps, weightDecay })) amount("AdamW", name, value);
  const betas: readonly unknown[] = Array.isArray(given) ? [...given] : [];
  const pair = betas.length === 2 && betas.every((beta) => typeof beta === "number");
  const Wrong = pair ? RangeError : TypeError;
  if (!pair || !betas.every((beta) => beta >= 0 && beta < 1)) {
    throw new Wrong(`AdamW: betas must be two numbers from 0 to below 1, got ${is.show(given)}`);
  }
  for (const [name, value] of Object.entries({ decays, lrScale })) is.callback("AdamW", value, name);
  return { lr, betas: betas as readonly [number, number], eps, weightDecay, decays, lrScale };
}

const byAxes = (_: string, { shape }: Parameter): boolean => shape.length >= 2;

/** The options, each read once. */
export function checkStep(options: AdamWStepOptions): AdamWStepOptions {
  is.options("AdamW.step", options, ["lr", "clip"]);
  const { lr, clip } = options;
  if (lr !== undefined) amount("AdamW.step", "lr", lr);
  if (clip === undefined || (typeof clip === "number" && clip > 0)) return { lr, clip };
  const Wrong = typeof clip === "number" ? RangeError : TypeError;
  throw new Wrong(`AdamW.step: clip must be a number above 0, got ${is.show(clip)}`);
}
