/** The recipe of the project's evidence runs (docs/evidence.md), which two processor cores finish. */
import { FAMILIES, type FamilyName, type Recipe } from "./task.js";

const COMMON = {
  ...{ heads: 4, warmup: 100, weightDecay: 0.05, clip: 1, every: 250, evaluations: 20, seed: 1 },
  variant: "laser",
} as const;
const TEXT = { ...COMMON, width: 128, layers: 4, context: 128, batch: 16, steps: 4000, lr: 2e-3 } as const;

const RECIPES: Readonly<Record<FamilyName, Recipe>> = {
  lm: TEXT,
  bert: TEXT,
  vit: { ...COMMON, width: 128, layers: 4, context: 64, batch: 32, steps: 4000, lr: 1e-3, evaluations: 63 },
  conformer: { ...COMMON, width: 96, layers: 2, context: 120, batch: 16, steps: 1500, lr: 1e-3 },
};

/** The recipe of a family with some values replaced. A run that is shorter than the warm-up warms up for a tenth of it. */
export function recipeOf(family: FamilyName, given: Partial<Recipe> = {}): Recipe {
  const recipe = { ...RECIPES[family] };
  for (const [name, value] of Object.entries(given)) if (value !== undefined) Object.assign(recipe, { [name]: value });
  if (given.warmup === undefined) recipe.warmup = Math.min(recipe.warmup, Math.ceil(recipe.steps / 10));
  return recipe;
}

export const isFamily = (name: unknown): name is FamilyName => (FAMILIES as readonly unknown[]).includes(name);

/** Betas of AdamW. */
export const BETAS = [0.9, 0.98] as const;
