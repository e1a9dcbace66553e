/** Attention without queries may have any number of batch entries and heads: it takes no longer, and no memory. */
import { createSync } from "laser-attention";
import { test } from "uvu";
import * as assert from "uvu/assert";

const la = createSync();
const MANY = 2 ** 31 - 1;
const variants = ["standard", "laser"] as const;

/** Two billion turns of a loop that does something take longer. */
function soon(label: string, body: () => void): void {
  const start = performance.now();
  body();
  const took = performance.now() - start;
  assert.ok(took < 1000, `${label} took ${took} ms`);
}

test("attention without queries ends at once, for any number of batch entries and heads, with slopes of their own too", () => {
  const { used } = la.memory;
  for (const variant of variants) {
    for (const [shape, layout] of [
      [[MANY, 1, 0, 4], "BHND"],
      [[1, MANY, 0, 4], "BHND"],
      [[65536, 65536, 0, 4], "BHND"],
      [[1, 0, MANY, 4], "BNHD"],
    ] as const) {
      for (const alibi of [false, true]) {
        soon(`${variant} of ${shape}`, () => {
          const q = la.zeros(shape);
          const saved = la.attentionForward(q, q, q, { variant, layout, alibi });
          assert.equal([saved.out.shape, saved.lse.shape.length], [shape, 3]);
          const { dq, dk, dv } = la.attentionBackward(saved.out, saved);
          assert.equal([dq.shape, dk.shape, dv.shape], [shape, shape, shape]);
          assert.equal(la.attention(q, q, q, { variant, layout, alibi }).shape, shape);
          for (const tensor of [q, saved.out, saved.lse, dq, dk, dv]) tensor.dispose();
        });
      }
    }
  }
  assert.ok(la.memory.used - used < 10_000, "results of attention have an address each");
});

/** A call whose first row does not see the value that the second one does, so that LASER computes it anew. */
function recompute(): void {
  const [x, v] = [la.zeros([1, 1, 2, 1]), la.tensor(Float32Array.of(0, 200), [1, 1, 2, 1])];
  la.attention(x, x, v, { variant: "laser", causal: true });
  assert.equal(la.recomputed, { elements: 1, firstRow: 0, lastRow: 0 });
}

test("keys that no query asks for have gradients of 0, in views too, and nothing was recomputed", () => {
  for (const variant of variants) {
    const [q, k] = [la.zeros([1, MANY, 0, 4]), la.zeros([1, 1, 3, 4])];
    const bias = la.zeros([1, 1, 1, 3]);
    const nothing = { elements: 0, firstRow: -1, lastRow: -1 };
    recompute();
    const saved = la.attentionForward(q, k, k, { variant, bias, alibi: true });
    assert.equal(la.recomputed, nothing);
    const both = la.tensor(new Float32Array(24).fill(7), [1, 1, 3, 8]);
    const into = { dk: both.narrow(3, 0, 4), dv: both.narrow(3, 4, 4) };
    recompute();
    soon(variant, () => {
      const { dbias } = la.attentionBackward(saved.out, saved, { into });
      assert.equal(dbias!.toArray(), new Float32Array(3));
    });
    assert.equal(both.toArray(), new Float32Array(24));
    assert.equal(la.recomputed, nothing);
  }
});

test.run();
