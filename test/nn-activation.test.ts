import { test } from "uvu";
import * as assert from "uvu/assert";
import { activation, createSync } from "../src/nn/index.js";
import { sameBits } from "./support/bits.js";
import { loadProbe, relaxedSupported } from "./support/kernels.js";
import { builds, close, differences, SIZES, U } from "./support/nn.js";
import { acts, erfc, glu } from "./support/nn-oracle.js";
import { Random } from "./support/random.js";
import { between, worst } from "./support/ulp.js";

/** Around the number of elements that are worked on at once (CHUNK in assembly/nn/activation.ts), and beyond two of it. */
const CHUNKS = [511, 512, 513, 514, 1027];

const KINDS = [
  [1, "gelu"],
  [2, "gelu-erf"],
  [3, "silu"],
  [4, "relu"],
  [5, "tanh"],
] as const;
const { POSITIVE_INFINITY: inf, NaN: nan } = Number;

/** Values at the huge numbers below, and slopes, for which -1e20 is -infinity. ReLU's slope lets the gradient of a NaN through, as PyTorch does. */
const SMOOTH = {
  values: [3.4e38, -0, 1e20, -0, 200, -0, 0, -0, nan, inf],
  slopes: [1, 0, 1, 0, 1, 0, 0.5, 0.5, nan, 1],
};
const LIMITS = {
  ...{ 1: SMOOTH, 2: SMOOTH, 3: SMOOTH },
  4: { values: [3.4e38, 0, 1e20, 0, 200, 0, 0, -0, nan, inf], slopes: [1, 0, 1, 0, 1, 0, 0, 0, 1, 1] },
  5: { values: [1, -1, 1, -1, 1, -1, 0, 0, nan, 1], slopes: [0, 0, 0, 0, 0, 0, 1, 1, nan, 0] },
};
const random = new Random(21);

/** What the exponent of the form's exp may be off by, in U: the exponent is rounded a few times before exp multiplies its error. */
const argument = {
  1: (z: number) => 2 * Math.abs(2 * Math.sqrt(2 / Math.PI) * (z + 0.044715 * z ** 3)),
  2: (z: number) => z * z,
  3: Math.abs,
  4: () => 0,
  5: () => 0,
} as const;

/**
 * A few roundings of the value, and exp's error; where exp leaves the range of normal float32, the value is 0. GELU's erf form has its
 * polynomial's error, 5 ulp, in the smaller of Phi(z) and Phi(-z) alone: above 0 the bound is wide. tanh is within 1.6 ulp, which is 3.2 U,
 * without an exponent that is rounded (npm run test:exhaustive).
 */
const valueBound = (z: number, y: number, kind: keyof typeof argument): number =>
  U * ((kind === 2 ? 14 : 6) + argument[kind](z)) * Math.abs(y) + 2 ** -124 * Math.abs(z);

test("an activation computes what its name says", () => {
  const nn = createSync({ threads: 1 });
  const z = between(-3, 3, 13);
  for (const [kind, name] of KINDS) {
    const want = Array.from(z, acts[kind]);
    close(name, activation(nn, nn.input(z, [13]), name).toArray(), want, (i) => valueBound(z[i]!, want[i]!, kind));
  }
  nn.dispose();
});

