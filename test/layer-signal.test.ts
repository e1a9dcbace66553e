/** What `signal` says of a layer, against differences of attention itself in float64. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { layerSignals } from "../src/cli/layer-signal.js";
import { gpt } from "../src/models/index.js";
import { createSync } from "../src/nn/index.js";

const [N, C, heads] = [12, 8, 2];
const D = C / heads;

const softmax = (scores: readonly number[]): number[] => {
  const sum = scores.reduce((total, s) => total + Math.exp(s), 0);
  return scores.map((s) => Math.exp(s) / sum);
};
const outs = {
  standard: (p: readonly number[], v: readonly number[]) => p.reduce((sum, x, j) => sum + x * v[j]!, 0),
  laser: (p: readonly number[], v: readonly number[]) =>
    Math.log(p.reduce((sum, x, j) => sum + x * Math.exp(v[j]!), 0)),
};

test("shares of small probabilities, means of derivatives over keys and channels, and norms of gradients", () => {
  const nn = createSync({ threads: 1 });
  const model = gpt(nn, { vocabulary: 9, context: N, width: C, heads, layers: 1, variant: "laser" });
  const { ln1, attn } = model.blocks[0]!;
  attn.qkv.weight.tensor.set(attn.qkv.weight.tensor.toArray().map((x, n) => (n < C * C * 2 ? 120 : 20) * x));
  const ids = Int32Array.from({ length: N + 5 }, (_, n) => (n * n) % 9); // the last N are looked at
  const [found] = layerSignals(nn, model, ids);
  const { grad } = attn.qkv.weight;
  for (const [n, name] of (["q", "k", "v"] as const).entries()) {
    const want = Math.hypot(...grad.data.slice(n * C * C, (n + 1) * C * C));
    assert.ok(Math.abs(found!.norms[name] - want) <= 1e-12 * want, name);
  }
  const qkv = nn.evaluate(() =>
    attn.qkv.forward(ln1.forward(model.pos.add(model.tok.forward(ids.slice(-N - 1, -1), [1, N])))).toArray(),
  );
  const sums = { keys: 0, below3: 0, below7: 0, standard: 0, laser: 0, standardSmall: 0, laserSmall: 0 };
  for (let h = 0; h < heads; h++) {
    const of = (row: number, part: number) => qkv.subarray((row * 3 + part) * C + h * D).subarray(0, D);
    for (let i = 0; i < N; i++) {
      const keys = Array.from({ length: i + 1 }, (_, j) => j);
      const scores = keys.map((j) => of(i, 0).reduce((sum, x, d) => sum + x * of(j, 1)[d]!, 0) / Math.sqrt(D));
      for (const [j, p] of softmax(scores).entries()) {
        sums.keys++;
        sums.below3 += p < 1e-3 ? 1 : 0;
        sums.below7 += p < 1e-7 ? 1 : 0;
        for (const variant of ["standard", "laser"] as const) {
          for (let d = 0; d < D; d++) {
            const at = (h: number) =>
              outs[variant](
                softmax(scores.map((s, n) => (n === j ? s + h : s))),
                keys.map((key) => of(key, 2)[d]!),
              );
            const size = Math.abs(at(1e-4) - at(-1e-4)) / 2e-4 / D;
            sums[variant] += size;
            if (p < 1e-3) sums[`${variant}Small`] += size;
          }
        }
      }
    }
  }
  const { keys, below3 } = sums;
  assert.ok(sums.below7 > 3 && below3 > sums.below7 + 3 && keys > below3 + 3, JSON.stringify(sums));
  assert.is(found!.below3, below3 / keys);
  assert.is(found!.below7, sums.below7 / keys);
  for (const [name, count] of Object.entries({
    standard: keys,
    laser: keys,
    standardSmall: below3,
    laserSmall: below3,
  })) {
    const [got, want] = [found![name as "laser"], sums[name as "laser"] / count];
    assert.ok(Math.abs(got - want) <= 1e-6 * want, `${name}: ${got}, ${want}`);
  }
  nn.dispose();
});

test.run();
