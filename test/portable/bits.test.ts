/** The same bits in every host: forward and backward of the fixed cases hash to one committed value. */
import * as main from "laser-attention";
import * as relaxed from "laser-attention/relaxed";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { run } from "../support/run.js";
import { BITS } from "./bits.js";
import { attentionCases } from "./support/attention-cases.js";
import { digest } from "./support/digest.js";
import { expectedSimd } from "./support/expected.js";
import { asSource } from "./support/package.js";

test("the plain build gives the committed bits in forward and backward of all fixed cases", async () => {
  const la = main.createSync();
  const { total, cases } = await digest(asSource(la));
  const lines = cases.map(([name, hash]) => `  ${hash.slice(0, 8)} ${name}`);
  if (total !== BITS) throw new Error(`expected ${BITS}, got ${total} of\n${lines.join("\n")}`);
  la.dispose();
});

test("the fixed cases name every option of attention, and reach the exact recompute", () => {
  const options = ["causal", "window", "align", "scale", "softcap", "alibi", "mask", "bias"] as const;
  for (const variant of ["standard", "laser"] as const) {
    const cases = attentionCases.filter(({ c }) => c.variant === variant);
    for (const name of options)
      assert.ok(
        cases.some(({ c }) => c[name] !== undefined),
        `${variant} ${name}`,
      );
    for (const name of ["layout", "storage", "into", "skip"] as const) {
      assert.ok(
        cases.some(({ placement }) => placement[name] !== undefined),
        `${variant} ${name}`,
      );
    }
  }
  const la = asSource(main.createSync());
  const apart = attentionCases.find(({ name }) => name === "laser, values far apart")!;
  run(la, apart.c, apart.placement);
  assert.ok(la.recomputed.elements > 0);
  la.dispose();
});

// With relaxed SIMD the engine may fuse multiply and add or not, so there is no claim about bits: relaxed.test.ts.
if (expectedSimd() === "plain") {
  test("/relaxed is the plain build in a host without relaxed SIMD, to the bit", async () => {
    const la = relaxed.createSync();
    assert.is((await digest(asSource(la))).total, BITS);
    la.dispose();
  });
}

test.run();
