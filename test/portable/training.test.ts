/** Training of the four families, standard and LASER: the same bits in every host. */
import { create, createSync } from "laser-attention/nn";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { TRAINING } from "./bits.js";
import { expected } from "./support/expected.js";
import { train } from "./support/training.js";

test("some steps of every family give the committed bits, with one thread and with two", async () => {
  const both = [createSync({ threads: 1 }), await create({ threads: 2 })];
  assert.equal(
    both.map(({ la }) => la.threads),
    [1, expected().threads.create],
  );
  for (const nn of both) {
    const { total, each } = await train(nn);
    if (total !== TRAINING) throw new Error(`expected ${TRAINING}, got ${total} of\n${each.join("\n")}`);
    nn.la.dispose();
  }
});

test.run();
