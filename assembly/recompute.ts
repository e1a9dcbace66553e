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
import { Problem, Row } from "./problem";
import { addFarQuery, findFar, gradientFar } from "./recompute-backward";
import { addFar, putFar } from "./recompute-forward";
import { rowAdd } from "./rows";
import { enterHead, loadLse, packQueries, scoreRows } from "./score";
import { Share } from "./share";
import { Simd } from "./simd";
import { splitScores, splitValues } from "./split";
import { Team } from "./team";
import { BR, NR, STRIP } from "./tile";

/** Pass 4 of the block that was entered: running maximum (top) and sum (total) of 2^(y log2 e + v log2 e) over the tiles. */
export function recomputeForward(p: Problem): void {
  const bytes = (<usize>(BR * p.Ep)) << 2;
  Simd.fill(p.top, bytes, f32x4.splat(-Infinity));
  memory.fill(p.total, 0, bytes);
  visitTiles(p, false);
  for (let r = 0; r < p.rows; ++r) {
    if (!farOf(p, r)) continue;
    report(p, p.i0 + r);
    putFar(p, r);
  }
}

/** The last pass of a key head, backward: its query heads, their blocks and rows in ascending order. */
export function recomputeBackward(p: Problem, b: i32, hk: i32): void {
  const group = p.H / p.Hkv;
  for (let h = hk * group; h < (hk + 1) * group; ++h) {
    enterHead(p, b, h);
    for (let i0 = 0; i0 < p.N; i0 += BR) {
      recomputeBlock(p, i0);
      Team.tick(p);
    }
  }
}

function recomputeBlock(p: Problem, i0: i32): void {
  Share.enterBlock(p, i0);
  const rows = p.rows;
  finalRun(p, i0, i0 + rows - 1);
  loadLse(p, i0, rows);
  let any = 0;
  for (let r = 0; r < rows; ++r) {
    const far = findFar(p, i0, r);
    store<i32>(p.rowFar + ((<usize>r) << 2), far);
    any += far;
  }
  if (!any) return;
  packQueries(p);
  memory.fill(p.sum, 0, (<usize>(BR * p.Dp)) << 2);
  visitTiles(p, true);
  for (let r = p.firstRow; r < p.endRow; ++r) {
    if (!farOf(p, r)) continue;
    report(p, i0 + r);
    if (p.dq) rowAdd(Row.at(p.dqHead, p.dqN, i0 + r), Row.at(p.sum, p.Dp, r), p.D, p.scale);
  }
}

/** The far rows of the current block against the tiles that they see, tile by tile and row group by row group. */
function visitTiles(p: Problem, backward: bool): void {
  const tiles = tileCount(p);
  for (let t = 0; t < tiles; ++t) {
    const tile = keyTile(p, t);
    const j0 = t * p.tileKeys;
    if (!Share.enterTile(p, tile, j0)) continue;
    splitValues(p, j0, p.firstKey, p.endKey);
    for (let r0 = 0; r0 < p.rows; r0 += Tile.rows()) {
      const lo = max(p.firstKey, Share.groupLo(p, tile, r0));
      const hi = min(p.endKey, Share.groupHi(p, tile, r0));
      if (lo < hi) visitKeys(p, r0, j0, lo, hi, backward);
    }
    if (!backward) continue;
    Team.barrier(p); // r' is there
    for (let r = p.dq ? p.firstRow : p.endRow; r < p.endRow; ++r) {
      const r0 = r - (r % Tile.rows());
      if (farOf(p, r)) addFarQuery(p, r, j0, Share.groupLo(p, tile, r0), Share.groupHi(p, tile, r0));
    }
    Share.leaveTile(p);
  }
}

/** The far ones of the row group at r0 of the block against the keys [lo, hi) of the tile at j0. */
function visitKeys(p: Problem, r0: i32, j0: i32, lo: i32, hi: i32, backward: bool): void {
  const n = min(Tile.rows(), p.rows - r0);
  let some = 0;
  for (let r = r0; r < r0 + n; ++r) some |= farOf(p, r);
  if (!some) return;
  const from = (lo - j0) & -NR;
  const to = (hi - j0 + NR - 1) & -NR;
  const rows = backward ? <usize>r0 * STRIP : 0; // the strip of a forward call has one row group
  scoreRows(p, r0, n, j0, from, to, rows);
  for (let r = r0; r < r0 + n; ++r) {
    if (!farOf(p, r)) continue;
    const row = rows + <usize>(r - r0) * STRIP;
    splitScores(p, r, p.strip + row + ((<usize>from) << 2), to - from);
    if (backward) gradientFar(p, r, row, j0, lo, hi);
    else addFar(p, r, p.strip + row + ((<usize>(lo - j0)) << 2), lo - j0, hi - lo);
  }
}

/** How many elements of row r of the block are far. */
function farOf(p: Problem, r: i32): i32 {
  return load<i32>(p.rowFar + ((<usize>r) << 2));
}

/** At the start of a call: nothing was recomputed, and no row touched, so that the first comes after the last. */
export function resetReport(p: Problem): void {
  p.recomputed = 0;
  p.recomputedFirst = p.N;
  p.recomputedLast = -1;
}

/** Notes that row i was touched. */
function report(p: Problem, i: i32): void {
  p.recomputedFirst = min(p.recomputedFirst, i);
  p.recomputedLast = max(p.recomputedLast, i);
}
