/** Training of the four families, standard and LASER: the same bits in every host. */
import { create, createSync } from "laser-attention/nn";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { TRAINING } from "./bits.js";
import { expected } from "./support/expected.js";
import { train } from "./support/training.js";

/** All kernels that threads share but those of dropout, RMS norm and of sums of gradients, which the families do without. */
const SHARED = [
  ...["act", "adamw", "addRows", "addScaled", "attentionBackward", "attentionForward", "columnSum"],
  ...["crossEntropy", "ctc", "depthwise", "depthwiseBackward", "depthwiseParams", "embedding", "embeddingBackward"],
  ...["glu", "gluBackward", "layerNorm", "layerNormBackward", "layerNormParams"],
  ...["maskRows", "matmul", "multiply", "scale"],
];

/** The kernels that `nn` shares between threads from now on, as it calls them. */
function sharedBy(nn: object): Set<string> {
  const { pool } = (nn as { engine: { pool?: { run(kernel: string, ...rest: unknown[]): void } } }).engine;
  const names = new Set<string>();
  if (pool === undefined) return names;
  const { run } = pool;
  pool.run = (kernel, ...rest) => {
    names.add(kernel);
    run.call(pool, kernel, ...rest);
  };
  return names;
}

test("some steps of every family, and log-mel features, give the committed bits with one thread and with two, which share every kernel", async () => {
  const both = [createSync({ threads: 1 }), await create({ threads: 2 })];
  assert.equal(
    both.map(({ la }) => la.threads),
    [1, expected().threads.create],
  );
  for (const nn of both) {
    const shared = sharedBy(nn);
    const { total, each } = await train(nn);
    if (total !== TRAINING) throw new Error(`expected ${TRAINING}, got ${total} of\n${each.join("\n")}`);
    assert.equal([...shared].sort(), nn.la.threads > 1 ? SHARED : []);
    nn.la.dispose();
  }
});

test.run();
