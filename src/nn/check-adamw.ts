import * as is from "../check.js";
import type { AdamWOptions, AdamWStepOptions } from "./adamw.js";

/** A finite float32 of 0 or more, since kernels take it as one. */
export function amount(where: string, name: string, value: unknown): void {
  is.finite(where, name, value);
  if (value < 0) throw new RangeError(`${where}: ${name} must be 0 or more, got ${value}`);
}

export function check(options: AdamWOptions): void {
  is.options("AdamW", options, ["lr", "betas", "eps", "weightDecay", "decays", "lrScale"]);
  const { lr, betas, eps, weightDecay, decays, lrScale } = options;
  for (const [name, value] of Object.entries({ lr, eps, weightDecay })) {
    if (value !== undefined) amount("AdamW", name, value);
  }
  if (betas !== undefined) {
    const pair = Array.isArray(betas) && betas.length === 2 && betas.every((beta) => typeof beta === "number");
    const Wrong = pair ? RangeError : TypeError;
    if (!pair || !betas.every((beta) => beta >= 0 && beta < 1)) {
      throw new Wrong(`AdamW: betas must be two numbers from 0 to below 1, got ${is.show(betas)}`);
    }
  }
  for (const [name, value] of Object.entries({ decays, lrScale })) {
    if (value !== undefined) is.callback("AdamW", value, name);
  }
}

export function checkStep(options: AdamWStepOptions): void {
  is.options("AdamW.step", options, ["lr", "clip"]);
  const { lr, clip } = options;
  if (lr !== undefined) amount("AdamW.step", "lr", lr);
  if (clip === undefined || (typeof clip === "number" && clip > 0)) return;
  const Wrong = typeof clip === "number" ? RangeError : TypeError;
  throw new Wrong(`AdamW.step: clip must be a number above 0, got ${is.show(clip)}`);
}
