/**
 * From a float64 fit to float32 coefficients that are good in float32 arithmetic.
 *
 * A kernel's arithmetic is written once against `madd`, and measured with both: `fused` rounds a b + c once, as
 * relaxed_madd may, `plain` twice. (fused goes through float64, whose own rounding can flip a tie; that happens
 * once in 2^29 sums and the kernels themselves are measured by npm run test:exhaustive.)
 */
import { readFileSync } from "node:fs";

export const f32 = Math.fround;

/** ln 2 = LN2_HI + LN2_LO to 2^-42; LN2_HI has 16 bits, so that its product with an exponent (8 bits) is exact. */
export const LN2_HI = Math.floor(Math.LN2 * 2 ** 16) / 2 ** 16;
export const LN2_LO = f32(Math.LN2 - LN2_HI);

const fused = (a, b, c) => f32(a * b + c);
const plain = (a, b, c) => f32(f32(a * b) + c);

/**
 * A measure of coefficients: max |kernel(x) - truth(x)| in ulp of the truth over `inputs` and both arithmetics.
 * It stops once the error reaches `limit`, and tries the inputs that did so first the next time.
 */
export function worst(kernel, truth, inputs) {
  const cases = inputs
    .map((x) => ({ x, t: truth(x) }))
    .filter(({ t }) => t !== 0)
    .map(({ x, t }) => ({ x, t, ulps: 2 ** (23 - Math.max(Math.floor(Math.log2(Math.abs(t))), -126)) }));
  return (c, limit = Infinity) => {
    const error = { plain: 0, fused: 0 };
    for (let i = 0; i < cases.length; i++) {
      const { x, t, ulps } = cases[i];
      error.plain = Math.max(error.plain, Math.abs(kernel(x, c, plain) - t) * ulps);
      error.fused = Math.max(error.fused, Math.abs(kernel(x, c, fused) - t) * ulps);
      if (error.plain >= limit || error.fused >= limit) {
        [cases[i], cases[i >> 1]] = [cases[i >> 1], cases[i]];
        break;
      }
    }
    return error;
  };
}

/** c_0 + c_1 x + c_2 x^2 + ..., from the last one on, as the kernels sum it. */
export function polynomial(c, x, madd) {
  let p = c[c.length - 1];
  for (let k = c.length - 2; k >= 0; k--) p = madd(p, x, c[k]);
  return p;
}

/** Coordinate descent from the rounded fit: one coefficient, or two at once, a few float32 steps up or down. */
export function refine(start, measure) {
  const cost = (c, limit) => Math.max(...Object.values(measure(c, limit)));
  let best = start.map(f32);
  let lowest = cost(best);
  const steps = [-24, -8, -3, -1, 0, 1, 3, 8, 24];
  for (let improved = true; improved; ) {
    improved = false;
    for (let i = 0; i < best.length; i++) {
      for (let j = 0; j < i; j++) {
        for (const di of steps) {
          for (const dj of steps) {
            const c = best.slice();
            c[i] = step(c[i], di);
            c[j] = step(c[j], dj);
            const trial = cost(c, lowest - 1e-4);
            if (trial >= lowest - 1e-4) continue;
            best = c;
            lowest = trial;
            improved = true;
          }
        }
      }
    }
  }
  return best;
}

/** The float32 `count` places further from zero. */
function step(x, count) {
  const bits = new Int32Array(new Float32Array([x]).buffer);
  bits[0] += count;
  return new Float32Array(bits.buffer)[0];
}

/** `count` float32 in [lo, hi), the same in every run. */
export function sample(count, lo, hi) {
  let state = 1;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return f32(lo + ((hi - lo) * state) / 2 ** 32);
  });
}

/** Prints the lines of the kernel's table and fails where the source differs. */
export function table(file, names, c, error) {
  const source = readFileSync(new URL(`../../assembly/${file}`, import.meta.url), "utf8");
  let same = true;
  names.forEach((name, i) => {
    const line = `const ${name} = memory.data<f32>([${shortest(c[i])}], 4);`;
    same &&= source.includes(line);
    console.log(line);
  });
  console.log(`sampled error: plain ${error.plain.toFixed(3)} ulp, fused ${error.fused.toFixed(3)} ulp`);
  console.log(same ? `the same as in assembly/${file}\n` : `NOT what assembly/${file} says\n`);
  if (!same) process.exitCode = 1;
}

/** The shortest decimal that reads back as the same float32. */
function shortest(x) {
  for (let digits = 1; ; digits++) {
    const text = String(Number(x.toPrecision(digits)));
    if (f32(Number(text)) === x) return text;
  }
}
