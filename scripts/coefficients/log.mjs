/** Regenerates the polynomial of assembly/log.ts: `node scripts/coefficients/log.mjs`. */
import { f32, LN2_HI, LN2_LO, polynomial, refine, sample, table, worst } from "./float32.mjs";
import { fit } from "./remez.mjs";

// log(1 + f) = f - f^2 / 2 + f^3 p(f), relative error, 1 + f in [sqrt 1/2, sqrt 2)
{
  const p = fit({
    f: (x) =>
      Math.abs(x) < 1e-3 ? 1 / 3 - x / 4 + x ** 2 / 5 - x ** 3 / 6 : (Math.log1p(x) - x + x ** 2 / 2) / x ** 3,
    w: (x) => Math.abs(x ** 3 / Math.log1p(x)) + 1e-30,
    lo: Math.SQRT1_2 - 1,
    hi: Math.SQRT2 - 1,
    terms: 8,
  });

  const kernel = (x, c, madd) => {
    const e = Math.floor(Math.log2(x) + 0.5);
    const f = f32(x * 2 ** -e - 1);
    let p = madd(f32(f * polynomial(c, f, madd)), f32(f * f), f32(e * LN2_LO));
    p = f32(p - f32(f * f) / 2);
    return f32(e * LN2_HI + f32(f + p));
  };
  const inputs = [
    ...sample(200000, Math.SQRT1_2, Math.SQRT2),
    ...sample(100000, Math.SQRT1_2 / 2, Math.SQRT1_2),
    ...sample(100000, Math.SQRT2, Math.SQRT2 * 2),
    ...sample(20000, -80, 80).map((y) => f32(Math.exp(y))),
  ];
  const measure = worst(kernel, Math.log, inputs);
  const c = refine(p, measure);
  table("log.ts", ["L3", "L4", "L5", "L6", "L7", "L8", "L9", "L10"], c, measure(c));
}

// log((1 + s) / (1 - s)) = 2 s + s^3 a(s^2), relative error, |s| <= (sqrt 2 - 1) / (sqrt 2 + 1)
{
  const edge = (Math.SQRT2 - 1) / (Math.SQRT2 + 1);
  const odd = (s) => Math.log1p((2 * s) / (1 - s));
  const a = fit({
    f: (z) =>
      z < 1e-3 ? 2 / 3 + (2 * z) / 5 + (2 * z * z) / 7 + (2 * z ** 3) / 9 : (odd(Math.sqrt(z)) / Math.sqrt(z) - 2) / z,
    w: (z) => z + 1e-30,
    lo: 0,
    hi: edge ** 2,
    terms: 3,
  });
  const kernel = (x, c, madd) => {
    const e = Math.floor(Math.log2(x) + 0.5);
    const f = f32(x * 2 ** -e - 1);
    const s = f32(f / f32(2 + f));
    const z = f32(s * s);
    const p = madd(f32(polynomial(c, z, madd) * z), s, f32(e * LN2_LO));
    return f32(e * LN2_HI + f32(f32(s + s) + p));
  };
  const inputs = [...sample(200000, Math.SQRT1_2, 1), ...sample(20000, -80, 0).map((y) => f32(Math.exp(y)))];
  const measure = worst(kernel, Math.log, inputs);
  const c = refine(a, measure);
  table("log.ts", ["A3", "A5", "A7"], c, measure(c));
}
