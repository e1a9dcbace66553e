/** A bias that is learnt, wherever values attend: as attention of q, k and v apart has it. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  AttentionCache,
  attention,
  cachedAttention,
  createSync,
  type Parameter,
  Random,
  SelfAttention,
  selfAttention,
  takeRows,
  type Value,
} from "../src/nn/index.js";
import { sameBits } from "./support/bits.js";
import { weighed } from "./support/pair.js";
import { throws } from "./support/throws.js";

const nn = createSync({ threads: 1 });
const random = new Random(37);
const variants = ["standard", "laser"] as const;
const [B, N, H, C] = [2, 5, 4, 24] as const;
const values = random.normals(B * N * 3 * C);
const start = random.normals(H * N);
const bias = (): Parameter => nn.parameter(start, [1, H, 1, N]);

/** Runs a step whose loss is the sum of `make()` times numbers; returns what was made. */
function step(make: () => Value): Float32Array {
  let out = new Float32Array();
  nn.step(() => {
    const y = make();
    out = y.toArray();
    return weighed(nn, y, new Random(41).normals(out.length));
  });
  return out;
}

/** q, k or v of qkv [B, N, 3 C]. */
const part = (qkv: Float32Array, at: number): Float32Array => qkv.filter((_, i) => Math.floor(i / C) % 3 === at);

for (const variant of variants) {
  const options = { variant, causal: true } as const;

  test(`${variant}: selfAttention gives a bias the gradient that attention gives it, also where nothing else has one`, () => {
    const apart = [0, 1, 2].map((at) => nn.parameter(part(values, at), [B, N, C])) as [Parameter, Parameter, Parameter];
    const [one, two, alone] = [bias(), bias(), bias()];
    const qkv = nn.parameter(values, [B, N, 3 * C]);
    const want = step(() => attention(nn, ...apart, H, { ...options, bias: one }));
    sameBits(
      "out",
      step(() => selfAttention(nn, qkv, H, { ...options, bias: two })),
      want,
    );
    sameBits(
      "out of a constant",
      step(() => selfAttention(nn, nn.input(values, [B, N, 3 * C]), H, { ...options, bias: alone })),
      want,
    );
    assert.ok(one.grad.data.every((x) => x !== 0));
    sameBits("dbias", two.grad.data, one.grad.data);
    sameBits("dbias alone", alone.grad.data, one.grad.data);
    for (const [at, { grad }] of apart.entries()) sameBits(`part ${at}`, part(qkv.grad.toArray(), at), grad.data);
  });

  test(`${variant}: rows of self-attention, and the last token behind a cache, have a bias as all rows have it, beside weights that are frozen too`, () => {
    const layer = new SelfAttention(nn, random, C, H);
    const x = nn.input(values.subarray(0, B * N * C), [B, N, C]);
    const rows = [0, N + 2];
    const [few, all] = [bias(), bias()];
    const got = step(() => layer.forward(x, { variant, bias: few }, { rows }));
    const grad = layer.qkv.weight.grad.toArray();
    layer.zeroGrad();
    const want = step(() => takeRows(nn, layer.forward(x, { variant, bias: all }), rows));
    // Sums of some tens of float32 in another order: each off by 2^-24 of its largest part, which is below 1.
    const close = (a: ArrayLike<number>, b: ArrayLike<number>) => {
      assert.is(a.length, b.length);
      for (let i = 0; i < a.length; i++) assert.ok(Math.abs(a[i]! - b[i]!) <= 4e-6, `${i}: ${a[i]}, ${b[i]}`);
    };
    close(got, want);
    close(grad, layer.qkv.weight.grad.data);
    close(few.grad.data, all.grad.data);
    assert.ok(few.grad.data.some((g) => Math.abs(g) > 1e-3));
    layer.qkv.requiresGrad = false;
    const frozen = bias();
    step(() => layer.forward(x, { variant, bias: frozen }, { rows }));
    close(frozen.grad.data, all.grad.data);

    const cache = new AttentionCache(nn, B, N, C);
    const qkv = nn.input(values, [B, N, 3 * C]);
    const kept = nn.evaluate(() => cachedAttention(nn, qkv, H, cache, { ...options, bias: few }).toArray());
    sameBits(
      "cached",
      kept,
      nn.evaluate(() => selfAttention(nn, qkv, H, { ...options, bias: few.tensor }).toArray()),
    );
    cache.dispose();
  });
}

test("a bias of another rank, or one that is no value and no tensor, is refused by the name of the operation", () => {
  const qkv = nn.parameter(values, [B, N, 3 * C]);
  const run = (given: unknown) => () => selfAttention(nn, qkv, H, { variant: "laser", bias: given as Parameter });
  throws(run(nn.parameter(start, [H, N])), RangeError, "selfAttention: bias must have rank 4, got [4, 5]");
  throws(run(start), TypeError, "bias must be a tensor, got a Float32Array");
});

test.after(() => nn.dispose());
test.run();
