import * as is from "../check.js";
import { real } from "../check-number.js";
import type { AdamWOptions } from "./adamw.js";

export function check(options: AdamWOptions): void {
  is.options("AdamW", options, ["lr", "betas", "eps", "weightDecay", "decays"]);
  const { lr, betas, eps, weightDecay, decays } = options;
  for (const [name, value] of Object.entries({ lr, eps, weightDecay })) {
    if (value === undefined) continue;
    is.finite("AdamW", name, value);
    if (value < 0) throw new RangeError(`AdamW: ${name} must be 0 or more, got ${value}`);
  }
  if (betas !== undefined) {
    const fits = Array.isArray(betas) && betas.length === 2 && betas.every((beta) => beta >= 0 && beta < 1);
    if (!fits) throw new RangeError(`AdamW: betas must be two numbers from 0 to below 1, got ${is.show(betas)}`);
  }
  if (decays !== undefined) is.callback("AdamW", decays, "decays");
}

export function checkStep(options: { lr?: number | undefined; clip?: number | undefined }): void {
  is.options("AdamW.step", options, ["lr", "clip"]);
  const { lr, clip } = options;
  if (lr !== undefined) real("AdamW.step", "lr", lr, 0);
  if (clip === undefined || (typeof clip === "number" && clip > 0)) return;
  throw new RangeError(`AdamW.step: clip must be a number above 0, got ${is.show(clip)}`);
}
