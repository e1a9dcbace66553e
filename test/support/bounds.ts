/** The bounds that every result keeps against float64 (those of the goldens), as ratios error / bound: below 1 passes, and the ratio is the margin. */
import { type Case, type Extent, type Numbers, scaleOf } from "./oracle.js";

export interface Results {
  out: Numbers;
  lse: Numbers;
  dq?: Numbers | undefined;
  dk?: Numbers | undefined;
  dv?: Numbers | undefined;
  dbias?: Numbers | undefined;
}
export type Name = keyof Results;
export type Margins = Partial<Record<Name, number>>;
export const gradients = ["dq", "dk", "dv", "dbias"] as const;
export const resultNames = ["out", "lse", ...gradients] as const;

export const largest = (x: Numbers): number => {
  let most = 0;
  for (let n = 0; n < x.length; n++) if (Math.abs(x[n]!) > most && Number.isFinite(x[n]!)) most = Math.abs(x[n]!);
  return most;
};

/** How many different rows x [..., width] has. */
function distinctRows(x: Numbers, width: number): number {
  const numbers = Array.from(x);
  const rows = new Set<string>();
  for (let n = 0; n < x.length; n += width) rows.add(numbers.slice(n, n + width).join());
  return rows.size;
}

/** Whether each head of x [B, H, rows, width] has one row, again and again. */
const isOneRow = (x: Numbers, rows: number, width: number): boolean =>
  Array.from(x).every((y, n) => y === x[n - (n % (rows * width)) + (n % width)]);

/** The largest score, or of capped ones what a dot product may have been rounded at before it was capped. */
function uncapped(c: Case, { s, q, k }: Extent): number {
  return c.softcap ? Math.max(s, Math.abs(scaleOf(c)) * q * k * Math.sqrt(c.D)) : s;
}

/** Bound of one element of out: (2e-6 + 3e-7 S) a + 2e-6 |ref|; of lse: the same with a = 1. `tails`: see Comparison. */
export function elementBound(c: Case, name: "out" | "lse", extent: Extent, tails = false): (ref: number) => number {
  const a = name === "lse" ? 1 : c.variant === "laser" ? 2 : Math.max(1, extent.v);
  const s = tails ? uncapped(c, extent) : extent.s;
  return (ref) => (2e-6 + 3e-7 * s) * a + 2e-6 * Math.abs(ref);
}

/**
 * Bound of a gradient's Frobenius error, given the reference's norm and the number of elements.
 *
 * ds_ij = p_ij (dP_ij - delta_i) is nothing but rounding where the values that a row sees hardly differ. (Where it sees one
 * key, dP - delta is exactly 0 in the standard variant: test/one-key.test.ts.) The floor f, about one rounding of
 * the largest product, does not count how many are summed: dP and delta are sums of E products each, so their errors add
 * up like sqrt(E), twice; p has the rounding of its score, as in `relative`; and sum_j p_ij^2 <= 1, so B H N rows, each with an
 * error of one key, land in dk and in a broadcast dbias, however few elements those have. `cancelling` grows the floor by just
 * that: one random combination in a hundred needs it.
 *
 * `tails`: the same rows of dout make the same error, which adds up like their number and not like its root; where all rows of v in a
 * head are one row, or for dq all rows of k, nothing is left but the rounding of out, a sum of M terms, about sqrt(M) 2^-24.
 */
export function gradientBound(
  c: Case,
  name: (typeof gradients)[number],
  extent: Extent,
  cancelling: boolean,
  tails = false,
) {
  const relative = 1e-5 * (1 + extent.s / 16 + (c.variant === "laser" ? extent.v / 64 : 0));
  const chain = {
    dv: 1,
    dbias: 1 + extent.v,
    dq: scaleOf(c) * (1 + extent.v) * extent.k,
    dk: scaleOf(c) * (1 + extent.v) * extent.q,
  };
  const floor = 8e-8 * largest(c.dout) * Math.abs(chain[name]);
  if (!cancelling || name === "dv") return (norm: number, count: number) => relative * norm + floor * Math.sqrt(count);
  const onlyOut = tails && c.M > 1 && (isOneRow(c.v, c.M, c.E) || (name === "dq" && isOneRow(c.k, c.M, c.D)));
  const ofOut = onlyOut ? (Math.sqrt(c.M) * 2 ** -24) / 8e-8 : 0;
  const s = tails ? uncapped(c, extent) : extent.s;
  const sums = Math.sqrt(c.E) * (2 * (1 + s / 16) + ofOut);
  const rows = c.B * c.H * c.N;
  const errors = tails ? rows ** 2 / Math.max(1, distinctRows(c.dout, c.E)) : rows;
  const landing = { dq: 0, dk: errors * c.D, dbias: errors }[name];
  return (norm: number, count: number) => relative * norm + floor * sums * Math.sqrt(Math.max(count, landing));
}

