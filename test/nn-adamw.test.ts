/** The kernel of AdamW, and how the optimiser clips. The optimiser: nn-optimizer.test.ts. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { AdamW, createSync } from "../src/nn/index.js";
import { sameBits } from "./support/bits.js";
import { builds, close, SIZES, U } from "./support/nn.js";
import { Pair, pull } from "./support/pair.js";
import { Random } from "./support/random.js";

const random = new Random(27);
const options = { lr: 1e-2, beta1: 0.9, beta2: 0.98, eps: 1e-8, decay: 0.05, scale: 0.5 };

/** torch.optim.AdamW's single-tensor step, in float64. */
function oracle(p: Float64Array, g: ArrayLike<number>, m: Float64Array, v: Float64Array, step: number): void {
  const { lr, beta1, beta2, eps, decay, scale } = options;
  for (let n = 0; n < p.length; n++) {
    const grad = g[n]! * scale;
    p[n]! *= 1 - lr * decay;
    m[n] = m[n]! + (1 - beta1) * (grad - m[n]!);
    v[n] = beta2 * v[n]! + (1 - beta2) * grad * grad;
    const below = Math.sqrt(v[n]!) / Math.sqrt(1 - beta2 ** step) + eps;
    p[n]! -= (lr / (1 - beta1 ** step)) * (m[n]! / below);
  }
}

for (const nn of builds) {
  /** One step on elements [from, end) of the arrays at p, g, m, v. */
  const run = (arrays: readonly { ptr: number }[], step: number, from: number, end: number): void => {
    const { lr, beta1, beta2, eps, decay, scale } = options;
    const [p, g, m, v] = arrays.map(({ ptr }) => ptr + 4 * from) as [number, number, number, number];
    const corrections = [1 - beta1 ** step, 1 - beta2 ** step] as const;
    nn.kernels.adamw(p, g, m, v, end - from, lr, beta1, beta2, eps, decay, ...corrections, scale);
  };

  test(`${nn.target} adamw follows float64 for 50 steps, and any split gives the same bits`, () => {
    for (const n of SIZES) {
      const start = random.normals(n);
      const zeros = new Float32Array(n);
      const whole = [nn.reset().f32(start), nn.f32(n), nn.f32(zeros), nn.f32(zeros)];
      const parts = [nn.f32(start), whole[1]!, nn.f32(zeros), nn.f32(zeros)];
      const [p, m, v] = [Float64Array.from(start), new Float64Array(n), new Float64Array(n)];
      for (let step = 1; step <= 50; step++) {
        // some gradients are 0 at first, where sqrt(v) + eps is eps
        const g = random.normals(n, 10 ** (random.int(7) - 4)).map((x, i) => (step < 3 && i % 3 === 0 ? 0 : x));
        whole[1]!.now.set(g);
        oracle(p, g, m, v, step);
        run(whole, step, 0, n);
        const cut = Math.floor(n / 3);
        run(parts, step, cut, n);
        run(parts, step, 0, cut);
      }
      for (const k of [0, 2, 3]) sameBits("split", parts[k]!.now, whole[k]!.now);
      // p is rounded twice a step, steps are of size lr and good to some ten roundings
      close(
        `n ${n}`,
        whole[0]!.now,
        p,
        (i) => 50 * 2 ** -24 * (2 * Math.max(1, Math.abs(start[i]!)) + 10 * options.lr),
      );
      close("v", whole[3]!.now, v, (i) => 150 * 2 ** -24 * v[i]!);
      nn.intact("adamw");
    }
  });
}

test("clipping divides by the norm and 1e-6, as torch.nn.utils.clip_grad_norm_ does, and leaves a norm that is the most", () => {
  const nn = createSync({ threads: 1 });
  const gradient = 2 ** -20; // of a size where 1e-6 shows
  /** The mean of gradients after a first step, half of what they were clipped to. */
  const mean = (clip: number): number => {
    const model = new Pair(nn);
    const optimizer = new AdamW(nn, model, { betas: [0.5, 0.5] });
    pull(nn, model.a, gradient);
    assert.is(optimizer.step({ clip }), norm);
    return Number(optimizer.stateDict().moments.get("m.a")!.data[0]);
  };
  const norm = Math.sqrt(3 * gradient ** 2);
  const want = (0.5 * gradient * 1e-6) / (norm + 1e-6);
  close("clipped", [mean(1e-6)], [want], () => 2 * U * want); // the factor is rounded, and its product
  assert.is(mean(norm), gradient / 2);
  nn.dispose();
});

test.run();
