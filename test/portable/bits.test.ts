/** The same bits in every host: forward and backward of the fixed cases hash to one committed value. */
import * as main from "laser-attention";
import * as relaxed from "laser-attention/relaxed";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { run } from "../support/run.js";
import { BITS } from "./bits.js";
import { type AttentionCase, attentionCases } from "./support/attention-cases.js";
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

type Given = (one: AttentionCase) => boolean;

const options: Record<keyof main.AttentionOptions, Given> = {
  variant: () => true, // the test takes the cases of each in turn
  causal: ({ c }) => c.causal !== undefined,
  window: ({ c }) => c.window !== undefined,
  align: ({ c }) => c.align !== undefined,
  mask: ({ c }) => c.mask !== undefined,
  bias: ({ c }) => c.bias !== undefined,
  scale: ({ c }) => c.scale !== undefined,
  softcap: ({ c }) => c.softcap !== undefined,
  alibi: ({ c }) => c.alibi !== undefined,
  layout: ({ placement }) => placement.layout !== undefined,
  out: ({ placement }) => placement.into === true,
};

const backward: Record<keyof main.AttentionBackwardOptions, Given> = {
  into: ({ placement }) => placement.into === true,
  needs: ({ placement }) => placement.skip !== undefined,
};

/** Whether a case has it, of all that a call can be given: an option that has no line here does not compile. */
const given: Record<string, Given> = {
  ...options,
  ...backward,
  storage: ({ placement }) => placement.storage !== undefined,
};

test("the fixed cases name every option of attention, and reach the exact recompute", () => {
  for (const variant of ["standard", "laser"] as const) {
    const cases = attentionCases.filter(({ c }) => c.variant === variant);
    for (const [name, where] of Object.entries(given)) {
      assert.ok(cases.some(where), `${variant} ${name}`);
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
