import * as main from "laser-attention";
import { type AttentionOptions, create, createSync, type Tensor } from "laser-attention";
import * as models from "laser-attention/models";
import * as training from "laser-attention/nn";
import * as relaxed from "laser-attention/relaxed";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { alibiSlopes } from "../src/alibi.js";
import { relaxedSupported } from "./support/kernels.js";
import { Random } from "./support/random.js";
import { throws } from "./support/throws.js";

const la = createSync();
const random = new Random(3);
const normal = (...shape: number[]): Tensor => la.tensor(random.normals(shape.reduce((n, size) => n * size, 1)), shape);

const [B, H, Hkv, N, M, D, E] = [2, 4, 2, 9, 11, 8, 12];
const q = normal(B, H, N, D);
const k = normal(B, Hkv, M, D);
const v = normal(B, Hkv, M, E);
const dout = normal(B, H, N, E);
const bias = normal(1, H, 1, M);

test("create and createSync give the same bits, and both entries the same names", async () => {
  const other = await create({ maxMemory: 2 ** 26 });
  const copies = [q, k, v].map((t) => other.tensor(t.data, t.shape)) as [Tensor, Tensor, Tensor];
  const options = { variant: "laser", causal: true } as const;
  assert.equal(other.attention(...copies, options).toArray(), la.attention(q, k, v, options).toArray());
  assert.is(other.memory.limit, 2 ** 26);
  assert.equal(Object.keys(relaxed), Object.keys(main));
});

test("the relaxed entry runs relaxed kernels where the engine has them, the plain ones elsewhere, and says which", async () => {
  const other = await relaxed.create();
  assert.is(other.simd, relaxedSupported ? "relaxed" : "plain");
  assert.is(relaxed.createSync().simd, other.simd);
  assert.is(la.simd, "plain");
  const x = other.tensor(new Float32Array([0, 1]), [2]);
  assert.ok(Math.abs(other.exp(x).data[1]! - Math.E) < 1e-6);
});

test("attention equals the out of attentionForward, and writes into the out it is given", () => {
  for (const variant of ["standard", "laser"] as const) {
    const out = la.attention(q, k, v, { variant });
    const saved = la.attentionForward(q, k, v, { variant });
    assert.equal(out.shape, [B, H, N, E]);
    assert.equal(saved.lse.shape, [B, H, N]);
    assert.equal(saved.out.toArray(), out.toArray());
    const base = la.zeros([B, H, N, 2 * E]);
    const target = base.narrow(3, E, E);
    assert.is(la.attention(q, k, v, { variant, out: target }), target);
    assert.equal(target.toArray(), out.toArray());
    assert.ok(
      base
        .narrow(3, 0, E)
        .toArray()
        .every((x) => x === 0),
      "the other half is untouched",
    );
  }
});

test("saved keeps its tensors and a copy of the options without out", () => {
  const slopes = new Float32Array(H).fill(0.5);
  const out = la.empty([B, H, N, E]);
  const saved = la.attentionForward(q, k, v, { variant: "laser", alibi: slopes, out });
  assert.is(saved.out, out);
  assert.is(saved.q, q);
  assert.not("out" in saved.options);
  assert.ok(Object.isFrozen(saved.options));
  const before = la.attentionBackward(dout, saved);
  slopes.fill(3);
  assert.equal(la.attentionBackward(dout, saved).dq.toArray(), before.dq.toArray());
});

test("another lse in the place of the saved one is read as it is, and nothing that lies behind it", () => {
  const saved = la.attentionForward(q, k, v, { variant: "laser" });
  const values = [...saved.lse.toArray()];
  const gradients = [0, Number.NaN].map((behind) => {
    const both = la.tensor(Float32Array.from([...values, ...values.map(() => behind)]), [2, B, H, N]);
    const { dq, dk, dv } = la.attentionBackward(dout, { ...saved, lse: both.narrow(0, 0, 1).view([B, H, N]) });
    return [dq, dk, dv].map((t) => t.toArray());
  });
  assert.equal(gradients[1], gradients[0]);
  assert.ok(gradients[0]!.every((x) => x.every(Number.isFinite)));
});

