/** Regenerates the polynomials of assembly/exp.ts: `node scripts/coefficients/exp.mjs`. */
import { f32, LN2_HI, LN2_LO, polynomial, refine, sample, table, worst } from "./float32.mjs";
import { fit } from "./remez.mjs";

const LOG2_E = f32(Math.LOG2E);

// exp(r) = 1 + r + r^2 q(r), relative error, |r| <= ln 2 / 2 and the little that rounding n adds
{
  const edge = 0.34662;
  const q = fit({
    f: (r) => (Math.abs(r) < 1e-4 ? 0.5 + r / 6 : (Math.expm1(r) - r) / (r * r)),
    w: (r) => (r * r + 1e-30) / Math.exp(r),
    lo: -edge,
    hi: edge,
    terms: 5,
  });
  const kernel = (x, c, madd) => {
    const n = Math.round(f32(x * LOG2_E));
    const hi = f32(x - n * LN2_HI);
    const lo = f32(n * LN2_LO);
    const r = f32(hi - lo);
    const p = f32(f32(polynomial(c, r, madd) * f32(r * r)) - lo);
    return f32(f32(p + hi) + 1) * 2 ** n;
  };
  const inputs = [...sample(200000, -87, 88), ...sample(200000, -2, 2)];
  const measure = worst(kernel, Math.exp, inputs);
  const c = refine(q, measure);
  table(
    "exp.ts",
    ["LOG2_E", "LN2_HI", "LN2_LO", "E2", "E3", "E4", "E5", "E6"],
    [LOG2_E, LN2_HI, LN2_LO, ...c],
    measure(c),
  );
}

// 2 * 2^f = 2 + f b(f), relative error, |f| <= 1/2
{
  const b = fit({
    f: (x) => (Math.abs(x) < 1e-5 ? 2 * Math.LN2 + x * Math.LN2 ** 2 : (2 * Math.expm1(x * Math.LN2)) / x),
    w: (x) => (Math.abs(x) + 1e-30) / 2 ** (x + 1),
    lo: -0.5,
    hi: 0.5,
    terms: 5,
  });
  const kernel = (x, c, madd) => polynomial([2, ...c], x, madd) / 2;
  const measure = worst(kernel, (x) => 2 ** x, sample(300000, -0.5, 0.5));
  const c = refine(b, measure);
  table("exp.ts", ["B1", "B2", "B3", "B4", "B5"], c, measure(c));
}

// 2 exp(r) = 2 + r s(r), relative error, |r| as above: one step less than the first, for weights
{
  const edge = 0.34662;
  const q = fit({
    f: (r) => (Math.abs(r) < 1e-5 ? 2 + r : (2 * Math.expm1(r)) / r),
    w: (r) => (Math.abs(r) + 1e-30) / (2 * Math.exp(r)),
    lo: -edge,
    hi: edge,
    terms: 5,
  });
  const kernel = (x, c, madd) => {
    const n = Math.round(f32(x * LOG2_E));
    const r = madd(-n, LN2_LO, f32(x - n * LN2_HI));
    return (polynomial([2, ...c], r, madd) * 2 ** n) / 2;
  };
  const measure = worst(kernel, Math.exp, [...sample(200000, -87, 0), ...sample(200000, -2, 0)]);
  const c = refine(q, measure);
  table("exp.ts", ["S1", "S2", "S3", "S4", "S5"], c, measure(c));
}
