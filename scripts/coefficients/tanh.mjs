/** Regenerates the polynomial of assembly/tanh.ts: `node scripts/coefficients/tanh.mjs`. */
import { f32, polynomial, refine, sample, table, worst } from "./float32.mjs";
import { fit } from "./remez.mjs";

// tanh(x) = x + x^3 p(x^2), relative error, |x| <= artanh 1/2
const edge = Math.atanh(0.5);
const p = fit({
  f: (z) => (z < 1e-6 ? -1 / 3 + (2 / 15) * z : (Math.tanh(Math.sqrt(z)) / Math.sqrt(z) - 1) / z),
  w: (z) => (z * Math.sqrt(z)) / Math.tanh(Math.sqrt(z) + 1e-30) + 1e-30,
  lo: 0,
  hi: edge * edge,
  terms: 5,
});

const kernel = (x, c, madd) => {
  const z = f32(x * x);
  return madd(f32(polynomial(c, z, madd) * z), x, x);
};
const measure = worst(kernel, Math.tanh, sample(200000, 0, edge));
const c = refine(p, measure);
table("tanh.ts", ["EDGE", "T3", "T5", "T7", "T9", "T11"], [f32(edge), ...c], measure(c));
