/**
 * LASER around the attention core (Duvvuri and Dhillon, arXiv 2411.03493): o = log(softmax(s) exp(v)).
 *
 *   c_t[d] = max of v_jd over the keys of tile t that are seen       E_jd = exp(v_jd - c_t[d])
 *   c_run  = running maximum of c_t over the tiles that a query block visits, c_q at its end
 *   o_id   = log(sum_id / l_i) + c_q[d]                              G_id = do_id exp(c_q[d] - o_id)
 *
 * The paper's trick takes one maximum over the whole sequence; a maximum per tile keeps what no query may see out of
 * it. What still leaves the float32 range is recomputed exactly (recompute.ts). docs/math.md derives all of it.
 */
import { CORE_LOWEST, CORE_ROUND, Exp, LN2_HI, LN2_LO, LOG2_E, ONE, S1, S2, S3, S4, S5, TWO } from "./exp";
import { keyCount, keyTile, tileCount } from "./layout";
import { A3, A5, A7, Log, SQRT_HALF } from "./log";
import { Problem, Row } from "./problem";
import { Rare } from "./rare";
import { Range } from "./score";
import { Simd } from "./simd";
import { NR } from "./tile";

/** log 2^80: where exp(v - c) falls this far below 1 for all that a row sees, the element is recomputed. */
const FAR: f32 = 55.451774444795625;
const SMALLEST: f32 = 8.271806125530277e-25; // 2^-80
const LARGE: f32 = 7.922816251426434e28; // 2^96: sums of 2^31 of them stay below 2^128

/**
 * 2^-126. Where a seen value is infinite, factors and weights that would be 0 are this small instead: 0 times infinity would be
 * NaN, and beside finite values it is as good as 0.
 */
export const LEAST: f32 = 1.1754943508222875e-38;

/** The largest float32. */
const FLOAT32_MAX: f32 = 3.4028234663852886e38;

export class Far {
  /** Forward: lanes of x = sum / l that are too small to trust. c = -inf means that v is -inf: exact as it is. */
  @inline static forward(x: v128, c: v128): v128 {
    return v128.and(f32x4.lt(x, f32x4.splat(SMALLEST)), f32x4.gt(c, f32x4.splat(-Infinity)));
  }

  /**
   * Backward knows the same elements from x = c - o alone, e = exp(x); a finite do so large that G = do exp(c - o) or a sum
   * of G could overflow makes its element one of them too.
   */
  @inline static backward(x: v128, e: v128, dy: v128): v128 {
    const g = f32x4.abs(f32x4.mul(dy, e));
    const large = v128.and(f32x4.gt(g, f32x4.splat(LARGE)), f32x4.lt(f32x4.abs(dy), f32x4.splat(Infinity)));
    return v128.or(f32x4.gt(x, f32x4.splat(FAR)), large);
  }
}

/** Address of c_t. */
function columnMax(p: Problem, t: i32): usize {
  return Row.at(p.columnMax, p.Ep, t);
}

/** c_t[d .. d + 7] of the seen keys of a tile; NaN and +inf do not enter, nor do columns from E on. */
function findColumnMax(p: Problem, c: usize, d: i32, v: usize, seen: usize, rows: i32): void {
  const hidden = f32x4.splat(-Infinity);
  const infinity = f32x4.splat(Infinity);
  const row = p.vM << 2;
  let top0 = hidden;
  let top1 = hidden;
  let x = v;
  for (let j = 0; j < rows; ++j, x += row) {
    if (!load<i32>(seen + ((<usize>j) << 2))) continue;
    top0 = f32x4.pmax(top0, v128.load(x)); // leaves NaN out
    top1 = f32x4.pmax(top1, v128.load(x, 16));
  }
  const infinite0 = f32x4.eq(top0, infinity);
  const infinite1 = f32x4.eq(top1, infinity);
  if (v128.any_true(v128.or(infinite0, infinite1))) {
    top0 = v128.bitselect(f32x4.splat(-FLOAT32_MAX), hidden, infinite0); // where nothing is finite
    top1 = v128.bitselect(f32x4.splat(-FLOAT32_MAX), hidden, infinite1);
    x = v;
    for (let j = 0; j < rows; ++j, x += row) {
      if (!load<i32>(seen + ((<usize>j) << 2))) continue;
      const y0 = v128.load(x);
      const y1 = v128.load(x, 16);
      top0 = f32x4.pmax(top0, v128.bitselect(y0, hidden, f32x4.lt(y0, infinity)));
      top1 = f32x4.pmax(top1, v128.bitselect(y1, hidden, f32x4.lt(y1, infinity)));
    }
  }
  v128.store(c, v128.bitselect(top0, hidden, Simd.first(p.E - d)));
  v128.store(c, v128.bitselect(top1, hidden, Simd.first(p.E - d - 4)), 16);
}

/**
 * c_t, and E of tile t, zero for keys that nobody sees; returns whether E holds NaN or infinity. Element (j, d) goes to
 * to + j step + (d / 8) panel + 4 (d mod 8): row by row or as column panels.
 */
