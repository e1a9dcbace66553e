/**
 * The exact recompute of the rare LASER element whose exp(v - c) left the float32 range (Far in laser.ts):
 *
 *   forward    o_id = log sum_j exp(y_ij + v_jd),  y_ij = s_ij - lse_i
 *   backward   w_ijd = exp(y_ij + v_jd - o_id),    dv_jd += w_ijd do_id,
 *              r_ij = sum_d do_id (w_ijd - p_ij) over the far d: dbias += r, dq += r' k, dk += r' q
 *
 * A block without such an element never comes here. Hidden pairs (y = -inf) are skipped, never multiplied.
 */
import { Exp } from "./exp";
import { Far, finalRun } from "./laser";
import { keyTile, tileCount } from "./layout";
import { Log } from "./log";
import { A, packRows } from "./pack";
import { Problem } from "./problem";
import { rowAdd } from "./rows";
import { enterHead, LN2, LOG2E, loadLse, queryScale, rangeHi, rangeLo, scoreRows } from "./score";
import { Simd } from "./simd";
import { BR, KT, MR, NR, STRIP } from "./tile";

/** Notes that row i was touched. */
function report(p: Problem, i: i32): void {
  p.recomputedFirst = min(p.recomputedFirst, i);
  p.recomputedLast = max(p.recomputedLast, i);
}

/** Whether row r of the block has a far element; p.sum holds x = sum / l. */
function farRow(p: Problem, r: i32): bool {
  const x = p.sum + ((<usize>(r * p.Ep)) << 2);
  for (let d: usize = 0; d < (<usize>p.Ep) << 2; d += 16) {
    if (v128.any_true(Far.forward(v128.load(x + d), v128.load(p.runMax + d)))) return true;
  }
  return false;
}

/** Pass 4 of the forward block at i0: running maximum (top) and sum (total) of 2^(y + v log2 e) over the tiles. */
export function recomputeForward(p: Problem, i0: i32, rows: i32): void {
  const bytes = (<usize>(BR * p.Ep)) << 2;
  for (let d: usize = 0; d < bytes; d += 16) v128.store(p.top + d, f32x4.splat(-Infinity));
  memory.fill(p.total, 0, bytes);
  const tiles = tileCount(p);
  for (let r0 = 0; r0 < rows; r0 += MR) {
    const n = min(MR, rows - r0);
    let some = false;
    for (let r = 0; r < n; ++r) some = some || farRow(p, r0 + r);
    if (!some) continue;
    for (let t = 0; t < tiles; ++t) {
      const j0 = t * KT;
      const lo = rangeLo(p, keyTile(p, t), i0 + r0);
      const hi = rangeHi(p, keyTile(p, t), i0 + r0 + n - 1);
      if (lo >= hi) continue;
      const from = (lo - j0) & -NR;
      const to = (hi - j0 + NR - 1) & -NR;
      scoreRows(p, i0 + r0, n, j0, from, to, p.qRows + ((<usize>(r0 * p.D)) << 2), p.strip, p.stripSlope);
      for (let r = 0; r < n; ++r) {
        if (farRow(p, r0 + r)) addFar(p, r0 + r, p.strip + <usize>r * STRIP + ((<usize>(lo - j0)) << 2), lo, hi);
      }
    }
    for (let r = 0; r < n; ++r) {
      if (farRow(p, r0 + r)) putFar(p, i0, r0 + r);
    }
  }
}

