import { gpt } from "laser-attention/models";
import { AdamW } from "laser-attention/nn";

/** The losses of two training steps, and the first gradient's norm: the same numbers in every engine, at any number of threads. */
export function train(nn) {
  const model = gpt(nn, { vocabulary: 16, context: 64, width: 64, heads: 4, layers: 2, variant: "laser", seed: 1 });
  const optimizer = new AdamW(nn, model, { lr: 1e-2 });
  const rows = Array.from({ length: 4 }, (_, b) => Array.from({ length: 65 }, (_, i) => (i * i + 3 * b) % 16));
  const step = () =>
    nn.step(() =>
      model.loss(
        rows.map((row) => row.slice(0, -1)),
        rows.map((row) => row.slice(1)),
      ),
    );
  const first = step();
  const norm = optimizer.step({ clip: 1 });
  return [first, norm, step()];
}