export function expShift(p: Problem, t: i32, to: usize, step: usize, panel: usize): bool {
  const hidden = f32x4.splat(-Infinity);
  const j0 = t * p.tileKeys;
  const rows = keyCount(p, t);
  const row = p.vM << 2;
  const seen = p.seen + ((<usize>j0) << 2);
  let sum = f32x4.splat(0);
  const lowest = v128.load32_splat(CORE_LOWEST);
  const round = v128.load32_splat(CORE_ROUND);
  const log2e = v128.load32_splat(LOG2_E);
  const hi = v128.load32_splat(LN2_HI);
  const lo = v128.load32_splat(LN2_LO);
  const s1 = v128.load32_splat(S1);
  const s2 = v128.load32_splat(S2);
  const s3 = v128.load32_splat(S3);
  const s4 = v128.load32_splat(S4);
  const s5 = v128.load32_splat(S5);
  const two = v128.load32_splat(TWO);
  for (let d = 0; d < p.Ep; d += 4) {
    let x = p.vHead + <usize>j0 * row + ((<usize>d) << 2);
    const c = columnMax(p, t) + ((<usize>d) << 2);
    if (d % NR == 0) findColumnMax(p, c, d, x, seen, rows);
    const top = v128.load(c);
    const shift = v128.and(top, f32x4.ne(top, hidden)); // exp(-inf - 0) = 0 where all are -inf
    const valid = Simd.first(p.E - d);
    let y = to + <usize>(d / NR) * panel + ((<usize>(d % NR)) << 2);
    for (let j = 0; j < rows; ++j, x += row, y += step) {
      const below = Exp.belowWith(
        f32x4.sub(v128.load(x), shift),
        lowest,
        round,
        log2e,
        hi,
        lo,
        s1,
        s2,
        s3,
        s4,
        s5,
        two,
      );
      const e = v128.and(v128.load32_splat(seen + ((<usize>j) << 2)), v128.and(valid, below));
      v128.store(y, e);
      sum = f32x4.add(sum, e); // e is at most 1, or NaN
    }
  }
  if (!v128.any_true(f32x4.ne(sum, sum))) return false;
  putInfinities(p, j0, rows, to, step, panel);
  return true;
}

/** E = +inf where v is, which Exp.below makes NaN. */
function putInfinities(p: Problem, j0: i32, rows: i32, to: usize, step: usize, panel: usize): void {
  for (let j = 0; j < rows; ++j, to += step) {
    if (!load<i32>(p.seen + ((<usize>(j0 + j)) << 2))) continue;
    const v = Row.at(p.vHead, p.vM, j0 + j);
    for (let d = 0; d < p.E; ++d) {
      const x = load<f32>(v + ((<usize>d) << 2));
      if (x == Infinity) store<f32>(to + <usize>(d / NR) * panel + ((<usize>(d % NR)) << 2), x);
    }
  }
}

/** Before any tile: c_run = -inf. */
export function resetRun(p: Problem): void {
  Simd.fill(p.runMax, (<usize>p.Ep) << 2, f32x4.splat(-Infinity));
}

/** c_q of query rows [i, last] at once: the maximum of c_t over the tiles that the block visits. */
export function finalRun(p: Problem, i: i32, last: i32): void {
  resetRun(p);
  const tiles = tileCount(p);
  for (let t = 0; t < tiles; ++t) {
    const tile = keyTile(p, t);
    if (Range.lo(p, tile, i) < Range.hi(p, tile, last)) columnFactors(p, t);
  }
}

/**
 * Moves c_run to max(c_run, c_t): sumFactor = exp(c_run - c_new), tileFactor = exp(c_t - c_new), both <= 1. p.factor becomes the latter, and
 * the former is returned, 0 where they are 1 everywhere. In backward c_run is c_q and stays, so that p.factor is f_t.
 */
export function columnFactors(p: Problem, t: i32): usize {
  const one = f32x4.splat(1);
  const none = f32x4.splat(-Infinity);
  const c = columnMax(p, t);
  const least = f32x4.splat(p.least);
  let sums = i32x4.splat(0);
  let tiles = i32x4.splat(0);
  const bytes = (<usize>p.Ep) << 2;
  for (let d: usize = 0; d < bytes; d += 16) {
    const run = v128.load(p.runMax + d);
    const next = v128.load(c + d);
    const top = f32x4.pmax(run, next);
    // nothing summed yet (run = -inf) needs no factor; equal maxima may both be -inf
    const keep = v128.or(f32x4.eq(run, top), f32x4.eq(run, none));
    const sumFactor = v128.bitselect(one, f32x4.pmax(Rare.exp(f32x4.sub(run, top)), least), keep);
    const tileFactor = v128.bitselect(one, f32x4.pmax(Rare.exp(f32x4.sub(next, top)), least), f32x4.eq(next, top));
    v128.store(p.runMax + d, top);
    v128.store(p.sumFactor + d, sumFactor);
    v128.store(p.tileFactor + d, tileFactor);
    sums = v128.or(sums, f32x4.ne(sumFactor, one));
    tiles = v128.or(tiles, f32x4.ne(tileFactor, one));
  }
  p.factor = v128.any_true(tiles) ? p.tileFactor : 0;
  return v128.any_true(sums) ? p.sumFactor : 0;
}