/** Adds the keys [lo, hi) of one row, scores at s, to top and total of its far columns. */
function addFar(p: Problem, r: i32, s: usize, lo: i32, hi: i32): void {
  const log2e = f32x4.splat(LOG2E);
  const lse = load<f32>(p.rowLse + ((<usize>r) << 2));
  for (let x = s, end = s + ((<usize>(hi - lo)) << 2); x < end; x += 4) store<f32>(x, load<f32>(x) - lse);
  const row = p.vM << 2;
  const base = (<usize>(r * p.Ep)) << 2;
  for (let d: usize = 0; d < (<usize>p.Ep) << 2; d += 16) {
    if (!v128.any_true(Far.forward(v128.load(p.sum + base + d), v128.load(p.runMax + d)))) continue;
    const v = p.vHead + <usize>lo * row + d;
    const before = v128.load(p.top + base + d);
    let top = before;
    let x = v;
    for (let j = 0; j < hi - lo; ++j, x += row) {
      const y = load<f32>(s + ((<usize>j) << 2));
      if (y != -Infinity) top = f32x4.pmax(top, f32x4.add(f32x4.splat(y), f32x4.mul(v128.load(x), log2e)));
    }
    const shift = v128.and(top, f32x4.ne(top, f32x4.splat(-Infinity)));
    let total = f32x4.mul(v128.load(p.total + base + d), Exp.base2(f32x4.sub(before, shift)));
    x = v;
    for (let j = 0; j < hi - lo; ++j, x += row) {
      const y = load<f32>(s + ((<usize>j) << 2));
      if (y == -Infinity) continue;
      const z = f32x4.add(f32x4.splat(y), f32x4.mul(v128.load(x), log2e));
      total = f32x4.add(total, Exp.base2(f32x4.sub(z, shift)));
    }
    v128.store(p.top + base + d, top);
    v128.store(p.total + base + d, total);
  }
}

/** out = (top + log2 total) log 2 in the far columns of one row. */
function putFar(p: Problem, i0: i32, r: i32): void {
  const out = p.outHead + ((<usize>(i0 + r) * p.outN) << 2);
  const base = (<usize>(r * p.Ep)) << 2;
  for (let d = 0; d < p.E; d += 4) {
    const at = (<usize>d) << 2;
    const far = Far.forward(v128.load(p.sum + base + at), v128.load(p.runMax + at));
    const top = v128.load(p.top + base + at);
    const o = Simd.madd(top, f32x4.splat(LN2), Log.core(v128.load(p.total + base + at)));
    Simd.storeFirst(out + at, v128.bitselect(o, v128.load(out + at), far), p.E - d);
  }
  report(p, i0 + r);
}

/** The last pass of a key head: its query heads, their blocks and rows in ascending order. */
export function recomputeBackward(p: Problem, b: i32, hk: i32): void {
  const group = p.H / p.Hkv;
  for (let h = hk * group; h < (hk + 1) * group; ++h) {
    enterHead(p, b, h);
    for (let i0 = 0; i0 < p.N; i0 += BR) recomputeBlock(p, i0, min(BR, p.N - i0));
  }
}

/** Far rows of the block: do (0 where not far) in p.g, o log2 e (+inf where not far) in p.gColumns. */
function findFar(p: Problem, i0: i32, r: i32): i32 {
  const at = (<usize>(r * p.Ep)) << 2;
  const out = p.outHead + ((<usize>(i0 + r) * p.outN) << 2);
  const dout = p.doutHead + ((<usize>(i0 + r) * p.doutN) << 2);
  let count = 0;
  if (load<f32>(p.rowLse + ((<usize>r) << 2)) == Infinity) return 0;
  for (let d: usize = 0; d < (<usize>p.Ep) << 2; d += 16) {
    const o = v128.load(out + d);
    const far = Far.backward(v128.load(p.runMax + d), o);
    count += popcnt(i32x4.bitmask(far));
    v128.store(p.g + at + d, v128.and(v128.load(dout + d), far));
    v128.store(p.gColumns + at + d, v128.bitselect(f32x4.mul(o, f32x4.splat(LOG2E)), f32x4.splat(Infinity), far));
  }
  return count;
}

