/** The four families as tasks, and the loop that trains them. */
import type { Tokenizer } from "../data/text.js";
import type { Nn } from "../nn/nn.js";
import { bertTask } from "./bert.js";
import { conformerTask, type Speech } from "./conformer.js";
import { lmTask } from "./lm.js";
import { checkRecipe } from "./recipe.js";
import type { FamilyName, Recipe, Task } from "./task.js";
import { type Images, vitTask } from "./vit.js";

export { type Recording, type Speech, textOf } from "./conformer.js";
export { checkRecipe, recipeOf } from "./recipe.js";
export { COUNTS, FAMILIES, type FamilyName, MOST_DROPOUT, type Recipe } from "./task.js";
export { type Progress, Trainer } from "./trainer.js";
export type { Images } from "./vit.js";

/** Training data of any family. */
export type Data = string | Images | Speech;

/** The task of a family on its kind of data, a text in the tokens of `tokenizer`: those of its characters if there is none. @throws TypeError or RangeError for a recipe that can't be */
export function makeTask(nn: Nn, family: FamilyName, recipe: Recipe, data: Data, tokenizer?: Tokenizer): Task {
  checkRecipe(recipe);
  switch (family) {
    case "lm":
      return lmTask(nn, recipe, data as string, tokenizer);
    case "bert":
      return bertTask(nn, recipe, data as string, tokenizer);
    case "vit":
      return vitTask(nn, recipe, data as Images);
    case "conformer":
      return conformerTask(nn, recipe, data as Speech);
  }
}
