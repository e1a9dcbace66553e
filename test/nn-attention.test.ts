/** attention of q, k and v apart: what the facade's call gives, with the gradients of all that need one. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  AttentionCache,
  attention,
  cachedAttention,
  createSync,
  type Parameter,
  Random,
  selfAttention,
  type Value,
  type ValueAttentionOptions,
} from "../src/nn/index.js";
import { sameBits } from "./support/bits.js";
import { weighed } from "./support/pair.js";
import { throws } from "./support/throws.js";

const nn = createSync({ threads: 1 });
const random = new Random(23);
const variants = ["standard", "laser"] as const;
const normals = (...shape: number[]): Float32Array => random.normals(shape.reduce((a, b) => a * b));
const value = (...shape: number[]): Parameter => nn.parameter(normals(...shape), shape);

const [B, N, M, H, D, E] = [2, 5, 7, 4, 6, 3] as const;

for (const variant of variants) {
  for (const Hkv of [4, 2, 1]) {
    test(`${variant}: ${Hkv} key heads of 4, values of another width and a learnt bias have the facade's results and gradients`, () => {
      const [q, k, v] = [value(B, N, H * D), value(B, M, Hkv * D), value(B, M, Hkv * E)];
      const bias = value(1, H, 1, M);
      const dout = normals(B, N, H * E);
      let out = new Float32Array();
      nn.step(() => {
        const y = attention(nn, q, k, v, H, { variant, window: [3, 2], bias });
        assert.equal(y.shape, [B, N, H * E]);
        out = y.toArray();
        return weighed(nn, y, dout);
      });
      const { la } = nn;
      const saved = la.attentionForward(
        q.tensor.view([B, N, H, D]),
        k.tensor.view([B, M, Hkv, D]),
        v.tensor.view([B, M, Hkv, E]),
        { variant, window: [3, 2], bias: bias.tensor, layout: "BNHD" },
      );
      sameBits("out", out, saved.out.toArray());
      const gradients = la.attentionBackward(la.tensor(dout, [B, N, H, E]), saved);
      for (const [name, of] of Object.entries({ dq: q, dk: k, dv: v, dbias: bias })) {
        sameBits(name, of.grad.toArray(), gradients[name as "dq"].toArray());
      }
    });
  }

  test(`${variant}: one value in all places has the gradients of selfAttention on three copies of it, one after the other`, () => {
    const x = value(B, N, H * D);
    const dout = normals(B, N, H * D);
    const options = { variant, causal: true };
    nn.step(() => weighed(nn, attention(nn, x, x, x, H, options), dout));
    const three = new Float32Array(B * N * 3 * H * D);
    for (let row = 0; row < B * N; row++) {
      for (let n = 0; n < 3; n++)
        three.set(x.tensor.data.subarray(row * H * D, (row + 1) * H * D), (3 * row + n) * H * D);
    }
    const qkv = nn.parameter(three, [B, N, 3 * H * D]);
    nn.step(() => weighed(nn, selfAttention(nn, qkv, H, options), dout));
    const sum = new Float32Array(B * N * H * D);
    for (let row = 0; row < B * N; row++) {
      const [dq, dk, dv] = [0, 1, 2].map((n) =>
        qkv.grad.data.subarray((3 * row + n) * H * D, (3 * row + n + 1) * H * D),
      );
      for (let c = 0; c < H * D; c++) sum[row * H * D + c] = dq![c]! + dk![c]! + dv![c]!;
    }
    // Two additions of float32, in another order.
    for (const [i, want] of sum.entries()) assert.ok(Math.abs(x.grad.data[i]! - want) <= 1e-6 * (1 + Math.abs(want)));
  });
}

test("only what needs a gradient gets one, whichever of the four it is", () => {
  const values = {
    q: normals(B, N, H * D),
    k: normals(B, M, H * D),
    v: normals(B, M, H * D),
    bias: normals(1, 1, N, M),
  };
  const shapes = { q: [B, N, H * D], k: [B, M, H * D], v: [B, M, H * D], bias: [1, 1, N, M] };
  const dout = normals(B, N, H * D);
  const names = ["q", "k", "v", "bias"] as const;
  const grads = (learnt: readonly string[]) => {
    const made = names.map((name) => nn.parameter(values[name], shapes[name]));
    nn.step(() => {
      const [q, k, v, bias] = made.map((one, n) =>
        learnt.includes(names[n]!) ? one : nn.input(values[names[n]!], shapes[names[n]!]),
      );
      return weighed(nn, attention(nn, q!, k!, v!, H, { variant: "laser", bias }), dout);
    });
    return made;
  };
  const all = grads(names);
  for (const [n, name] of names.entries()) {
    const one = grads([name]);
    for (const [m, other] of one.entries()) {
      if (m === n) sameBits(name, other.grad.toArray(), all[n]!.grad.toArray());
      else assert.ok(other.grad.data.every((x) => x === 0));
    }
  }
});

test("a bias that is a tensor is a constant; shapes that do not fit are refused by name", () => {
  const [q, k] = [value(B, N, H * D), value(B, M, H * D)];
  const bias = nn.la.tensor(normals(1, H, N, M), [1, H, N, M]);
  const learnt = nn.parameter(bias.toArray(), [1, H, N, M]);
  const run = (options: ValueAttentionOptions) => nn.evaluate(() => attention(nn, q, k, k, H, options).toArray());
  sameBits("bias", run({ variant: "laser", bias }), run({ variant: "laser", bias: learnt }));
  const of =
    (...given: [Value, Value, Value, number]) =>
    () =>
      attention(nn, ...given, { variant: "laser" });
  const x = (...shape: number[]) => nn.input(new Float32Array(shape.reduce((a, b) => a * b)), shape);
  throws(of(q, k, k, 5), RangeError, "attention: q must have a multiple of heads (5) on its last axis, got [2, 5, 24]");
  throws(of(q, x(B, M, 5), k, H), RangeError, "attention: k must have a multiple of the width of a head (6)");
  throws(of(q, k, x(B, M, 5), H), RangeError, "attention: v must have a multiple of the heads of k (4)");
  throws(of(q, x(B, M, 18), x(B, M, 18), H), RangeError, "k", "heads");
  throws(of(q, x(B, 3, 24), k, H), RangeError, "v must have shape");
  throws(of(x(3, N, 24), k, k, H), RangeError, "k must have");
  throws(of(q, k, x(M, 24), H), RangeError, "attention: v must have rank 3, got [7, 24]");
  throws(
    () => run({ variant: "laser", layout: "BHND" } as never),
    TypeError,
    "attention: options must not have layout",
  );
  throws(() => run({ variant: "laser", bias: x(H, N, M) }), RangeError, "attention: bias must have rank 4");
});

test("options that are refused leave no memory behind, outside of a step too", () => {
  const C = H * D;
  const [q, qkv, cache] = [value(B, N, C), value(B, N, 3 * C), new AttentionCache(nn, B, N, C)];
  const wrong = { variant: "laser", mask: nn.la.zeros([1, 1, 1, 1], "u8") } as const;
  const { used } = nn.la.memory;
  for (const call of [
    () => attention(nn, q, q, q, H, wrong),
    () => selfAttention(nn, qkv, H, wrong),
    () => cachedAttention(nn, qkv, H, cache, wrong),
  ]) {
    throws(call, RangeError, "mask must have shape");
    assert.is(nn.la.memory.used, used);
  }
  cache.dispose();
});

test("after a tensor was disposed that the backward pass reads, the step says which", () => {
  const [q, k] = [value(B, N, H * D), value(B, M, H * D)];
  const call = () => {
    const v = nn.input(normals(B, M, H * D), [B, M, H * D]);
    const y = attention(nn, q, k, v, H, { variant: "laser" });
    v.tensor.dispose();
    return weighed(nn, y, normals(B, N, H * D));
  };
  throws(() => nn.step(call), TypeError, "attention: v is disposed, and its gradients are not taken yet");
});

test("self-attention to a cache counts from the last token, also where align says from the first, as without a cache", () => {
  const C = H * D;
  const qkv = normals(1, N, 3 * C);
  const part = (from: number, to: number) => nn.input(qkv.slice(from * 3 * C, to * 3 * C), [1, to - from, 3 * C]);
  for (const more of [{ causal: true }, { window: [1, 0] as const }, { alibi: true, causal: true }]) {
    const options = { variant: "laser", align: "top-left", ...more } as const;
    const whole = nn.evaluate(() => selfAttention(nn, part(0, N), H, options).toArray());
    const cache = new AttentionCache(nn, 1, N, C);
    nn.evaluate(() => void cachedAttention(nn, part(0, N - 1), H, cache, options));
    const last = nn.evaluate(() => cachedAttention(nn, part(N - 1, N), H, cache, options).toArray());
    // Rounding differs where not all keys are seen: c is the maximum of those that are. Results are below 4.
    const error = Math.max(...last.map((y, i) => Math.abs(y - whole[whole.length - C + i]!)));
    assert.ok(error < 4e-6, `${JSON.stringify(more)}: off by ${error}`);
    cache.dispose();
  }
});

test.after(() => nn.dispose());
test.run();