for (const nn of builds) {
  const { act, gluBackward, multiply } = nn.kernels;

  test(`${nn.target} act is the float64 activation to a few roundings`, () => {
    for (const [kind, name] of KINDS) {
      for (const n of SIZES) {
        const z = random.normals(n, 3);
        const [y, zs] = [nn.reset().f32(n), nn.f32(z)];
        act(y.ptr, 0, zs.ptr, n, kind);
        const want = Array.from(z, acts[kind]);
        close(`${nn.target} ${name} n ${n}`, y.now, want, (i) => valueBound(z[i]!, want[i]!, kind));
        sameBits(`${name} n ${n} z`, zs.now, z);
        nn.intact(name);
      }
    }
  });

  test(`${nn.target} the slope is the derivative of the float64 activation, and multiply dy times it, in place too`, () => {
    for (const [kind, name] of KINDS) {
      for (const n of [...SIZES, 401]) {
        const z = between(-12, 12, Math.max(n, 2)).subarray(0, n);
        const dy = random.normals(n);
        const [dz, g, slopes, y, plain] = [nn.reset().f32(n), nn.f32(dy), nn.f32(z), nn.f32(n), nn.f32(n)];
        act(plain.ptr, 0, slopes.ptr, n, kind);
        act(y.ptr, slopes.ptr, slopes.ptr, n, kind);
        sameBits(`${name} n ${n} with its slope`, y.now, plain.now);
        multiply(dz.ptr, g.ptr, slopes.ptr, n);
        multiply(slopes.ptr, g.ptr, slopes.ptr, n);
        sameBits(`${name} n ${n} in place`, slopes.now, dz.now);
        const slopeAt = (value: number) => differences((x) => acts[kind](x[0]!), [value])[0]!;
        const slope = Array.from(z, (value) => (kind === 4 ? Number(value > 0) : slopeAt(value)));
        // s and s (1 - s) z u' each lie below 1.2 and are rounded some ten times; the difference itself is good to 1e-9.
        const bound = (i: number): number => (14 * U + 2e-9) * Math.abs(dy[i]!);
        const want = slope.map((value, i) => value * dy[i]!);
        close(`${nn.target} ${name} n ${n}`, dz.now, want, bound);
        nn.intact(name);
      }
    }
  });

  test(`${nn.target} long arrays give the bits of their parts, forward and backward`, () => {
    for (const [kind, name] of KINDS) {
      for (const n of CHUNKS) {
        const [z, g] = [nn.reset().f32(random.normals(n, 3)), nn.f32(random.normals(n))];
        const [y, dz, part, parts] = [nn.f32(n), nn.f32(n), nn.f32(n), nn.f32(n)];
        act(y.ptr, dz.ptr, z.ptr, n, kind);
        multiply(dz.ptr, g.ptr, dz.ptr, n);
        for (let i = 0; i < n; i += 100) {
          const [at, size] = [4 * i, Math.min(100, n - i)];
          act(part.ptr + at, parts.ptr + at, z.ptr + at, size, kind);
          multiply(parts.ptr + at, g.ptr + at, parts.ptr + at, size);
        }
        sameBits(`${name} n ${n}`, y.now, part.now);
        sameBits(`${name} slope n ${n}`, dz.now, parts.now);
        nn.intact(name);
      }
    }
  });

  test(`${nn.target} activations have their limits at huge values, where no factor becomes NaN, and keep NaN`, () => {
    const huge = [3.4e38, -3.4e38, 1e20, -1e20, 200, -200, 0, -0, nan, inf];
    const n = huge.length;
    for (const [kind, name] of KINDS) {
      const [y, z, slope] = [nn.reset().f32(n), nn.f32(huge), nn.f32(n)];
      act(y.ptr, 0, z.ptr, n, kind);
      sameBits(name, y.now, Float32Array.from(LIMITS[kind].values));
      const plain = y.now.slice();
      act(y.ptr, slope.ptr, z.ptr, n, kind);
      sameBits(`${name} with its slope`, y.now, plain);
      z.now[3] = -inf;
      act(y.ptr, slope.ptr, z.ptr, n, kind);
      close(`${name} slope`, slope.now, LIMITS[kind].slopes, () => 1e-29);
    }
  });

  test(`${nn.target} glu and its gradient are those of float64, row by row the same bits`, () => {
    for (const width of SIZES) {
      const rows = 3;
      const [x, dy] = [random.normals(rows * 2 * width, 3), random.normals(rows * width)];
      const [y, xs, g, dx] = [nn.reset().f32(rows * width), nn.f32(x), nn.f32(dy), nn.f32(rows * 2 * width)];
      const [part, parts] = [nn.f32(rows * width), nn.f32(rows * 2 * width)];
      nn.kernels.glu(y.ptr, xs.ptr, rows, width);
      const want = glu(x, width);
      const place = (n: number): number => 2 * width * Math.floor(n / width) + (n % width);
      close(`glu width ${width}`, y.now, want, (n) => U * (6 + Math.abs(x[place(n) + width]!)) * Math.abs(want[n]!));
      gluBackward(dx.ptr, g.ptr, xs.ptr, rows, width);
      const gradient = differences((moved) => glu(moved, width).reduce((sum, value, n) => sum + value * dy[n]!, 0), x);
      // da and db are products of dy, a and two factors of at most 1, each rounded some eight times
      close(`gluBackward width ${width}`, dx.now, gradient, (n) => {
        const row = Math.floor(n / 2 / width);
        const c = (n % (2 * width)) % width;
        return 10 * U * Math.abs(dy[row * width + c]!) * (1 + Math.abs(x[row * 2 * width + c]!)) + 1e-8;
      });
      for (let r = 0; r < rows; r++) {
        nn.kernels.glu(part.ptr + 4 * r * width, xs.ptr + 8 * r * width, 1, width);
        gluBackward(parts.ptr + 8 * r * width, g.ptr + 4 * r * width, xs.ptr + 8 * r * width, 1, width);
      }
      sameBits("rows of y", part.now, y.now);
      sameBits("rows of dx", parts.now, dx.now);
      nn.intact("glu");
    }
    const [y, x] = [nn.reset().f32(4), nn.f32([2, 2, 2, 2, 3e38, -3e38, -inf, nan])];
    nn.kernels.glu(y.ptr, x.ptr, 1, 4);
    sameBits("limits", y.now, [2, 0, 0, nan]);
    const [dx, dy] = [nn.f32(8), nn.f32([1, 1, 1, 1])];
    gluBackward(dx.ptr, dy.ptr, x.ptr, 1, 4);
    close("slopes at the limits", dx.now, [1, 0, 0, nan, 0, 0, 0, nan], () => 1e-29);
  });
}