/** out = log(sum / l) + c_q for one row; returns how many elements the recompute pass must replace: if any, sum becomes sum / l. */
export function logShift(p: Problem, out: usize, sum: usize, l: f32): i32 {
  const inverse = f32x4.splat(1 / l);
  const root = v128.load32_splat(SQRT_HALF);
  const one = v128.load32_splat(ONE);
  const two = v128.load32_splat(TWO);
  const a3 = v128.load32_splat(A3);
  const a5 = v128.load32_splat(A5);
  const a7 = v128.load32_splat(A7);
  let least = two;
  let c = p.runMax;
  let from = sum;
  for (let n = p.E; n > 0; n -= 4, from += 16, c += 16, out += 16) {
    const x = f32x4.mul(v128.load(from), inverse);
    least = f32x4.pmin(least, x); // NaN is left out; lanes beyond E hold 0, and have all rows counted
    const hi = v128.load32_splat(LN2_HI);
    const lo = v128.load32_splat(LN2_LO);
    if (Simd.storeEnds(out, Log.share(x, v128.load(c), root, one, two, hi, lo, a3, a5, a7), n)) break;
  }
  return v128.any_true(f32x4.lt(least, f32x4.splat(SMALLEST))) ? countFar(p, sum, inverse) : 0;
}

/** x = sum / l in place; returns in how many elements it is too small. */
function countFar(p: Problem, sum: usize, inverse: v128): i32 {
  let far = 0;
  for (let at: usize = 0; at < (<usize>p.E) << 2; at += 16) {
    const x = f32x4.mul(v128.load(sum + at), inverse);
    v128.store(sum + at, x);
    far += popcnt(i32x4.bitmask(Far.forward(x, v128.load(p.runMax + at))));
  }
  return far;
}

/**
 * G = do exp(c_q - o) for one row into g, do itself into `kept`; both without the elements of the recompute pass, whose
 * number it returns.
 */
export function gradientShift(p: Problem, g: usize, kept: usize, dout: usize, out: usize): i32 {
  let most = f32x4.splat(0);
  let large = most;
  let at: usize = 0;
  for (let n = p.E; n > 0; n -= 4, at += 16) {
    let dy = v128.load(dout + at);
    if (n < 4) dy = v128.and(dy, Simd.first(n));
    const x = f32x4.sub(v128.load(p.runMax + at), v128.load(out + at));
    const y = f32x4.mul(dy, Exp.core(x));
    most = f32x4.pmax(most, x); // NaN is left out
    large = f32x4.pmax(large, f32x4.abs(y));
    v128.store(g + at, y);
    v128.store(kept + at, dy);
  }
  const some = v128.or(f32x4.gt(most, f32x4.splat(FAR)), f32x4.gt(large, f32x4.splat(LARGE)));
  return v128.any_true(some) ? withoutFar(p, g, kept, out) : 0;
}

/** Takes the elements of the recompute pass out of g and kept. */
function withoutFar(p: Problem, g: usize, kept: usize, out: usize): i32 {
  let far = 0;
  for (let at: usize = 0; at < (<usize>p.E) << 2; at += 16) {
    const x = f32x4.sub(v128.load(p.runMax + at), v128.load(out + at));
    const dy = v128.load(kept + at);
    const skip = Far.backward(x, Rare.exp(x), dy);
    v128.store(g + at, v128.andnot(v128.load(g + at), skip));
    v128.store(kept + at, v128.andnot(dy, skip));
    far += popcnt(i32x4.bitmask(skip));
  }
  return far;
}

/** dv = E * (P^T G) for the keys [first, end), E as in expShift. */
export function scaleByE(p: Problem, first: i32, end: i32): void {
  const none = f32x4.splat(-Infinity); // c of a column that has no finite value in the tile
  const zero = f32x4.splat(0);
  for (let j = first; j < end; ++j) {
    const t = j / p.tileKeys;
    if (keyTile(p, t).lo == keyTile(p, t).hi) continue;
    const c = columnMax(p, t);
    const shown = v128.load32_splat(p.seen + ((<usize>j) << 2));
    const v = Row.at(p.vHead, p.vM, j);
    const dv = Row.at(p.dvSum, p.Ep, j);
    for (let d: usize = 0; d < (<usize>p.E) << 2; d += 16) {
      const top = v128.load(c + d);
      const shift = v128.and(top, f32x4.ne(top, none));
      const sum = v128.load(dv + d);
      const y = f32x4.sub(v128.load(v + d), shift);
      // a NaN that only rows of scores -inf see has the sum 0 (any other row makes it NaN), and stays without gradient
      const counts = v128.or(f32x4.ne(sum, zero), f32x4.eq(y, y));
      v128.store(dv + d, v128.and(f32x4.mul(sum, v128.and(shown, Exp.below(y))), counts));
    }
  }
}
