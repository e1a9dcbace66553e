/**
 * The exact recompute of the rare LASER element whose exp(v - c) left the float32 range (Far in laser.ts), forward:
 *
 *   out_id = log sum_j exp(y_ij + v_jd),  y_ij = s_ij - lse_i
 *
 * A block without such an element never comes here. Hidden pairs (y = -inf) are skipped, never multiplied.
 */
import { BASE2_LOWEST, CORE_ROUND, Exp } from "./exp";
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

/**
 * Pass 4 of the forward block at i0: running maximum (top) and sum (total) of 2^(y log2 e + v log2 e) over the tiles. An exp for
 * each pair and column would cost up to 16 times the ordinary forward; with whole and fractional parts apart,
 *
 *   2^(y + v) = 2^(y - [y]) 2^(v - [v]) 2^([y] + [v]),
 *
 * the first factor is one for a pair, the second one for a value (of the whole block), and the third is an integer shifted into
 * the exponent, whatever its size.
 */
export function recomputeForward(p: Problem, i0: i32, rows: i32): void {
  const bytes = (<usize>(BR * p.Ep)) << 2;
  for (let d: usize = 0; d < bytes; d += 16) v128.store(p.top + d, f32x4.splat(-Infinity));
  memory.fill(p.total, 0, bytes);
  const tiles = tileCount(p);
  for (let t = 0; t < tiles; ++t) {
    const tile = keyTile(p, t);
    const j0 = t * p.tileKeys;
    const first = rangeLo(p, tile, i0);
    const end = rangeHi(p, tile, i0 + rows - 1);
    if (first >= end) continue;
    splitValues(p, j0, first, end);
    for (let r0 = 0; r0 < rows; r0 += MR) {
      const n = min(MR, rows - r0);
      const lo = rangeLo(p, tile, i0 + r0);
      const hi = rangeHi(p, tile, i0 + r0 + n - 1);
      let some = false;
      for (let r = 0; r < n; ++r) some = some || farRow(p, r0 + r);
      if (lo >= hi || !some) continue;
      const from = (lo - j0) & -NR;
      const to = (hi - j0 + NR - 1) & -NR;
      scoreRows(p, i0 + r0, n, j0, from, to, p.qRows + ((<usize>(r0 * p.D)) << 2), p.strip, 0);
      for (let r = 0; r < n; ++r) {
        if (!farRow(p, r0 + r)) continue;
        const s = p.strip + <usize>r * STRIP;
        splitScores(p, r0 + r, s + ((<usize>from) << 2), to - from);
        addFar(p, r0 + r, s + ((<usize>(lo - j0)) << 2), lo - j0, hi - lo);
      }
    }
  }
  for (let r = 0; r < rows; ++r) {
    if (farRow(p, r)) putFar(p, i0, r);
  }
}

export class Split {
  /** 2 2^(x - whole), where whole is the integer nearest to x; of x = -inf 2, so that 2^whole = 0 counts. */
  @inline static fraction(x: v128, whole: v128): v128 {
    const f = v128.andnot(f32x4.sub(x, whole), f32x4.eq(x, f32x4.splat(-Infinity)));
    const y = Exp.base2(f);
    return f32x4.add(y, y);
  }

  /** 2^(k - 1) for integers k < 129: exactly 0 from -126 on, however far. */
  @inline static power(k: v128): v128 {
    return i32x4.shl(f32x4.add(f32x4.pmax(k, v128.load32_splat(BASE2_LOWEST)), v128.load32_splat(CORE_ROUND)), 23);
  }
}

/** v log2 e of the keys [first, end) of the tile at j0: whole parts into p.whole, 2 2^fraction into p.stage. */
export function splitValues(p: Problem, j0: i32, first: i32, end: i32): void {
  const log2e = f32x4.splat(LOG2E);
  const row = (<usize>p.Ep) << 2;
  for (let j = first; j < end; ++j) {
    const v = p.vHead + ((<usize>j * p.vM) << 2);
    const at = <usize>(j - j0) * row;
    for (let d: usize = 0; d < row; d += 16) {
      const x = f32x4.mul(v128.load(v + d), log2e);
      const whole = f32x4.nearest(x);
      v128.store(p.whole + at + d, whole);
      v128.store(p.stage + at + d, Split.fraction(x, whole));
    }
  }
}

/** y = s - lse of n scores of row r: whole parts in place (-inf where hidden), 2^fraction into p.weights. */
export function splitScores(p: Problem, r: i32, s: usize, n: i32): void {
  const lse = f32x4.splat(load<f32>(p.rowLse + ((<usize>r) << 2)));
  const rest = f32x4.splat(load<f32>(p.rowRest + ((<usize>r) << 2)));
  const half = f32x4.splat(0.5);
  const first = p.weights + ((s - p.strip) % STRIP);
  for (let x: usize = 0; x < (<usize>n) << 2; x += 16) {
    const y = f32x4.sub(f32x4.sub(v128.load(s + x), lse), rest);
    const whole = f32x4.nearest(y);
    v128.store(s + x, whole);
    v128.store(first + x, f32x4.mul(half, Split.fraction(y, whole)));
  }
}

/**
 * Adds n keys of the tile, from key x of it on, to top and total of the far columns of one row, NR columns at a time: the
 * maximum first, then the sum. `s`: the whole parts of their scores.
 */
function addFar(p: Problem, r: i32, s: usize, x: i32, n: i32): void {
  const none = f32x4.splat(-Infinity);
  const end = s + ((<usize>n) << 2);
  const row = (<usize>p.Ep) << 2;
  const base = <usize>r * row;
  for (let d: usize = 0; d < row; d += PANEL) {
    const sum = p.sum + base + d;
    const far0 = Far.forward(v128.load(sum), v128.load(p.runMax + d));
    const far1 = Far.forward(v128.load(sum, 16), v128.load(p.runMax + d, 16));
    if (!v128.any_true(v128.or(far0, far1))) continue;
    const top = p.top + base + d;
    const before0 = v128.load(top);
    const before1 = v128.load(top, 16);
    let top0 = before0;
    let top1 = before1;
    const first = <usize>x * row + d;
    for (let y = s, b = p.whole + first; y < end; y += 4, b += row) {
      if (load<f32>(y) == -Infinity) continue;
      const a = v128.load32_splat(y);
      top0 = f32x4.pmax(top0, f32x4.add(a, v128.load(b)));
      top1 = f32x4.pmax(top1, f32x4.add(a, v128.load(b, 16)));
    }
    const shift0 = v128.and(top0, f32x4.ne(top0, none));
    const shift1 = v128.and(top1, f32x4.ne(top1, none));
    const total = p.total + base + d;
    let total0 = f32x4.mul(v128.load(total), Exp.base2(f32x4.sub(before0, shift0)));
    let total1 = f32x4.mul(v128.load(total, 16), Exp.base2(f32x4.sub(before1, shift1)));
    let weight = p.weights + ((<usize>x) << 2);
    for (let y = s, b = p.whole + first, e = p.stage + first; y < end; y += 4, b += row, e += row, weight += 4) {
      if (load<f32>(y) == -Infinity) continue;
      const a = v128.load32_splat(y);
      const w = v128.load32_splat(weight);
      const power0 = Split.power(f32x4.sub(f32x4.add(a, v128.load(b)), shift0));
      const power1 = Split.power(f32x4.sub(f32x4.add(a, v128.load(b, 16)), shift1));
      total0 = Simd.madd(f32x4.mul(w, v128.load(e)), power0, total0);
      total1 = Simd.madd(f32x4.mul(w, v128.load(e, 16)), power1, total1);
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
