import { createSync, type LaserAttention, type Tensor } from "laser-attention";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { throws } from "./support/throws.js";

const la = createSync();
const stranger = createSync();
const [B, H, Hkv, N, M, D, E] = [2, 4, 2, 3, 5, 6, 7];
const q = la.zeros([B, H, N, D]);
const k = la.zeros([B, Hkv, M, D]);
const v = la.zeros([B, Hkv, M, E]);
const out = la.zeros([B, H, N, E]);
const mask = la.zeros([B, 1, N, M], "u8");
const bias = la.zeros([1, H, 1, M]);
const dead = la.zeros([B, H, N, D]);
const deadView = dead.narrow(0, 0, B);
dead.dispose();

type Bad = [given: unknown, type: typeof TypeError | typeof RangeError, ...parts: string[]];

/** Wrong input reaches the library from JavaScript, so the types are set aside here. */
type Loose = { [name in keyof LaserAttention]: (...given: unknown[]) => unknown };
const loose = la as unknown as Loose;
test("every wrong q is refused with its name, what was expected and what came", () => {
  const cases: Bad[] = [
    [la.zeros([2, 3]), RangeError, "attention: q must have rank 4, got [2, 3]"],
    [la.zeros([1, B, H, N, D]), RangeError, "q must have rank 4, got [1, 2, 4, 3, 6]"],
    [la.zeros([B, H, N, D], "u8"), TypeError, 'q must have dtype "f32", got "u8"'],
    [new Float32Array(4), TypeError, "q must be a tensor, got a Float32Array"],
    [undefined, TypeError, "q must be a tensor, got undefined"],
    [null, TypeError, "q must be a tensor, got null"],
    [
      new (class Tensor {})(),
      TypeError,
      "q must be a tensor, got a Tensor, but none that this copy of laser-attention made",
    ],
    [[1, 2], TypeError, "q must be a tensor, got [1, 2]"],
    [dead, TypeError, "q is disposed"],
    [deadView, TypeError, "q is disposed, a view of a disposed tensor, or of a step that has ended"],
    [stranger.zeros([B, H, N, D]), TypeError, "q must be a tensor of this instance"],
    [
      la.zeros([B, H, D, N]).view([B, H, N, D], [H * D * N, D * N, 1, N]),
      RangeError,
      "q",
      "last axis",
      "[72, 18, 1, 3]",
    ],
    [la.zeros([0, H, N, D]), RangeError, "B must be 1 or more", "[0, 4, 3, 6]"],
    [la.zeros([B, 0, N, D]), RangeError, "H must be 1 or more"],
    [la.zeros([B, H, N, 0]), RangeError, "D must be 1 or more"],
    [la.zeros([B, 3, N, D]), RangeError, "query heads, 3, must be a multiple of the key heads, 2"],
    [la.zeros([B, 1, N, D]), RangeError, "query heads, 1, must be a multiple of the key heads, 2"],
    [la.zeros([1, H, N, D]), RangeError, "k must have the batch size of q, 1"],
    [la.zeros([B, H, N, D + 1]), RangeError, "k must have the width of q, 7"],
  ];
  for (const [given, type, ...parts] of cases) {
    throws(() => loose.attention(given, k, v, { variant: "laser" }), type, ...parts);
    throws(() => loose.attentionForward(given, k, v, { variant: "standard" }), type, "attentionForward: ");
  }
});

