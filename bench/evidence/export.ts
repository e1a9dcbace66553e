/** What BERT runs here begin with and see, for bench/evidence/pytorch.py: `init-SEED.safetensors` and `batches-SEED.bin`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { characterTokenizer } from "../../src/data/text.js";
import type { bert } from "../../src/models/index.js";
import { create, writeSafetensors } from "../../src/nn/index.js";
import { bertTask, maskedBatch } from "../../src/train/bert.js";
import { recipeOf } from "../../src/train/index.js";
import { splitText } from "../../src/train/text.js";
import { randomOf } from "../../src/train/trainer.js";

/** What the high bit of a byte says: hidden. The rest is the id. */
const HIDDEN = 128;

/** Batches are uint8 [steps, batch, context]. Both variants have the same. */
export async function exportBert(text: string, seeds: readonly number[], folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (const seed of seeds) {
    const recipe = recipeOf("bert", { seed });
    const nn = await create({ threads: 1 });
    const model = bertTask(nn, recipe, text).model as ReturnType<typeof bert>;
    writeFileSync(join(folder, `init-${seed}.safetensors`), writeSafetensors(model.stateDict()));
    const { train } = splitText(text, recipe.context, characterTokenizer(text));
    const size = recipe.batch * recipe.context;
    const bytes = new Uint8Array(recipe.steps * size);
    for (let step = 0; step < recipe.steps; step++) {
      const { inputs, targets } = maskedBatch(train, recipe, model.maskId, randomOf(recipe, step));
      for (let n = 0; n < size; n++) bytes[step * size + n] = targets[n]! < 0 ? inputs[n]! : HIDDEN + targets[n]!;
    }
    writeFileSync(join(folder, `batches-${seed}.bin`), bytes);
    nn.dispose();
  }
}
