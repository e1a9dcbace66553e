// What LASER computes, how its gradient differs, and that a huge later value leaves earlier rows alone.
import { createSync, type Variant } from "laser-attention";

const la = createSync();

// Two keys, one channel: a value gap of 5 and a score difference x. With q = 1 and scale 1 the scores are k.
function gradients(variant: Variant, x: number): { out: number; byScore: number } {
  return la.scope(() => {
    const q = la.tensor(new Float32Array([1]), [1, 1, 1, 1]);
    const k = la.tensor(new Float32Array([x, 0]), [1, 1, 2, 1]);
    const v = la.tensor(new Float32Array([5, 0]), [1, 1, 2, 1]);
    const saved = la.attentionForward(q, k, v, { variant, scale: 1 });
    const { dk } = la.attentionBackward(la.tensor(new Float32Array([1]), [1, 1, 1, 1]), saved);
    return { out: saved.out.data[0]!, byScore: dk.data[0]! }; // d out / d score of the first key
  });
}

// The gradient can be larger (first key has little weight) and it can be smaller.
for (const x of [-6, 0, 3]) {
  const [standard, laser] = [gradients("standard", x), gradients("laser", x)];
  const ratio = (laser.byScore / standard.byScore).toFixed(2);
  console.log(`score difference ${x}: out ${standard.out.toFixed(3)} and ${laser.out.toFixed(3)},`);
  console.log(`  d out / d score ${standard.byScore.toFixed(4)} and ${laser.byScore.toFixed(4)}: LASER ${ratio} times`);
}

// exp(1000) does not exist in float32. A maximum over all keys would turn the earlier rows into -inf; here they stay.
const [N, D] = [256, 16];
const wave = (factor: number) => Float32Array.from({ length: N * D }, (_, n) => Math.sin(factor * n));
const [q, k, v] = [0.3, 0.5, 0.7].map((factor) => la.tensor(wave(factor), [1, 1, N, D]));
const attend = () => la.attention(q!, k!, v!, { variant: "laser", causal: true }).toArray();
const before = attend();
v!.narrow(2, N - 1, 1).set(new Float32Array(D).fill(1000)); // the last key, which only the last query may see
const after = attend();
const change = (from: number, to: number) =>
  before.subarray(from, to).reduce((most, x, n) => Math.max(most, Math.abs(x - after[from + n]!)), 0);
console.log(`value 1000 at the last key: earlier rows change by ${change(0, (N - 1) * D).toExponential(1)},`);
console.log(`  the last row by ${change((N - 1) * D, N * D).toFixed(1)}`);
la.dispose();
