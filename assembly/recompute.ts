/**
 * The exact recompute of the rare LASER elements whose exp(v - c) left the float32 range (Far in laser.ts): a pass of its own,
 * over the rows that have such elements, in forward for each block and in backward for each key head.
 *
 *   out_id = log sum_j exp(y_ij + v_jd),  y_ij = s_ij - lse_i
 *   w_ijd = exp(y_ij + v_jd - out_id)        dv_jd += w_ijd do_id
 *   r_ij  = sum_d do_id (w_ijd - p_ij) over the far d        dbias += r, dq += scale r' k, dk += scale r' q
 *
 * r' = r times softcap's derivative. A block without such an element never comes here, and hidden pairs (y = -inf) are
 * skipped, never multiplied.
 */
import { finalRun } from "./laser";
import { keyTile, tileCount } from "./layout";
import { Tile } from "./microkernel";
import { packRows } from "./pack";
import { Problem } from "./problem";
import { findFar, gradientFar } from "./recompute-backward";
import { addFar, putFar } from "./recompute-forward";
import { rowAdd } from "./rows";
import { enterHead, loadLse, queryScale, Range, scoreRows } from "./score";
import { splitScores, splitValues } from "./split";
import { Team } from "./team";
import { BR, NR, STRIP } from "./tile";

/** Pass 4 of the forward block at i0: running maximum (top) and sum (total) of 2^(y log2 e + v log2 e) over the tiles. */
export function recomputeForward(p: Problem, i0: i32, rows: i32): void {
  const bytes = (<usize>(BR * p.Ep)) << 2;
  for (let d: usize = 0; d < bytes; d += 16) v128.store(p.top + d, f32x4.splat(-Infinity));
  memory.fill(p.total, 0, bytes);
  visitTiles(p, i0, rows, false);
  for (let r = 0; r < rows; ++r) {
    if (!farOf(p, r)) continue;
    report(p, i0 + r);
    putFar(p, i0, r);
  }
}

/** The last pass of a key head, backward: its query heads, their blocks and rows in ascending order. */
export function recomputeBackward(p: Problem, b: i32, hk: i32): void {
  const group = p.H / p.Hkv;
  for (let h = hk * group; h < (hk + 1) * group; ++h) {
    enterHead(p, b, h);
    for (let i0 = 0; i0 < p.N; i0 += BR) {
      recomputeBlock(p, i0, min(BR, p.N - i0));
      Team.tick(p); // the other members wait
    }
  }
}

function recomputeBlock(p: Problem, i0: i32, rows: i32): void {
  finalRun(p, i0, i0 + rows - 1);
  loadLse(p, i0, rows);
  let any = 0;
  for (let r = 0; r < rows; ++r) {
    const far = findFar(p, i0, r);
    store<i32>(p.rowFar + ((<usize>r) << 2), far);
    any += far;
  }
  if (!any) return;
  packRows(p.qRows, Tile.rows(), p.qHead + ((<usize>i0 * p.qN) << 2), p.qN << 2, rows, p.D, queryScale(p));
  memory.fill(p.sum, 0, (<usize>(BR * p.Dp)) << 2);
  visitTiles(p, i0, rows, true);
  for (let r = 0; r < rows; ++r) {
    if (!farOf(p, r)) continue;
    report(p, i0 + r);
    if (p.dq) rowAdd(p.dqHead + ((<usize>(i0 + r) * p.dqN) << 2), p.sum + ((<usize>(r * p.Dp)) << 2), p.D, p.scale);
  }
}

/** The far rows of the block at i0 against the tiles that they see, tile by tile and row group by row group. */
function visitTiles(p: Problem, i0: i32, rows: i32, backward: bool): void {
  const tiles = tileCount(p);
  for (let t = 0; t < tiles; ++t) {
    const tile = keyTile(p, t);
    const j0 = t * p.tileKeys;
    splitValues(p, j0, Range.lo(p, tile, i0), Range.hi(p, tile, i0 + rows - 1));
    for (let r0 = 0; r0 < rows; r0 += Tile.rows()) {
      const n = min(Tile.rows(), rows - r0);
      const lo = Range.lo(p, tile, i0 + r0);
      const hi = Range.hi(p, tile, i0 + r0 + n - 1);
      let some = 0;
      for (let r = r0; r < r0 + n; ++r) some |= farOf(p, r);
      if (lo >= hi || !some) continue;
      const from = (lo - j0) & -NR;
      const to = (hi - j0 + NR - 1) & -NR;
      scoreRows(p, i0 + r0, n, j0, from, to, p.qRows + ((<usize>(r0 * p.D)) << 2), p.strip, p.stripSlope);
      for (let r = r0; r < r0 + n; ++r) {
        if (!farOf(p, r)) continue;
        const row = <usize>(r - r0) * STRIP;
        splitScores(p, r, p.strip + row + ((<usize>from) << 2), to - from);
        if (backward) gradientFar(p, i0, r, row, j0, lo, hi);
        else addFar(p, r, p.strip + row + ((<usize>(lo - j0)) << 2), lo - j0, hi - lo);
      }
    }
  }
}

/** How many elements of row r of the block are far. */
function farOf(p: Problem, r: i32): i32 {
  return load<i32>(p.rowFar + ((<usize>r) << 2));
}

/** Notes that row i was touched. */
function report(p: Problem, i: i32): void {
  p.recomputedFirst = min(p.recomputedFirst, i);
  p.recomputedLast = max(p.recomputedLast, i);
}