test("views whose last axis has one element, or that have none, are taken with any stride along it", () => {
  const copy = (t: Tensor): Tensor => la.tensor(t.toArray(), t.shape);
  const apart = (t: Tensor): Tensor => {
    if (t.shape[3]! > 1 && !t.shape.includes(0)) return copy(t);
    const base = la.zeros([...t.shape, 3]);
    const view = base.view(t.shape, base.strides.slice(0, -1));
    view.set(t.toArray());
    return view;
  };
  for (const [n, m, width] of [
    [9, 11, 1],
    [9, 1, 1],
    [0, 11, 4],
    [9, 0, 4],
  ] as const) {
    const given = [n, n, m, m].map((rows) => normal(B, H, rows, width));
    const scores = normal(1, 1, n, m);
    const run = (place: (t: Tensor) => Tensor) => {
      const [x, dy, keys, values] = given.map(place) as [Tensor, Tensor, Tensor, Tensor];
      const options = { variant: "laser", bias: place(scores), out: place(dy) } as const;
      const saved = la.attentionForward(x, keys, values, options);
      const into = { dq: place(x), dk: place(keys), dv: place(values) };
      const { dbias } = la.attentionBackward(dy, saved, { into });
      return [saved.out, saved.lse, into.dq, into.dk, into.dv, dbias!].map((t) => t.toArray());
    };
    assert.equal(run(apart), run(copy), `${n} x ${m} of ${width}`);
  }
});

test("needs: what is not needed is undefined, the rest keeps its bits; dbias exists only with a bias", () => {
  const saved = la.attentionForward(q, k, v, { variant: "laser", bias });
  const all = la.attentionBackward(dout, saved);
  assert.equal(all.dbias?.shape, bias.shape);
  for (const name of ["dq", "dk", "dv", "dbias"] as const) {
    const without = la.attentionBackward(dout, saved, { needs: { [name]: false } });
    const only = la.attentionBackward(dout, saved, {
      needs: { dq: false, dk: false, dv: false, dbias: false, [name]: true },
    });
    for (const other of ["dq", "dk", "dv", "dbias"] as const) {
      assert.equal(without[other]?.toArray(), other === name ? undefined : all[other]!.toArray(), `without ${name}`);
      assert.equal(only[other]?.toArray(), other === name ? all[other]!.toArray() : undefined, `only ${name}`);
    }
  }
  const plain = la.attentionForward(q, k, v, { variant: "laser" });
  assert.is(la.attentionBackward(dout, plain, { needs: { dbias: true } }).dbias, undefined);
});

test("N = 0 and M = 0 are valid: no row, or rows that see nothing", () => {
  for (const variant of ["standard", "laser"] as const) {
    const none = la.attentionForward(la.zeros([B, H, 0, D]), k, v, { variant });
    assert.equal(none.out.shape, [B, H, 0, E]);
    const { dq, dk } = la.attentionBackward(la.zeros([B, H, 0, E]), none);
    assert.is(dq.data.length, 0);
    assert.ok(dk.data.every((x) => x === 0));
    const blind = la.attentionForward(q, la.zeros([B, Hkv, 0, D]), la.zeros([B, Hkv, 0, E]), { variant });
    assert.ok(blind.out.data.every((x) => x === 0));
    assert.ok(blind.lse.data.every((x) => x === Number.NEGATIVE_INFINITY));
    assert.ok(la.attentionBackward(dout, blind).dq.data.every((x) => x === 0));
  }
});

test("a scale of 0 is no scale left out: every key that a query sees has the same weight, and any softcap is taken", () => {
  const values = la.tensor(Float32Array.of(1, 3, 5, 11), [1, 1, 4, 1]);
  const [x, y] = [normal(1, 1, 4, 4), normal(1, 1, 4, 4)];
  for (const softcap of [undefined, 2 ** -140]) {
    const run = (window: [number, number]) =>
      Array.from(la.attention(x, y, values, { variant: "standard", scale: 0, softcap, window }).toArray());
    assert.equal(run([-1, -1]), [5, 5, 5, 5]);
    assert.equal(run([1, 0]), [1, 2, 4, 8]);
  }
});

