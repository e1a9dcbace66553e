/** A few steps of training of each family, and features of sound, as one hash: losses, and parameters at the end. */
import { bert, conformer, gpt, LOG_MEL_RATE, logMel, resample, vit } from "laser-attention/models";
import { AdamW, type Module, type Nn } from "laser-attention/nn";
import { sha256 } from "./digest.js";
import { ExactRandom } from "./exact-random.js";

const STEPS = 3;
const sizes = { width: 48, heads: 3, layers: 2, seed: 5 };
/** So large that two threads share every kernel. */
const wide = { width: 256, heads: 4, layers: 1, seed: 6 };
const r = new ExactRandom(17);
const integers = (count: number, end: number): number[] =>
  Array.from({ length: count }, () => Math.floor(end * r.uniform()));
const rows = (B: number, N: number, end: number): number[][] => Array.from({ length: B }, () => integers(N, end));

const ids = rows(4, 50, 29);
const targets = ids.map((row) => row.map((id) => (id % 5 === 0 ? -1 : id)));
const images = r.normals(4 * 64 * 48);
const speech = r.normals(3 * 60 * 20);
const text = rows(8, 128, 256);
const talk = r.normals(8 * 128 * 20);
const lengths = Array.from({ length: 8 }, (_, b) => 128 - 3 * b);
const labels = rows(8, 30, 255).map((row) => row.map((label) => label + 1)); // 0 is the blank
const sound = r.normals(6000);

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

const wideFamilies: Record<string, Family> = {
  "wide gpt": (nn, variant) => {
    const model = gpt(nn, { ...wide, vocabulary: 256, context: 128, variant });
    return [model, () => model.loss(text, text)];
  },
  "wide conformer": (nn, variant) => {
    const model = conformer(nn, { ...wide, mels: 20, stack: 1, context: 128, classes: 256, kernel: 5, variant });
    return [model, () => model.loss(talk, lengths, labels)];
  },
};

/** Trains all of them on `nn`, both variants; the wide ones one step with LASER. */
export async function train(nn: Nn): Promise<{ total: string; each: readonly string[] }> {
  const each: string[] = [];
  const all = [
    ...Object.entries(families).flatMap(([name, family]) =>
      (["standard", "laser"] as const).map((variant) => ({ name, family, variant, steps: STEPS })),
    ),
    ...Object.entries(wideFamilies).map(([name, family]) => ({ name, family, variant: "laser", steps: 1 }) as const),
  ];
  for (const { name, family, variant, steps } of all) {
    const [model, loss] = family(nn, variant);
    const optimizer = new AdamW(nn, model, { lr: 1e-3, betas: [0.9, 0.98], weightDecay: 0.05 });
    const losses: number[] = [];
    for (let step = 0; step < steps; step++) {
      losses.push(nn.step(loss));
      losses.push(optimizer.step({ clip: 1 }));
    }
    const parameters = [...model.parameters.values()].map(
      ({ tensor }) => new Uint8Array(tensor.toArray().buffer as ArrayBuffer),
    );
    const hashes = await Promise.all([new Uint8Array(Float64Array.from(losses).buffer), ...parameters].map(sha256));
    each.push(`${name} ${variant} ${await sha256(new TextEncoder().encode(hashes.join("")))}`);
  }
  const features = logMel(resample(sound, 11025, LOG_MEL_RATE)).data;
  each.push(`log-mel features ${await sha256(new Uint8Array(features.slice().buffer))}`);
  return { total: await sha256(new TextEncoder().encode(each.join())), each };
}
