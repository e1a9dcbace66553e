/** The relaxed build in this host keeps the bounds that it states: those of test/support/bounds.ts, and 1.05 ulp of exp and log. */
import * as relaxed from "laser-attention/relaxed";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertWithin, compare } from "../support/bounds.js";
import { randomCase } from "../support/cases.js";
import { oracle } from "../support/oracle.js";
import { run } from "../support/run.js";
import { patterns, worst } from "../support/ulp.js";
import { attentionCases } from "./support/attention-cases.js";
import { ExactRandom } from "./support/exact-random.js";
import { asSource } from "./support/package.js";

const la = asSource(relaxed.createSync());

function assertBounds(name: string, { c, placement }: ReturnType<typeof randomCase>): void {
  const reference = oracle(c);
  const dvTerms = oracle({ ...c, dout: Float64Array.from(c.dout, Math.abs) }).dv;
  const got = run(la, c, placement);
  assertWithin(`${la.simd} ${name}`, compare(c, got, reference, reference.extent, { cancelling: true, dvTerms }));
}

test("/relaxed keeps its bounds against float64 in the fixed cases, forward and backward", () => {
  const tame = attentionCases.filter((given) => given.tame);
  assert.ok(tame.length >= 70);
  for (const given of tame) assertBounds(given.name, given);
});

test("/relaxed keeps its bounds against float64 in random combinations of all options", () => {
  for (let seed = 1; seed <= 100; seed++) {
    assertBounds(`random ${seed}`, randomCase(seed, "ordinary", new ExactRandom(seed)));
  }
});

test("/relaxed: exp and log are within 1.05 ulp on a sample of all bit patterns", () => {
  const x = patterns(40_001);
  for (const op of ["exp", "log"] as const) {
    const y = la.scope(() => la[op](la.tensor(x, [x.length])).toArray());
    const { error, x: where } = worst(y, x, Math[op]);
    assert.ok(error <= 1.05, `${op}: ${error} ulp at ${where}`);
  }
});

test.run();
