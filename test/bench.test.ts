/** What the benchmark counts as work, against what the oracle sees; and as memory, against what a training step takes. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type AttentionShape,
  attentionShapes,
  describeShape,
  visibleKeys,
  visiblePairs,
  visibleShapes,
  visibleTilePairs,
} from "../bench/shapes.js";
import { scoredRows } from "../bench/train/flops.js";
import { memoryOf } from "../bench/train/memory.js";
import { build } from "../bench/train/own.js";
import { workloads } from "../bench/train/workloads.js";
import * as models from "../src/models/index.js";
import * as training from "../src/nn/index.js";
import { type Case, sees } from "./support/oracle.js";

function pairsOfOracle(shape: AttentionShape): number {
  const { Hkv, N, M, D, causal, window, mask } = shape;
  const visible = visibleKeys(shape);
  const data = Uint8Array.from({ length: M }, (_, j) => (j < visible ? 1 : 0));
  const none = new Float32Array(0);
  const head: Case = {
    ...{ B: 1, H: 1, Hkv, N, M, D, E: D, variant: "standard", q: none, k: none, v: none, dout: none },
    ...{ causal, window, mask: mask && { data, shape: [1, 1, 1, M] } },
  };
  let pairs = 0;
  for (let i = 0; i < N; i++) for (let j = 0; j < M; j++) if (sees(head, 0, 0, i, j)) pairs++;
  return shape.H * pairs;
}

for (const shape of [...visibleShapes, ...Object.values(attentionShapes)].filter(({ N }) => N <= 1024)) {
  test(`counts the pairs of query and key that the oracle sees: ${describeShape(shape)}`, () => {
    assert.is(visiblePairs(shape), pairsOfOracle(shape));
  });
}

test("whole panels and row groups hold the visible pairs, and no more than their edges besides", () => {
  for (const shape of visibleShapes) {
    for (const rows of [1, 4, 6]) {
      const [pairs, tiles] = [visiblePairs(shape), visibleTilePairs(shape, rows)];
      const edges = shape.H * shape.N * 2 * (8 + rows);
      assert.ok(tiles >= pairs && tiles <= pairs + edges, `${describeShape(shape)}: ${tiles} for ${pairs}`);
    }
  }
});

for (const workload of workloads.filter(({ size }) => size === "small")) {
  test(`a step takes no more memory than predicted: ${workload.name}`, () => {
    const nn = training.createSync({ threads: 1 });
    const { model, loss } = build({ ...models, ...training }, nn, workload);
    const optimizer = new training.AdamW(nn, model);
    nn.step(loss);
    optimizer.step();
    const { bytes, parameters, activations, most } = memoryOf(workload, { nn, parameters: model.parameterCount });
    const excess = nn.stepBytes - activations;
    // Blocks end at multiples of 64. Logits of 65 columns for all tokens leave gaps beside blocks of 64: 2.4 % of the area. A gradient
    // that is as long as all tokens does not fit where the last block's queries, results and row sums were, which are of few rows.
    const { width, heads, batch } = workload.sizes;
    const few = 4 * batch * Math.max(...scoredRows(workload)) * (3 * width + 2 * heads);
    const packing = 0.025 * activations;
    const gaps = { gpt: packing, bert: few, vit: few, conformer: 0 };
    assert.ok(0 <= excess && excess < 1024 + gaps[workload.task.family], `${excess}`);
    assert.ok(parameters + activations <= bytes && bytes <= most, `${bytes} of ${most}`);
    nn.dispose();
  });
}

test.run();
