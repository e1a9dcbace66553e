/** A Vision Transformer on CIFAR-10. Training images are mirrored and shifted, test images are not. */
import { CIFAR10_CLASSES, type Cifar10, cifar10Batch } from "../data/cifar10.js";
import type { Random } from "../data/random.js";
import { vit } from "../models/vit.js";
import type { Nn } from "../nn/nn.js";
import type { Recipe, Task } from "./task.js";

const [SIDE, PATCH] = [32, 4];
const PATCHES = (SIDE / PATCH) ** 2;

export interface Images {
  train: Cifar10;
  test: Cifar10;
}

export function vitTask(nn: Nn, recipe: Recipe, { train, test }: Images): Task {
  const { width, heads, layers, batch, evaluations, seed, variant } = recipe;
  const classes = CIFAR10_CLASSES.length;
  const model = vit(nn, { side: SIDE, patch: PATCH, classes, width, heads, layers, seed, variant });
  const used = Math.min(test.count, batch * evaluations);

  /** The best class of each of the images [first, first + count) of the test, -1 where scores are NaN. */
  function judge(first: number, count: number): { label: number; found: number }[] {
    const indices = Array.from({ length: count }, (_, n) => first + n);
    const { patches, labels } = cifar10Batch(test, indices, PATCH);
    const scores = nn.evaluate(() => model.logits(patches).toArray());
    return Array.from(labels, (label, n) => {
      const own = scores.subarray(n * classes, (n + 1) * classes);
      return { label, found: own.indexOf(Math.max(...own)) };
    });
  }

  return {
    ...{ model, measure: "test error", unit: "patches" },
    extra: { classes: CIFAR10_CLASSES },
    batch(random: Random) {
      const indices = Array.from({ length: batch }, () => random.int(train.count));
      const { patches, labels } = cifar10Batch(train, indices, PATCH, random);
      return { tokens: batch * PATCHES, loss: (options) => model.loss(patches, labels, options) };
    },
    evaluate() {
      let wrong = 0;
      for (let first = 0; first < used; first += batch) {
        for (const { label, found } of judge(first, Math.min(batch, used - first))) {
          if (found < 0) return Number.NaN; // scores are: no error rate of 1
          if (label !== found) wrong++;
        }
      }
      return wrong / used;
    },
    sample() {
      const lines = judge(0, Math.min(8, test.count));
      return lines.map(({ label, found }) => `${CIFAR10_CLASSES[label]}: ${CIFAR10_CLASSES[found]}`).join("\n");
    },
  };
}
