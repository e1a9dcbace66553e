/** Modules: their parameters by name, copied out and in. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { gpt } from "../src/models/index.js";
import { createSync } from "../src/nn/index.js";
import { throws } from "./support/throws.js";

const config = { vocabulary: 11, context: 12, width: 16, heads: 2, layers: 2, variant: "laser" as const, seed: 3 };

test("a state dict carries a model over; what is missing, left over or of another shape is listed at once", () => {
  const nn = createSync({ threads: 1 });
  const [a, b] = [gpt(nn, config), gpt(nn, { ...config, seed: 4 })];
  b.loadStateDict(a.stateDict());
  assert.equal(b.stateDict(), a.stateDict());
  assert.is(
    a.parameterCount,
    [...a.parameters.values()].reduce((sum, { tensor }) => sum + tensor.data.length, 0),
  );
  assert.ok(a.parameters.has("blocks.1.attn.qkv.weight"));
  const state = a.stateDict();
  state.delete("tok.weight");
  state.set("head.bias", { shape: [12], data: new Float32Array(12) });
  state.set("blocks.0.ln1.bias", null as never);
  state.set("extra", { shape: [1], data: new Float32Array(1) });
  state.set("n".repeat(5e6), { shape: [1], data: new Float32Array(1) });
  throws(
    () => b.loadStateDict(state),
    RangeError,
    "tok.weight is missing; blocks.0.ln1.bias must be an object with shape and data, got null",
    "; head.bias must have shape [11], got [12]; extra is not in this model",
    `; ${"n".repeat(300)}...`,
  );
  assert.equal(b.stateDict(), a.stateDict());
  const other = gpt(nn, { ...config, seed: 99 });
  b.head.dispose();
  throws(() => b.loadStateDict(other.stateDict()), TypeError, "loadStateDict: head.weight is disposed");
  assert.equal(b.tok.weight.tensor.toArray(), a.tok.weight.tensor.toArray(), "all or none");
  nn.dispose();
});

test.run();
