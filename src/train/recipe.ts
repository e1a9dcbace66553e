/** Recipes for the data that docs/command.md names, at sizes that two processor cores finish. */
import { oneOf } from "../check.js";
import { integer, real } from "../check-number.js";
import { COUNTS, type FamilyName, MOST_DROPOUT, type Recipe } from "./task.js";

const COMMON = {
  ...{ heads: 4, warmup: 100, weightDecay: 0.05, clip: 1, dropout: 0, every: 250, evaluations: 20, seed: 1 },
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
  const recipe = { ...RECIPES[family], ...given };
  if (given.warmup === undefined) recipe.warmup = Math.min(recipe.warmup, Math.ceil(recipe.steps / 10));
  return recipe;
}

/** @throws TypeError or RangeError for a recipe that can't be, as a file may have it */
export function checkRecipe(recipe: Recipe): void {
  for (const [name, [least, most]] of Object.entries(COUNTS) as [keyof typeof COUNTS, readonly [number, number?]][]) {
    integer("train", name, recipe[name], least, most);
  }
  integer("train", "warmup", recipe.warmup, 0, recipe.steps);
  for (const name of ["lr", "weightDecay"] as const) real("train", name, recipe[name], 0);
  real("train", "clip", recipe.clip);
  if (recipe.clip <= 0) throw new RangeError(`train: clip must be above 0, got ${recipe.clip}`);
  real("train", "dropout", recipe.dropout, 0, MOST_DROPOUT);
  oneOf("train", "variant", recipe.variant, ["standard", "laser"]);
}

/** Betas of AdamW. */
export const BETAS = [0.9, 0.98] as const;