test("a window side that is negative or infinite is unlimited, and causal caps the right side", () => {
  const run = (options: Omit<AttentionOptions, "variant">): Float32Array =>
    la.attention(q, k, v, { variant: "standard", ...options }).toArray();
  const infinite = Number.POSITIVE_INFINITY;
  assert.equal(run({ window: [-1, infinite] }), run({}));
  assert.equal(run({ window: [-infinite, 1e9] }), run({}));
  assert.equal(run({ window: [infinite, 0] }), run({ causal: true }));
  assert.equal(run({ window: [3, 5], causal: true }), run({ window: [3, 0] }));
  assert.equal(run({ alibi: false, causal: false }), run({}));
});

test("ALiBi slopes are 2^(-8 (h + 1) / H) rounded to float32, exact where they are powers of two", () => {
  assert.equal(
    [...alibiSlopes(8)],
    [1, 2, 3, 4, 5, 6, 7, 8].map((n) => 2 ** -n),
  );
  for (const heads of [1, 3, 12, 40, 97, 1000]) {
    for (const [h, slope] of alibiSlopes(heads).entries()) {
      // Math.pow is good to an ulp of float64, so its float32 rounding is at most one float32 ulp, 2^-23, away.
      assert.ok(Math.abs(slope / 2 ** ((-8 * (h + 1)) / heads) - 1) <= 2 ** -23);
    }
  }
  const slopes = alibiSlopes(H);
  const run = (alibi: true | Float32Array): Float32Array =>
    la.attention(q, k, v, { variant: "laser", alibi }).toArray();
  assert.equal(run(true), run(slopes));
  assert.equal(run(la.tensor(slopes, [H]).data), run(slopes), "an array over linear memory is copied before it moves");
});

test("options that are inherited, or read by a getter, are the same in forward and backward as options of one's own", () => {
  const own = { variant: "laser", causal: true, softcap: 3 } as const;
  let reads = 0;
  const getter = {
    variant: "laser",
    softcap: 3,
    get causal() {
      return ++reads === 1;
    },
  } as const;
  const run = (options: AttentionOptions): Float32Array[] => {
    const saved = la.attentionForward(q, k, v, options);
    const { dq, dk, dv } = la.attentionBackward(dout, saved);
    return [saved.out, dq, dk, dv].map((t) => t.toArray());
  };
  assert.equal(run(Object.create(own)), run(own));
  assert.equal(run(getter), run(own));
});

test("warmup ends where the instance is disposed in the meantime", async () => {
  const own = createSync();
  const warm = own.warmup();
  own.dispose();
  await warm;
});

test("warmup ends and leaves no memory in use", async () => {
  const own = createSync();
  const { used } = own.memory;
  await own.warmup();
  assert.is(own.memory.used, used);
});

test("exported classes, and those of tensors and instances, have their names in the built package, whatever minifies it", () => {
  const classes = Object.entries({ ...training, ...models }).filter(([name]) => /^[A-Z][a-z]/.test(name));
  assert.ok(classes.length >= 10);
  for (const [name, { name: own }] of classes as [string, { name: string }][]) assert.is(own, name);
  const nn = training.createSync({ threads: 1 });
  const value = nn.input(new Float32Array(1), [1]);
  const parameter = nn.parameter(new Float32Array(1), [1]);
  const named = [nn, nn.la, value, value.tensor, parameter].map((one) => one.constructor.name);
  assert.equal(named, ["Nn", "LaserAttention", "Value", "Tensor", "Parameter"]);
});

test("dispose ends an instance: tensors and methods throw, a second dispose does not", () => {
  const own = createSync();
  const t = own.zeros([4]);
  own.dispose();
  own.dispose();
  throws(() => own.zeros([1]), TypeError, "this instance is disposed");
  throws(() => own.exp(t), TypeError, "this instance is disposed");
  throws(() => t.data, TypeError, "disposed");
  throws(() => own.memory, TypeError, "disposed");
  t.dispose();
});

test.run();
