/** A block of query rows, backward: what its passes over the key tiles need. G and delta as in attention-backward.ts. */
import { hostileRows, inPlace } from "./keys";
import { finalRun, gradientShift } from "./laser";
import { Tile } from "./microkernel";
import { packColumns, packRows } from "./pack";
import { Problem, Row } from "./problem";
import { enterHead, loadLse, packQueries, sightless } from "./score";
import { Share } from "./share";
import { Simd } from "./simd";
import { BR, NR, PANEL } from "./tile";
import { touchRows } from "./touch";

/** Enters the block of head h at row i0: G and delta, and q and G as row panels; their columns are read in place where they can be. */
export function beginBlock(p: Problem, b: i32, h: i32, i0: i32): void {
  enterHead(p, b, h);
  Share.enterBlock(p, i0);
  const rows = p.rows;
  const mr = Tile.rows();
  const q = Row.at(p.qHead, p.qN, i0);
  touchRows(p.qHead, p.qN, p.D, i0, rows);
  touchRows(p.doutHead, p.doutN, p.E, i0, rows);
  touchRows(p.outHead, p.outN, p.E, i0, rows);
  if (p.columnMax) finalRun(p, i0, i0 + rows - 1);
  loadLse(p, i0, rows);
  p.far += gradientRows(p, i0, rows);
  packQueries(p);
  if (inPlace(p.qN, p.D)) {
    p.qAt = q;
    p.qStep = p.qN << 2;
    p.qPanel = PANEL;
  } else {
    p.qAt = p.qColumns;
    p.qStep = PANEL;
    p.qPanel = <usize>BR * PANEL;
    packColumns(p.qAt, NR, p.qPanel, q, p.qN << 2, rows, p.D);
  }
  packRows(p.gRows, mr, p.g, (<usize>p.Ep) << 2, rows, p.E, 1);
  addDelta(p, i0, rows);
  p.blockHostile = hostileBlock(p, q, rows);
  memory.fill(p.sum, 0, (<usize>(BR * p.Dp)) << 2);
}

/** G of the block's rows, for LASER also do without the elements of the recompute; 0 for rows that see no key. */
function gradientRows(p: Problem, i0: i32, rows: i32): i32 {
  let far = 0;
  const row = (<usize>p.Ep) << 2;
  for (let r = 0; r < rows; ++r) {
    const dout = Row.at(p.doutHead, p.doutN, i0 + r);
    const g = p.g + <usize>r * row;
    const kept = p.kept + <usize>r * row;
    if (sightless(p, r)) {
      memory.fill(g, 0, row);
      memory.fill(kept, 0, row);
    } else if (p.columnMax) {
      far += gradientShift(p, g, kept, dout, Row.at(p.outHead, p.outN, i0 + r));
    } else {
      for (let d: usize = 0; d < (<usize>p.E) << 2; d += 16) v128.store(g + d, v128.load(dout + d));
    }
    if (p.E < p.Ep) memory.fill(g + ((<usize>p.E) << 2), 0, row - ((<usize>p.E) << 2));
  }
  return far;
}

/**
 * delta of the block's rows: sum_d do o, or for LASER sum_d do, in the very order and rounding of dP, so that dP - delta is
 * 0 where a row sees one key only: exactly, but for LASER up to the rounding of E and G.
 */
function addDelta(p: Problem, i0: i32, rows: i32): void {
  const laser = p.columnMax != 0;
  const mr = Tile.rows();
  const row = (<usize>mr) << 2;
  const from = laser ? p.kept : Row.at(p.outHead, p.outN, i0);
  packRows(p.gScaled, mr, from, (laser ? <usize>p.Ep : p.outN) << 2, rows, p.E, 1);
  const one = f32x4.splat(1);
  let x = p.gScaled;
  let g = p.gRows;
  for (let r = 0; r < rows; r += mr) {
    let low = f32x4.splat(0);
    let high = f32x4.splat(0); // rows 4 and 5 of a 6-wide panel
    for (const end = x + <usize>p.E * row; x < end; x += row) {
      low = Simd.madd(v128.load(x), laser ? one : v128.load(g), low);
      if (mr == 6) high = Simd.madd(v128.load(x, 16), laser ? one : v128.load(g, 16), high);
      g += row;
    }
    const delta = p.rowDelta + ((<usize>r) << 2);
    v128.store(delta, low);
    if (mr == 6) v128.store64_lane(delta, high, 0, 16);
  }
}

/** Whether a row of q, G, lse or delta holds NaN or infinity (lse = +inf stands for "sees nothing"). */
function hostileBlock(p: Problem, q: usize, rows: i32): bool {
  for (let r = 0; r < rows; ++r) {
    const lse = load<f32>(p.rowLse + ((<usize>r) << 2));
    if (isNaN(lse) || !isFinite(load<f32>(p.rowDelta + ((<usize>r) << 2)))) return true;
  }
  return hostileRows(q, p.qN << 2, p.D, rows, 0) || hostileRows(p.g, (<usize>p.Ep) << 2, p.E, rows, 0);
}

/** gScaled = G f_t as row panels: row d of a panel times f_t[d]. A 6-wide row spills 2 floats, which the next overwrites. */
export function scaleGradient(p: Problem): void {
  const mr = Tile.rows();
  const row = (<usize>mr) << 2;
  let from = p.gRows;
  let to = p.gScaled;
  for (let r = 0; r < p.rows; r += mr) {
    for (let d = 0; d < p.E; ++d) {
      const f = v128.load32_splat(p.factor + ((<usize>d) << 2));
      v128.store(to, f32x4.mul(v128.load(from), f));
      if (mr == 6) v128.store(to, f32x4.mul(v128.load(from, 16), f), 16);
      from += row;
      to += row;
    }
  }
}