test("every wrong k and v is refused", () => {
  const ks: Bad[] = [
    [la.zeros([B, Hkv, M]), RangeError, "k must have rank 4, got [2, 2, 5]"],
    [la.zeros([B, 0, M, D]), RangeError, "Hkv must be 1 or more"],
    [dead, TypeError, "k is disposed"],
    [la.zeros([B, Hkv, M + 1, D]), RangeError, "v must have shape [2, 2, 6, 7], got [2, 2, 5, 7]"],
  ];
  const vs: Bad[] = [
    [la.zeros([B, Hkv, M + 1, E]), RangeError, "v must have shape [2, 2, 5, 7], got [2, 2, 6, 7]"],
    [la.zeros([B, 1, M, E]), RangeError, "v must have shape [2, 2, 5, 7], got [2, 1, 5, 7]"],
    [la.zeros([B, Hkv, M, 0]), RangeError, "E must be 1 or more"],
    [stranger.zeros([B, Hkv, M, E]), TypeError, "v must be a tensor of this instance"],
  ];
  for (const [given, type, ...parts] of ks)
    throws(() => loose.attention(q, given, v, { variant: "laser" }), type, ...parts);
  for (const [given, type, ...parts] of vs)
    throws(() => loose.attention(q, k, given, { variant: "laser" }), type, ...parts);
});

test("every wrong option is refused", () => {
  const strided = la.zeros([B, 1, M, N], "u8").view([B, 1, N, M], [N * M, N * M, 1, N]);
  const cases: [name: string, ...Bad][] = [
    ["variant", undefined, TypeError, 'variant must be "standard" or "laser", got undefined'],
    ["variant", "LASER", TypeError, 'variant must be "standard" or "laser", got "LASER"'],
    ["casual", true, TypeError, 'got "casual"', "causal"],
    ["causal", 1, TypeError, "causal must be true or false, got 1"],
    ["align", "left", TypeError, 'align must be "bottom-right" or "top-left", got "left"'],
    ["layout", "NBHD", TypeError, 'layout must be "BHND" or "BNHD", got "NBHD"'],
    ["window", 3, TypeError, "window must be [left, right], got 3"],
    ["window", [1], TypeError, "window must be [left, right], got [1]"],
    ["window", [1, 2, 3], TypeError, "window must be [left, right], got [1, 2, 3]"],
    ["window", ["1", 2], TypeError, "window must be [left, right]"],
    ["window", [Number.NaN, 1], RangeError, "window must hold integers", "[NaN, 1]"],
    ["window", [1, 0.5], RangeError, "window must hold integers", "[1, 0.5]"],
    ["scale", "1", TypeError, 'scale must be a number, got "1"'],
    ["scale", Number.NaN, RangeError, "scale must be a finite float32, got NaN"],
    ["scale", Number.POSITIVE_INFINITY, RangeError, "scale must be a finite float32, got Infinity"],
    ["scale", 1e39, RangeError, "scale must be a finite float32, got 1e+39"],
    ["softcap", 0, RangeError, "softcap must be above 0 as a float32, got 0"],
    ["softcap", -1, RangeError, "softcap must be above 0 as a float32, got -1"],
    ["softcap", 1e-60, RangeError, "softcap must be above 0"],
    ["softcap", Number.NaN, RangeError, "softcap must be a finite float32, got NaN"],
    ["softcap", Number.POSITIVE_INFINITY, RangeError, "softcap must be a finite float32, got Infinity"],
    ["softcap", true, TypeError, "softcap must be a number, got true"],
    ["scale", -2.5e38, RangeError, "scale must be at most 2.35e38 in size, got -2.5e+38"],
    ["softcap", 3e38, RangeError, "softcap must be at most 2.35e38 in size, got 3e+38"],
    ["softcap", 1e-39, RangeError, "scale / softcap must be a finite float32", "/ 1e-39"],
    ["alibi", new Float32Array(H).fill(3e38), RangeError, "a slope of alibi must be at most 2.35e38 in size"],
    // biome-ignore lint/suspicious/noSparseArray: `every` and `some` skip holes
    ["window", [, 1], TypeError, "window must be [left, right]"],
    ["alibi", "yes", TypeError, "alibi must be true, false or a Float32Array"],
    ["alibi", [1, 2, 3, 4], TypeError, "alibi must be true, false or a Float32Array, got [1, 2, 3, 4]"],
    ["alibi", new Float64Array(H), TypeError, "alibi must be", "a Float64Array"],
    ["alibi", new Float32Array(H - 1), RangeError, "alibi must have one slope for each of 4 query heads, got 3"],
    ["alibi", new Float32Array(H).fill(Number.NaN), RangeError, "a slope of alibi must be a finite float32, got NaN"],
    ["mask", new Uint8Array(M), TypeError, "mask must be a tensor, got a Uint8Array"],
    ["mask", la.zeros([B, 1, N, M]), TypeError, 'mask must have dtype "u8", got "f32"'],
    ["mask", la.zeros([N, M], "u8"), RangeError, "mask must have shape [2 or 1, 4 or 1, 3 or 1, 5], got [3, 5]"],
    [
      "mask",
      la.zeros([B, 2, N, M], "u8"),
      RangeError,
      "mask must have shape [2 or 1, 4 or 1, 3 or 1, 5], got [2, 2, 3, 5]",
    ],
    ["mask", la.zeros([B, 1, N, 1], "u8"), RangeError, "mask must have shape", "got [2, 1, 3, 1]"],
    ["mask", strided, RangeError, "mask must be contiguous along its last axis"],
    ["bias", la.zeros([1, H, 1, M], "u8"), TypeError, 'bias must have dtype "f32", got "u8"'],
    ["bias", la.zeros([1, H, N + 1, M]), RangeError, "bias must have shape", "got [1, 4, 4, 5]"],
    ["bias", dead, TypeError, "bias is disposed"],
    ["bias", stranger.zeros([1, H, 1, M]), TypeError, "bias must be a tensor of this instance"],
    ["out", la.zeros([B, H, N, D]), RangeError, "out must have shape [2, 4, 3, 7], got [2, 4, 3, 6]"],
    ["out", la.zeros([B, H, N, E], "u8"), TypeError, 'out must have dtype "f32", got "u8"'],
    ["out", out.view([B, H, N, E], [0, 0, 0, 1]), RangeError, "out must hold each element once"],
    ["out", deadView, TypeError, "out is disposed"],
  ];
  for (const [name, value, type, ...parts] of cases) {
    throws(() => loose.attention(q, k, v, { variant: "laser", [name]: value }), type, "attention: ", ...parts);
  }
  throws(() => loose.attention(q, k, v), TypeError, "options must be an object with a variant, got undefined");
  throws(() => loose.attention(q, k, v, "laser"), TypeError, 'options must be an object, got "laser"');
  throws(() => loose.attention(q, k, v, null), TypeError, "options must be an object, got null");
});

