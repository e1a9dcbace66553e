import { test } from "uvu";
import { largest } from "./support/bounds.js";
import { randomCase } from "./support/cases.js";
import { type Case, oracle, oracleRow, placeOf, scaleOf } from "./support/oracle.js";

/** f = sum of dout * out, the function whose gradient the backward pass is. */
function loss(c: Case): number {
  const { dout, E } = c;
  let f = 0;
  for (let query = 0; query < c.B * c.H * c.N; query++) {
    const { out } = oracleRow(c, ...placeOf(c, query));
    for (let d = 0; d < E; d++) f += dout[query * E + d]! * out[d]!;
  }
  return f;
}

/** Cube root of float64's epsilon, where truncation (h^2) and rounding (eps / h) balance; a power of two. */
const h = 2 ** -17;

/**
 * (f(x + h) - f(x - h)) / 2h is off by h^2 / 6 |f'''| and by the rounding of f over h. A score moves by at most
 * reach = scale max(|q|, |k|) per unit of x (1 for v and bias), curved by softcap at 1 / softcap^2; the derivatives of
 * softmax and logsumexp by scores are cumulants, below 1 times the spread of v for the standard variant.
 */
function tolerance(c: Case, size: number): number {
  const reach = Math.max(1, Math.abs(scaleOf(c)) * Math.max(largest(c.q), largest(c.k)));
  const curve = 1 + (c.softcap ? c.softcap ** -2 : 0);
  return h ** 2 * size * curve * reach ** 3 + (2 ** -50 * size) / h;
}

function check(seed: number): void {
  const { c } = randomCase(seed, "small");
  const got = oracle(c);
  let size = 0; // of f: sum of |dout|, times the largest value that a difference of out can take
  for (let n = 0; n < c.dout.length; n++) size += Math.abs(c.dout[n]!) * (1 + 2 * got.extent.v);
  const inputs = { dq: c.q, dk: c.k, dv: c.v, dbias: c.bias?.data ?? [] };
  for (const [name, x] of Object.entries(inputs)) {
    for (let n = 0; n < x.length; n++) {
      if (x[n] === Number.NEGATIVE_INFINITY) continue; // hidden, not a number to move
      const moved = (by: number): Case => {
        const y = Float64Array.from(x);
        y[n]! += by;
        return name === "dbias" ? { ...c, bias: { ...c.bias!, data: y } } : { ...c, [name.slice(1)]: y };
      };
      const expected = (loss(moved(h)) - loss(moved(-h))) / (2 * h);
      const value = got[name as "dq"][n]!;
      if (Math.abs(value - expected) <= tolerance(c, size)) continue;
      const { q, k, v, dout, mask, bias, ...options } = c;
      throw new Error(
        `seed ${seed} ${name}[${n}]: central difference ${expected}, got ${value}, ${JSON.stringify(options)}`,
      );
    }
  }
}

for (const [first, last] of [
  [1, 125],
  [126, 250],
  [251, 375],
  [376, 500],
] as const) {
  test(`the oracle's gradients are central differences of its forward, random combinations ${first} to ${last}`, () => {
    for (let seed = first; seed <= last; seed++) check(seed);
  });
}

test.run();
