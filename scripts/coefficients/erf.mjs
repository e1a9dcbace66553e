/** Regenerates the polynomial of assembly/nn/erf.ts: `node scripts/coefficients/erf.mjs`. */
import { f32, polynomial, refine, sample, table, worst } from "./float32.mjs";
import { fit } from "./remez.mjs";

const BEHIND = 14; // exp(-a^2 / 2) is 0 for a > 13.2
const POLE = 3;
const PER_ROOT = 1 / Math.sqrt(2 * Math.PI);

/**
 * R(a) = erfc(a / sqrt 2) exp(a^2 / 2) / 2 in float64: by the series of erf below 2, above by the continued fraction
 * R(a) sqrt(2 pi) = 1 / (a + 1 / (a + 2 / (a + 3 / ...))).
 */
function scaledTail(a) {
  if (a < 2) {
    let term = a;
    let sum = a;
    for (let k = 3; term > 1e-18 * sum; k += 2) {
      term *= (a * a) / k;
      sum += term;
    }
    return Math.exp((a * a) / 2) / 2 - PER_ROOT * sum;
  }
  let fraction = a;
  for (let k = 200; k > 0; k--) fraction = a + k / fraction;
  return PER_ROOT / fraction;
}

// R(a) = q(w) / (a + 3), w = (a - 3) / (a + 3) = 1 - 6 / (a + 3), relative error, 0 <= a <= 14
const place = (w) => (POLE * (1 + w)) / (1 - w);
const q = fit({
  f: (w) => scaledTail(place(w)) * (place(w) + POLE),
  w: (w) => 1 / (scaledTail(place(w)) * (place(w) + POLE)),
  lo: -1,
  hi: (BEHIND - POLE) / (BEHIND + POLE),
  terms: 9,
});
const kernel = (a, c, madd) => {
  const r = f32(1 / f32(a + POLE));
  const w = madd(-2 * POLE, r, 1);
  return f32(polynomial(c, w, madd) * r);
};
const measure = worst(kernel, scaledTail, [...sample(60000, 0, 4), ...sample(20000, 4, BEHIND)]);
const c = refine(q, measure);
table("nn/erf.ts", ["Q0", "Q1", "Q2", "Q3", "Q4", "Q5", "Q6", "Q7", "Q8"], c, measure(c));