test("options that are undefined count as left out", () => {
  const given = { causal: undefined, window: undefined, mask: undefined, bias: undefined, scale: undefined };
  const more = { softcap: undefined, alibi: undefined, layout: undefined, align: undefined, out: undefined };
  const [got, expected] = la.scope(() => [
    la.attention(q, k, v, { variant: "laser", ...given, ...more }).toArray(),
    la.attention(q, k, v, { variant: "laser" }).toArray(),
  ]);
  assert.equal(got, expected);
});

test("out may be interleaved with the inputs, and is refused when it shares one element with any of them", () => {
  const base = la.zeros([B, H, N, 2 * D + 2]);
  const [x, y] = [base.narrow(3, 0, D), base.narrow(3, D, D)];
  const keys = la.zeros([B, H, M, D]);
  la.attention(x, keys, keys, { variant: "laser", out: y });
  const late = base.narrow(3, D - 1, D);
  throws(() => la.attention(x, keys, keys, { variant: "laser", out: late }), RangeError, "out", "no element with q");
  const wide = la.zeros([B, H, N, M]);
  const square = la.zeros([B, H, M, M]);
  const values = la.zeros([B, H, M, M]);
  const part = values.narrow(2, 1, N);
  throws(() => la.attention(wide, square, values, { variant: "laser", out: part }), RangeError, "no element with v");
  const first = square.narrow(2, 0, N);
  throws(() => la.attention(wide, square, values, { variant: "laser", out: first }), RangeError, "no element with k");
  const scores = la.zeros([B, H, N, M]);
  const given = { variant: "laser", bias: scores, out: scores } as const;
  throws(() => la.attention(wide, square, values, given), RangeError, "no element with bias");
});