function recomputeBlock(p: Problem, i0: i32, rows: i32): void {
  const last = i0 + rows - 1;
  finalRun(p, i0, last);
  loadLse(p, i0, rows);
  let any = 0;
  for (let r = 0; r < rows; ++r) {
    const far = findFar(p, i0, r);
    store<i32>(p.rowDelta + ((<usize>r) << 2), far);
    any += far;
  }
  if (!any) return;
  packRows<A>(p.qRows, p.qHead + ((<usize>i0 * p.qN) << 2), p.qN << 2, rows, p.D, queryScale(p));
  memory.fill(p.sum, 0, (<usize>(BR * p.Dp)) << 2);
  const tiles = tileCount(p);
  for (let t = 0; t < tiles; ++t) {
    const j0 = t * KT;
    for (let r0 = 0; r0 < rows; r0 += MR) {
      const n = min(MR, rows - r0);
      const lo = rangeLo(p, keyTile(p, t), i0 + r0);
      const hi = rangeHi(p, keyTile(p, t), i0 + r0 + n - 1);
      let some = 0;
      for (let r = r0; r < r0 + n; ++r) some |= load<i32>(p.rowDelta + ((<usize>r) << 2));
      if (lo >= hi || !some) continue;
      const from = (lo - j0) & -NR;
      const to = (hi - j0 + NR - 1) & -NR;
      const at = <usize>r0 * STRIP;
      scoreRows(
        p,
        i0 + r0,
        n,
        j0,
        from,
        to,
        p.qRows + ((<usize>(r0 * p.D)) << 2),
        p.strip + at,
        p.stripSlope ? p.stripSlope + at : 0,
      );
      for (let r = r0; r < r0 + n; ++r) {
        if (load<i32>(p.rowDelta + ((<usize>r) << 2))) gradientFar(p, i0, r, lo, hi);
      }
    }
  }
  for (let r = 0; r < rows; ++r) {
    if (!load<i32>(p.rowDelta + ((<usize>r) << 2))) continue;
    report(p, i0 + r);
    if (p.dq) rowAdd(p.dqHead + ((<usize>(i0 + r) * p.dqN) << 2), p.sum + ((<usize>(r * p.Dp)) << 2), p.D, p.scale);
  }
}

/** One far row against the keys [lo, hi): scores at strip row r, r_ij into stripDs row r. */
function gradientFar(p: Problem, i0: i32, r: i32, lo: i32, hi: i32): void {
  const j0 = lo - (lo % KT);
  const i = i0 + r;
  const at = <usize>r * STRIP + ((<usize>(lo - j0)) << 2);
  const lse = load<f32>(p.rowLse + ((<usize>r) << 2));
  const g = p.g + ((<usize>(r * p.Ep)) << 2);
  const o = p.gColumns + ((<usize>(r * p.Ep)) << 2);
  for (let j = lo; j < hi; ++j) {
    const x = at + ((<usize>(j - lo)) << 2);
    const y = load<f32>(p.strip + x) - lse;
    store<f32>(p.stripDs + x, y == -Infinity ? 0 : weighKey(p, y, g, o, j));
    store<f32>(p.strip + x, y);
  }
  if (p.dbias) rowAdd(p.dbiasHead + ((<usize>i * p.dbiasN + <usize>lo) << 2), p.stripDs + at, hi - lo, 1);
  const q = p.qHead + ((<usize>i * p.qN) << 2);
  const dq = p.sum + ((<usize>(r * p.Dp)) << 2);
  for (let j = lo; j < hi; ++j) {
    const x = at + ((<usize>(j - lo)) << 2);
    if (load<f32>(p.strip + x) == -Infinity) continue;
    let weight = load<f32>(p.stripDs + x);
    if (p.stripSlope) weight *= load<f32>(p.stripSlope + x);
    rowAdd(dq, p.kHead + ((<usize>j * p.kM) << 2), p.D, weight);
    rowAdd(p.dkSum + ((<usize>(j * p.Dp)) << 2), q, p.D, weight);
  }
}

/** dv_j += w do for one key, returns r = sum_d do (w - p). y = s - lse in units of log2; g = do, o as findFar left them. */
function weighKey(p: Problem, y: f32, g: usize, o: usize, j: i32): f32 {
  const score = f32x4.splat(y);
  const weight = Exp.base2(score);
  const v = p.vHead + ((<usize>j * p.vM) << 2);
  const dv = p.dvSum + ((<usize>j * <usize>p.Ep) << 2);
  let sum = f32x4.splat(0);
  for (let d: usize = 0; d < (<usize>p.Ep) << 2; d += 16) {
    const to = v128.load(o + d);
    const far = f32x4.ne(to, f32x4.splat(Infinity));
    if (!v128.any_true(far)) continue;
    const z = f32x4.sub(f32x4.add(score, f32x4.mul(v128.load(v + d), f32x4.splat(LOG2E))), to);
    const w = v128.and(Exp.base2(z), far);
    const dy = v128.load(g + d);
    v128.store(dv + d, f32x4.add(v128.load(dv + d), f32x4.mul(w, dy)));
    sum = f32x4.add(sum, v128.and(f32x4.mul(dy, f32x4.sub(w, weight)), far));
  }
  return Simd.hsum(sum);
}
