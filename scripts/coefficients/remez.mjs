/**
 * Weighted minimax fit in float64 (Remez exchange); float32.mjs refines it to float32 coefficients.
 *
 * fit: the c that minimise max |w(x) (f(x) - sum_k c_k x^k)| over [lo, hi]. At the optimum the error has
 * n + 1 extrema of alternating sign and one height h: solve sum_k c_k x_i^k + (-1)^i h / w(x_i) = f(x_i) at
 * n + 1 points, move the points to the extrema of the error, repeat.
 */
export function fit({ f, w, lo, hi, terms }) {
  const grid = Float64Array.from(
    { length: 4001 },
    (_, i) => (lo + hi) / 2 - ((hi - lo) / 2) * Math.cos((Math.PI * i) / 4000),
  );
  let points = Array.from({ length: terms + 1 }, (_, i) => grid[Math.round((i * 4000) / terms)]);
  let c = [];
  for (let round = 0; round < 30; round++) {
    const rows = points.map((x, i) => [...powers(x, terms), (i % 2 ? -1 : 1) / w(x), f(x)]);
    const solution = solve(rows);
    c = solution.slice(0, terms);
    const next = extrema(grid, (x) => w(x) * (f(x) - horner(c, x)), terms + 1);
    if (next.every((x, i) => x === points[i])) break;
    points = next;
  }
  return c;
}

const horner = (c, x) => c.reduceRight((sum, ck) => sum * x + ck, 0);

const powers = (x, n) => Array.from({ length: n }, (_, k) => x ** k);

/** The largest |error| between sign changes; the `count` neighbours in a row that have the largest minimum. */
function extrema(grid, error, count) {
  const peaks = [];
  for (const x of grid) {
    const e = error(x);
    const last = peaks.at(-1);
    if (last === undefined || Math.sign(e) !== Math.sign(last.e)) peaks.push({ x, e });
    else if (Math.abs(e) > Math.abs(last.e)) peaks[peaks.length - 1] = { x, e };
  }
  while (peaks.length > count) {
    if (Math.abs(peaks[0].e) < Math.abs(peaks.at(-1).e)) peaks.shift();
    else peaks.pop();
  }
  return peaks.map((p) => p.x);
}

/** Gaussian elimination with row pivots on [A | b]. */
function solve(rows) {
  const n = rows.length;
  for (let i = 0; i < n; i++) {
    let pivot = i;
    for (let r = i; r < n; r++) if (Math.abs(rows[r][i]) > Math.abs(rows[pivot][i])) pivot = r;
    [rows[i], rows[pivot]] = [rows[pivot], rows[i]];
    for (let r = 0; r < n; r++) {
      if (r === i) continue;
      const factor = rows[r][i] / rows[i][i];
      for (let k = i; k <= n; k++) rows[r][k] -= factor * rows[i][k];
    }
  }
  return rows.map((row, i) => row[n] / row[i]);
}