test("every wrong argument of attentionBackward is refused", () => {
  const saved = la.attentionForward(q, k, v, { variant: "laser", mask, bias });
  const plain = la.attentionForward(q, k, v, { variant: "laser" });
  const dout = la.zeros([B, H, N, E]);
  const backward = (...given: unknown[]): unknown => loose.attentionBackward(...given);
  throws(
    () => backward(la.zeros([B, H, N, D]), saved),
    RangeError,
    "attentionBackward: dout must have shape [2, 4, 3, 7]",
  );
  throws(() => backward(dead, saved), TypeError, "dout is disposed");
  throws(() => backward(new Float32Array(4), saved), TypeError, "dout must be a tensor");
  throws(() => backward(dout), TypeError, "saved must be the result of attentionForward, got undefined");
  throws(() => backward(dout, dout as never), TypeError, "saved must be the result of attentionForward, got a Tensor");
  throws(() => backward(dout, {}), TypeError, "saved.options must be an object with a variant, got undefined");
  throws(() => backward(dout, { ...saved, q: undefined }), TypeError, "saved.q must be a tensor, got undefined");
  throws(
    () => backward(dout, { ...saved, options: undefined }),
    TypeError,
    "saved.options must be an object with a variant",
  );
  throws(() => backward(dout, { ...saved, options: { foo: 1 } }), TypeError, "saved.options must be among variant");
  throws(() => backward(dout, { ...saved, options: {} }), TypeError, "saved.options.variant must be");
  throws(() => backward(dout, { ...saved, lse: out }), RangeError, "saved.lse must have shape [2, 4, 3]");
  throws(() => backward(dout, { ...saved, out: dout.narrow(0, 0, 1) }), RangeError, "saved.out must have shape");
  throws(() => backward(dout, saved, { need: {} }), TypeError, 'options must be among into, needs, got "need"');
  throws(
    () => backward(dout, saved, { needs: { q: true } }),
    TypeError,
    'needs must be among dq, dk, dv, dbias, got "q"',
  );
  throws(() => backward(dout, saved, { needs: { dq: 1 } }), TypeError, "needs.dq must be true or false, got 1");
  throws(() => backward(dout, saved, { into: [] }), TypeError, "into must be an object, got []");
  const into = (target: Record<string, Tensor>, ...more: unknown[]): unknown =>
    backward(dout, saved, Object.assign({ into: target }, ...more));
  throws(() => into({ dq: out }), RangeError, "into.dq must have shape [2, 4, 3, 6], got [2, 4, 3, 7]");
  throws(() => into({ dq: dead }), TypeError, "into.dq is disposed");
  throws(() => into({ dbias: bias }), RangeError, "into.dbias must share no element with bias");
  throws(
    () => into({ dq: la.zeros([D]).view([B, H, N, D], [0, 0, 0, 1]) }),
    RangeError,
    "into.dq must hold each element once",
  );
  throws(() => into({ dq: la.zeros([B, H, N, D]) }, { needs: { dq: false } }), TypeError, "into.dq must be left out");
  const noBias = { into: { dbias: la.zeros([1, H, 1, M]) } };
  throws(() => backward(dout, plain, noBias), TypeError, "into.dbias must be left out, the call had no bias");
  const shared = la.zeros([B, Hkv, M, D + E]);
  const [dk, dv] = [shared.narrow(3, 0, D), shared.narrow(3, D - 1, E)];
  throws(() => into({ dk, dv }), RangeError, "into.dv must share no element with into.dk");
  const moved = { ...plain, q: k };
  throws(() => backward(dout, moved), RangeError, "saved.out must have shape");
  saved.lse.dispose();
  throws(() => backward(dout, saved), TypeError, "saved.lse is disposed");
});