/** Largest error / bound over the elements that `where` admits. Equal values (infinities too) have no error; NaN has infinite. */
function elementMargin(
  got: Numbers,
  ref: Numbers,
  bound: (ref: number) => number,
  where: (n: number) => boolean,
): number {
  let worst = 0;
  for (let n = 0; n < ref.length; n++) {
    if (!where(n) || got[n] === ref[n]) continue;
    const ratio = Math.abs(got[n]! - ref[n]!) / bound(ref[n]!);
    if (!(ratio <= worst)) worst = Number.isNaN(ratio) ? Infinity : ratio;
  }
  return worst;
}

function normMargin(
  got: Numbers,
  ref: Numbers,
  terms: Numbers,
  bound: ReturnType<typeof gradientBound>,
  where: (n: number) => boolean,
): number {
  let [error, norm, count] = [0, 0, 0];
  for (let n = 0; n < ref.length; n++) {
    if (!where(n)) continue;
    error += got[n] === ref[n] ? 0 : (got[n]! - ref[n]!) ** 2;
    norm += terms[n]! ** 2;
    count++;
  }
  const ratio = error === 0 ? 0 : Math.sqrt(error) / bound(Math.sqrt(norm), count);
  return Number.isNaN(ratio) ? Infinity : ratio;
}

export interface Comparison {
  /** Leaves elements out. */
  where?: (name: Name, n: number) => boolean;
  /** The floor of gradients for inputs that may cancel, see gradientBound. Default: that of the goldens. */
  cancelling?: boolean;
  /**
   * With `cancelling`, also what one random combination in five thousand needs: that scores are rounded before they are capped, and the
   * rows of views that come again and again.
   */
  tails?: boolean;
  /**
   * The oracle's dv for |dout|: the sums of the magnitudes of dv's terms. Its norm, in place of dv's, goes into the bound of
   * dv where queries cancel: LASER's w = p exp(v - out) inherits the rounding of out from each of them.
   */
  dvTerms?: Numbers | undefined;
}

/** error / bound of every result that `got` has. A wrong length is an infinite error. */
export function compare(
  c: Case,
  got: Results,
  ref: Results,
  extent: Extent,
  { where = () => true, cancelling = false, tails = false, dvTerms }: Comparison = {},
): Margins {
  const margins: Margins = {};
  for (const name of resultNames) {
    const [mine, theirs] = [got[name], ref[name]];
    if (!mine || !theirs) continue;
    const admit = (n: number) => where(name, n);
    if (mine.length !== theirs.length) margins[name] = Infinity;
    else if (name === "out" || name === "lse") {
      margins[name] = elementMargin(mine, theirs, elementBound(c, name, extent, tails), admit);
    } else {
      const terms = name === "dv" ? (dvTerms ?? theirs) : theirs;
      margins[name] = normMargin(mine, theirs, terms, gradientBound(c, name, extent, cancelling, tails), admit);
    }
  }
  return margins;
}

/** The worst margin and its name. */
export function worst(margins: Margins): [Name, number] {
  return (Object.entries(margins) as [Name, number][]).reduce((a, b) => (b[1] > a[1] ? b : a), ["out", 0]);
}

export function assertWithin(label: string, margins: Margins): void {
  const [name, ratio] = worst(margins);
  if (ratio <= 1) return;
  const all = Object.entries(margins).map(([key, x]) => `${key} ${x.toPrecision(3)}`);
  throw new Error(`${label}: the error of ${name} is ${ratio.toPrecision(4)} times its bound (${all.join(", ")})`);
}
