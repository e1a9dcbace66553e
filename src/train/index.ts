/** The four families as tasks, and the loop that trains them. */
import { integer } from "../check-number.js";
import type { Nn } from "../nn/nn.js";
import { bertTask } from "./bert.js";
import { conformerTask, type Speech } from "./conformer.js";
import { lmTask } from "./lm.js";
import { type FamilyName, MOST_SEED, type Recipe, STEPS, type Task } from "./task.js";
import { type Images, vitTask } from "./vit.js";

export { type Recording, type Speech, textOf } from "./conformer.js";
export { recipeOf } from "./recipe.js";
export { FAMILIES, type FamilyName, MOST_SEED, type Recipe, STEPS } from "./task.js";
export { Trainer } from "./trainer.js";
export type { Images } from "./vit.js";

/** Training data of any family. */
export type Data = string | Images | Speech;

/** The task of a family on its kind of data. @throws RangeError for a recipe that can't be, as one of a file may be */
export function makeTask(nn: Nn, family: FamilyName, recipe: Recipe, data: Data): Task {
  integer("train", "seed", recipe.seed, 0, MOST_SEED);
  integer("train", "steps", recipe.steps, 1, STEPS);
  switch (family) {
    case "lm":
      return lmTask(nn, recipe, data as string);
    case "bert":
      return bertTask(nn, recipe, data as string);
    case "vit":
      return vitTask(nn, recipe, data as Images);
    case "conformer":
      return conformerTask(nn, recipe, data as Speech);
  }
}
