/**
 * The exact recompute of the rare LASER element whose exp(v - c) left the float32 range (Far in laser.ts), forward:
 *
 *   out_id = log sum_j exp(y_ij + v_jd),  y_ij = s_ij - lse_i
 *
 * A block without such an element never comes here. Hidden pairs (y = -inf) are skipped, never multiplied.
 */
import { Exp } from "./exp";
import { Far } from "./laser";
import { keyTile, tileCount } from "./layout";
import { Log } from "./log";
import { Problem } from "./problem";
import { LN2, LOG2E, rangeHi, rangeLo, scoreRows } from "./score";
import { Simd } from "./simd";
import { BR, MR, NR, PANEL, STRIP } from "./tile";

/** Notes that row i was touched. */
export function report(p: Problem, i: i32): void {
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
      const j0 = t * p.tileKeys;
      const lo = rangeLo(p, keyTile(p, t), i0 + r0);
      const hi = rangeHi(p, keyTile(p, t), i0 + r0 + n - 1);
      if (lo >= hi) continue;
      const from = (lo - j0) & -NR;
      const to = (hi - j0 + NR - 1) & -NR;
      scoreRows(p, i0 + r0, n, j0, from, to, p.qRows + ((<usize>(r0 * p.D)) << 2), p.strip, 0);
      for (let r = 0; r < n; ++r) {
        if (farRow(p, r0 + r)) addFar(p, r0 + r, p.strip + <usize>r * STRIP + ((<usize>(lo - j0)) << 2), lo, hi);
      }
    }
    for (let r = 0; r < n; ++r) {
      if (farRow(p, r0 + r)) putFar(p, i0, r0 + r);
    }
  }
}

/**
 * Adds the keys [lo, hi) of one row, scores at s, to top and total of its far columns, NR columns at a time: the
 * maximum first, then the sum, so that each score is loaded and tested once for eight columns.
 */
function addFar(p: Problem, r: i32, s: usize, lo: i32, hi: i32): void {
  const log2e = f32x4.splat(LOG2E);
  const none = f32x4.splat(-Infinity);
  const lse = load<f32>(p.rowLse + ((<usize>r) << 2));
  const end = s + ((<usize>(hi - lo)) << 2);
  const rest = load<f32>(p.rowRest + ((<usize>r) << 2));
  for (let x = s; x < end; x += 4) store<f32>(x, load<f32>(x) - lse - rest);
  const row = p.vM << 2;
  const base = (<usize>(r * p.Ep)) << 2;
  for (let d: usize = 0; d < (<usize>p.Ep) << 2; d += PANEL) {
    const x = p.sum + base + d;
    const far0 = Far.forward(v128.load(x), v128.load(p.runMax + d));
    const far1 = Far.forward(v128.load(x, 16), v128.load(p.runMax + d, 16));
    if (!v128.any_true(v128.or(far0, far1))) continue;
    const values = p.vHead + <usize>lo * row + d;
    const top = p.top + base + d;
    const before0 = v128.load(top);
    const before1 = v128.load(top, 16);
    let top0 = before0;
    let top1 = before1;
    for (let y = s, v = values; y < end; y += 4, v += row) {
      if (load<f32>(y) == -Infinity) continue;
      const score = v128.load32_splat(y);
      top0 = f32x4.pmax(top0, Simd.madd(v128.load(v), log2e, score));
      top1 = f32x4.pmax(top1, Simd.madd(v128.load(v, 16), log2e, score));
    }
    const shift0 = v128.and(top0, f32x4.ne(top0, none));
    const shift1 = v128.and(top1, f32x4.ne(top1, none));
    const total = p.total + base + d;
    let total0 = f32x4.mul(v128.load(total), Exp.base2(f32x4.sub(before0, shift0)));
    let total1 = f32x4.mul(v128.load(total, 16), Exp.base2(f32x4.sub(before1, shift1)));
    for (let y = s, v = values; y < end; y += 4, v += row) {
      if (load<f32>(y) == -Infinity) continue;
      const score = v128.load32_splat(y);
      total0 = f32x4.add(total0, Exp.base2(f32x4.sub(Simd.madd(v128.load(v), log2e, score), shift0)));
      total1 = f32x4.add(total1, Exp.base2(f32x4.sub(Simd.madd(v128.load(v, 16), log2e, score), shift1)));
    }
    v128.store(top, top0);
    v128.store(top, top1, 16);
    v128.store(total, total0);
    v128.store(total, total1, 16);
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