test("every wrong argument of tensor, zeros, empty and the methods of a tensor is refused", () => {
  const data = new Float32Array(6);
  const t = la.tensor(data, [2, 3]);
  const tensor = t as unknown as { [name in keyof Tensor]: (...given: unknown[]) => unknown };
  throws(
    () => loose.tensor(new Float64Array(6), [6]),
    TypeError,
    "tensor: data must be a Float32Array or a Uint8Array, got a Float64Array",
  );
  throws(() => loose.tensor([1, 2], [2]), TypeError, "data must be", "[1, 2]");
  throws(() => loose.tensor(data, 6), TypeError, "shape must be an array of sizes, got 6");
  throws(() => loose.tensor(data, [2, 4]), RangeError, "data must have 8 elements for shape [2, 4], got 6");
  throws(() => loose.tensor(data, [-2, -3]), RangeError, "integer of 0 or more, got [-2, -3]");
  throws(() => loose.tensor(data, [1.5, 4]), RangeError, "integer of 0 or more, got [1.5, 4]");
  // biome-ignore lint/suspicious/noSparseArray: `every` and `some` skip holes
  throws(() => loose.zeros([, 2]), TypeError, "integer of 0 or more, got [undefined, 2]");
  throws(
    () => loose.zeros([0, 2 ** 32]),
    RangeError,
    "every size of shape must be at most 2147483647, got [0, 4294967296]",
  );
  throws(() => loose.tensor(data, ["6"]), TypeError, 'got ["6"]');
  throws(() => loose.zeros([2n]), TypeError, "got [the bigint 2]");
  throws(
    () => loose.zeros([2 ** 31, 2 ** 31]),
    RangeError,
    "zeros: shape must take at most 4294967296 bytes",
    "18446744073709552000",
  );
  throws(() => loose.zeros([Number.NaN]), RangeError, "[NaN]");
  throws(() => loose.zeros([2], "f64"), TypeError, 'dtype must be "f32" or "u8", got "f64"');
  throws(() => loose.empty(), TypeError, "empty: shape must be an array of sizes, got undefined");
  throws(() => tensor.set(new Uint8Array(6)), TypeError, "Tensor.set: array must be a Float32Array, got a Uint8Array");
  throws(() => tensor.set(new Float32Array(5)), RangeError, "array must have 6 elements for shape [2, 3], got 5");
  throws(() => tensor.narrow(2, 0, 1), RangeError, "axis must be an integer from 0 to 1, got 2");
  throws(() => tensor.narrow(-1, 0, 1), RangeError, "got -1");
  throws(() => tensor.narrow(1, 2, 2), RangeError, "inside axis 1 of size 3, got start 2, length 2");
  throws(() => tensor.narrow(1, 0.5, 1), RangeError, "got start 0.5");
  throws(() => tensor.narrow("1", 0, 1), TypeError, 'axis must be an integer from 0 to 1, got "1"');
  throws(() => tensor.narrow(1, 0), TypeError, "got start 0, length undefined");
  throws(() => tensor.view([7]), RangeError, "shape must have 6 elements like [2, 3], got [7]");
  throws(() => tensor.view([2, 3], [3]), RangeError, "strides must be 2 integers from 0 to 4294967296", "got [3]");
  assert.equal(
    la
      .zeros([0, 2 ** 20, 2 ** 20])
      .view([0, 2 ** 20, 2 ** 20])
      .toArray(),
    new Float32Array(0),
  );
  throws(() => tensor.view([2, 1], [3, 2 ** 32 + 1]), RangeError, "got [3, 4294967297]");
  throws(() => tensor.view([2, 3], [-3, 1]), RangeError, "got [-3, 1]");
  throws(() => tensor.view([2, 3], "31"), TypeError, 'strides must be an array of integers, got "31"');
  throws(() => tensor.view([2, 3], ["3", 1]), TypeError, 'got ["3", 1]');
  throws(() => tensor.view([2, 3], null), TypeError, "strides must be an array of integers, got null");
  throws(() => tensor.view([2, 3], [3, 1], null), TypeError, "offset must be an integer of 0 or more, got null");
  throws(() => tensor.view([2, 3], [3, 1], -1), RangeError, "offset must be an integer of 0 or more, got -1");
  throws(() => tensor.view([2, 3], [3, 1], 1), RangeError, "inside the storage of 6 elements, got a last element at 6");
  throws(() => tensor.view([2 ** 20, 2 ** 20], [0, 0]), RangeError, "at most 4294967296 bytes");
  throws(() => t.narrow(1, 0, 2).view([4]), RangeError, "must be contiguous (or give strides)");
});

