/** How long a run takes: the median step after a few, times the steps of the recipe, and one evaluation for every `every`. */
import { create } from "../../src/nn/index.js";
import { type Data, type FamilyName, makeTask, recipeOf, Trainer } from "../../src/train/index.js";
import { median } from "../measure.js";
import { variants } from "../tasks.js";

const [WARMUP, STEPS] = [10, 40];

export async function printTimes(
  families: readonly FamilyName[],
  read: (family: FamilyName) => Data,
  threads?: number,
): Promise<void> {
  for (const family of families) {
    const data = read(family);
    for (const variant of variants) {
      const nn = await create(threads === undefined ? {} : { threads });
      const recipe = recipeOf(family, { variant, every: WARMUP + STEPS + 1 }); // no evaluation among the steps
      const task = makeTask(nn, family, recipe, data);
      const trainer = new Trainer(nn, family, task, recipe);
      const timed = (run: () => unknown): number => {
        const start = performance.now();
        run();
        return performance.now() - start;
      };
      for (let n = 0; n < WARMUP; n++) trainer.step();
      const step = median(Array.from({ length: STEPS }, () => timed(() => trainer.step())));
      const evaluation = timed(() => task.evaluate());
      const { steps, every } = recipeOf(family);
      const minutes = (steps * step + (steps / every) * evaluation) / 60_000;
      console.log(
        `${family} ${variant}: ${step.toFixed(0)} ms a step, evaluation ${evaluation.toFixed(0)} ms, ` +
          `${minutes.toFixed(1)} minutes for ${steps} steps on ${nn.la.threads} threads`,
      );
      nn.dispose();
    }
  }
}
