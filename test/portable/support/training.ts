/** A few steps of training of each family, as one hash: losses, and parameters at the end. */
import { bert, conformer, gpt, vit } from "laser-attention/models";
import { AdamW, type Module, type Nn } from "laser-attention/nn";
import { sha256 } from "./digest.js";
import { ExactRandom } from "./exact-random.js";

const STEPS = 3;
const sizes = { width: 48, heads: 3, layers: 2, seed: 5 };
const r = new ExactRandom(17);
const integers = (count: number, end: number): number[] =>
  Array.from({ length: count }, () => Math.floor(end * r.uniform()));
const rows = (B: number, N: number, end: number): number[][] => Array.from({ length: B }, () => integers(N, end));

const ids = rows(4, 50, 29);
const targets = ids.map((row) => row.map((id) => (id % 5 === 0 ? -1 : id)));
const images = r.normals(4 * 64 * 48);
const speech = r.normals(3 * 60 * 20);

type Family = (
  nn: Nn,
  variant: "standard" | "laser",
) => readonly [Module, () => ReturnType<ReturnType<typeof gpt>["loss"]>];

const families: Record<string, Family> = {
  gpt: (nn, variant) => {
    const model = gpt(nn, { ...sizes, vocabulary: 29, context: 50, variant });
    return [model, () => model.loss(ids, targets)];
  },
  bert: (nn, variant) => {
    const model = bert(nn, { ...sizes, vocabulary: 29, context: 64, variant });
    return [model, () => model.loss(ids, targets)];
  },
  vit: (nn, variant) => {
    const model = vit(nn, { ...sizes, side: 32, patch: 4, classes: 10, variant });
    return [model, () => model.loss(images, [1, 9, 0, 4])];
  },
  conformer: (nn, variant) => {
    const model = conformer(nn, { ...sizes, mels: 20, stack: 2, context: 30, classes: 6, kernel: 5, variant });
    return [model, () => model.loss(speech, [60, 41, 7], [[1, 2, 2, 5], [3], []])];
  },
};

/** Trains all of them on `nn`, both variants. */
export async function train(nn: Nn): Promise<{ total: string; each: readonly string[] }> {
  const each: string[] = [];
  for (const [name, family] of Object.entries(families)) {
    for (const variant of ["standard", "laser"] as const) {
      const [model, loss] = family(nn, variant);
      const optimizer = new AdamW(nn, model, { lr: 1e-3, betas: [0.9, 0.98], weightDecay: 0.05 });
      const losses: number[] = [];
      for (let step = 0; step < STEPS; step++) {
        losses.push(nn.step(loss));
        losses.push(optimizer.step({ clip: 1 }));
      }
      const parameters = [...model.parameters.values()].map(
        ({ tensor }) => new Uint8Array(tensor.toArray().buffer as ArrayBuffer),
      );
      const hashes = await Promise.all([new Uint8Array(Float64Array.from(losses).buffer), ...parameters].map(sha256));
      each.push(`${name} ${variant} ${await sha256(new TextEncoder().encode(hashes.join("")))}`);
    }
  }
  return { total: await sha256(new TextEncoder().encode(each.join())), each };
}