for (const target of relaxedSupported ? (["release", "relaxed"] as const) : (["release"] as const)) {
  const { exports, f32 } = await loadProbe(target, "nn-probe");

  test(`${target} Phi is within 6.5 ulp on [-1, 0] and 1.6e-7 everywhere, 0 and 1 at the ends, and keeps NaN`, () => {
    const base = (exports.heapBase!() + 63) & ~63;
    const phi = (x: Float32Array): Float32Array => {
      f32(base, x.length).set(x);
      exports.normal!(base, base, x.length);
      return f32(base, x.length).slice();
    };
    const truth = (z: number): number => erfc(-z / Math.SQRT2) / 2;
    const x = between(-1, 0, 100000);
    const { error: ulps, x: where } = worst(phi(x), x, truth);
    assert.ok(ulps <= 6.5, `${ulps} ulp at ${where}`);
    const wide = between(-14, 14, 20000);
    const y = phi(wide);
    let most = 0;
    for (const [n, z] of wide.entries()) {
      const error = Math.abs(y[n]! - truth(z));
      most = Math.max(most, error);
      // 13 U is 6.5 ulp; the rounding of z^2 / 2 counts z^2 / 2 times. Above 0 comes that of 1 - Phi(-z).
      const bound = (13 + z * z) * U * truth(-Math.abs(z)) + (z > 0 ? U : 2 ** -126);
      assert.ok(error <= bound, `Phi(${z}) is ${y[n]}, off by ${error}`);
    }
    assert.ok(most <= 1.6e-7, `${most}`);
    sameBits("ends", phi(Float32Array.of(-inf, inf, nan, 3e38)), [0, 1, nan, 1]);
  });
}

test.run();