test("every wrong argument of the other operations is refused", () => {
  const a = la.zeros([2, 3, 4]);
  throws(
    () => loose.matmul(a, la.zeros([5, 6])),
    RangeError,
    "matmul: a and b must agree",
    "4 from a [2, 3, 4] and 5 from b [5, 6]",
  );
  throws(() => loose.matmul(a, la.zeros([3, 4, 6])), RangeError, "leading sizes of a and b", "[2, 3, 4] and [3, 4, 6]");
  throws(() => loose.matmul(la.zeros([4]), a), RangeError, "a must have rank 2 or more, got [4]");
  throws(() => loose.matmul(a, a, { transposeC: true }), TypeError, 'got "transposeC"');
  throws(() => loose.matmul(a, a, { transposeB: "yes" }), TypeError, 'transposeB must be true or false, got "yes"');
  throws(() => loose.matmul(a, la.zeros([4, 2], "u8")), TypeError, 'b must have dtype "f32", got "u8"');
  throws(
    () => loose.matmulBackward(a, a, a, { transposeB: true }),
    RangeError,
    "dout must have shape [2, 3, 3], got [2, 3, 4]",
  );
  throws(() => loose.softmax(la.zeros([])), RangeError, "softmax: x must have rank 1 or more, got []");
  throws(() => loose.softmax(stranger.zeros([2])), TypeError, "x must be a tensor of this instance");
  throws(() => loose.softmaxBackward(a, la.zeros([2, 3])), RangeError, "dout must have shape [2, 3], got [2, 3, 4]");
  throws(() => loose.exp(la.zeros([2], "u8")), TypeError, 'exp: x must have dtype "f32"');
  throws(() => loose.expBackward(a, la.zeros([2])), RangeError, "expBackward: dout must have shape [2]");
  throws(() => loose.log(new Float32Array(2)), TypeError, "log: x must be a tensor, got a Float32Array");
  throws(() => loose.logBackward(dead, a), TypeError, "logBackward: dout is disposed");
  throws(() => loose.scope(3), TypeError, "scope: fn must be a function, got 3");
});

test("creation refuses a maxMemory out of range and unknown options", () => {
  const create = createSync as (options: unknown) => unknown;
  throws(() => create({ maxMemory: "1" }), TypeError, 'createSync: maxMemory must be a number, got "1"');
  for (const maxMemory of [0, -1, 1.5, Number.NaN, 1000, 2 ** 32 + 1]) {
    throws(
      () => create({ maxMemory }),
      RangeError,
      "maxMemory must be an integer from 1048576 to 4294967296 bytes",
      `${maxMemory}`,
    );
  }
  throws(() => create({ memory: 1 }), TypeError, 'got "memory"');
});

test("instances are made by create and createSync alone", () => {
  const Loose = la.constructor as new () => unknown;
  throws(() => new Loose(), TypeError, "LaserAttention: instances are made by create or createSync");
});

test("nothing is allocated and nothing is written by a call that is refused", () => {
  const own = createSync();
  const [x, target] = [own.zeros([1, 1, 4, 4]), own.zeros([1, 1, 4, 4])];
  target.data.fill(5);
  const { used } = own.memory;
  throws(() => own.attention(x, x, x, { variant: "laser", scale: Number.NaN, out: target }), RangeError, "scale");
  throws(() => own.attentionForward(x, x, own.zeros([1, 1, 5, 4]), { variant: "laser" }), RangeError, "v must");
  assert.is(own.memory.used, used + 128, "only the 80 bytes of the wrong v");
  assert.ok(target.data.every((value) => value === 5));
});

test.run();
