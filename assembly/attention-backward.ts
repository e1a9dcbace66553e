/**
 * The attention core, backward: five products, P recomputed from lse, walking the passes of attention.ts backwards.
 *
 *   dV_t += f_t * (P^T G)      dP = (G f_t) E_t^T      dS = P (dP - delta)      dQ = scale dS' K      dK = scale dS'^T Q
 *
 * dS' = dS times softcap's derivative. G, E, delta and f_t = exp(c_t - c_q) are inputs: do, v, sum_d do o and 1 for
 * the standard variant; do exp(c_q - o), exp(v - c_t) and sum_d do for LASER, whose dV is then multiplied by E.
 * Gradients of a key head add up over its query heads and over their blocks in ascending order.
 */
import { beginBlock, scaleGradient } from "./block-backward";
import { checkBackward, checkProblem } from "./contract";
import { addSeenKeyGradients, addSeenQueryGradient, clearHidden } from "./hostile";
import { prepareKeys } from "./keys";
import { columnFactors, scaleByE } from "./laser";
import { KeyTile, keyTile, layout, shareScratch, tileCount } from "./layout";
import { Interleaved, multiplyPanels, Strip, Tile } from "./microkernel";
import { Problem, Row } from "./problem";
import { recomputeBackward, resetReport } from "./recompute";
import { rowAdd, rowGradient, rowScale, rowSlope } from "./rows";
import { scoreRows } from "./score";
import { Share } from "./share";
import { Team } from "./team";
import { BR, NR, PANEL, STRIP } from "./tile";
import { touchRows } from "./touch";

/** Scratch of attentionBackward, in floats. */
export function attentionBackwardScratch(problem: usize): usize {
  return layout(changetype<Problem>(problem), true);
}

/**
 * dq, dk, dv, dbias (those whose pointer is not 0) of the problem at `problem` (assembly/problem.ts), or a member's part of
 * them. As many key heads as all members can have alike are units of one member each; the rest they do together.
 */
export function attentionBackward(problem: usize): void {
  const p = changetype<Problem>(problem);
  checkProblem(p);
  checkBackward(p);
  layout(p, true);
  resetReport(p);
  const heads = p.B * p.Hkv;
  const headsInOrder = p.dbias && ((p.dbiasB == 0 && p.B > 1) || (p.dbiasH == 0 && p.H > 1));
  const single = p.members == 1 ? heads : headsInOrder ? 0 : heads - (heads % p.members);
  p.team = 1;
  for (let head = Team.take(p, single); head >= 0; head = Team.take(p, single)) {
    backwardHead(p, head / p.Hkv, head % p.Hkv);
  }
  if (single == heads) return;
  p.team = p.members;
  Team.barrier(p); // the leader has laid out its scratch
  shareScratch(p, Team.of(p, 0));
  for (let head = single; head < heads; ++head) backwardHead(p, head / p.Hkv, head % p.Hkv);
}

/**
 * One key head: its query heads and their blocks in ascending order, all members of the team on the same block. For a key
 * tile each member does its share of the keys (P, dS, dv, dk, dbias), then its share of the rows (dq): every sum is
 * that of one member. Keys and blocks are prepared by each for itself, so that only dS has to pass from one to another.
 */
function backwardHead(p: Problem, b: i32, hk: i32): void {
  const rank = Team.rank(p);
  const group = p.H / p.Hkv;
  const blocks = (p.N + BR - 1) / BR;
  const tiles = tileCount(p);
  p.far = 0;
  if (p.dbias) clearBias(p, b, hk);
  const first = Team.share(p, p.Mp, rank);
  const keys = Team.share(p, p.Mp, rank + 1) - first;
  memory.fill(Row.at(p.dkSum, p.Dp, first), 0, (<usize>(keys * p.Dp)) << 2);
  memory.fill(Row.at(p.dvSum, p.Ep, first), 0, (<usize>(keys * p.Ep)) << 2);
  prepareKeys(p, b, hk, true);
  Team.barrier(p); // dbias and the sums are clear
  for (let n = 0; n < group * blocks; ++n) {
    beginBlock(p, b, hk * group + n / blocks, (n % blocks) * BR);
    for (let t = 0; t < tiles; ++t) tileGradients(p, t);
    if (p.dq) {
      const dq = Row.at(p.dqHead, p.dqN, p.i0 + p.firstRow);
      const sum = Row.at(p.sum, p.Dp, p.firstRow);
      putRows(dq, p.dqN, sum, p.Dp, p.endRow - p.firstRow, p.D, p.scale);
    }
    Team.tick(p);
  }
  finishHead(p, b, hk);
}

/** dk and dv of a key head from their sums, each member a part of the keys. */
function finishHead(p: Problem, b: i32, hk: i32): void {
  const rank = Team.rank(p);
  const first = Team.share(p, p.M, rank);
  const count = Team.share(p, p.M, rank + 1) - first;
  if (p.columnMax) {
    scaleByE(p, first, first + count);
    Team.barrier(p);
    if (p.far) {
      if (rank == 0) p.recomputed += p.far;
      recomputeBackward(p, b, hk);
      Team.barrier(p);
    }
  }
  const dk = p.dk + ((<usize>b * p.dkB + <usize>hk * p.dkH + <usize>first * p.dkM) << 2);
  const dv = p.dv + ((<usize>b * p.dvB + <usize>hk * p.dvH + <usize>first * p.dvM) << 2);
  if (p.dk) putRows(dk, p.dkM, Row.at(p.dkSum, p.Dp, first), p.Dp, count, p.D, p.scale);
  if (p.dv) putRows(dv, p.dvM, Row.at(p.dvSum, p.Ep, first), p.Ep, count, p.E, 1);
  Team.barrier(p);
}

function putRows(to: usize, toRow: usize, from: usize, fromRow: i32, rows: i32, columns: i32, scale: f32): void {
  touchRows(to, toRow, columns, 0, rows);
  for (let r = 0; r < rows; ++r) {
    rowScale(Row.at(to, toRow, r), Row.at(from, fromRow, r), columns, scale);
  }
}

/**
 * dbias = 0 on all rows of the key head's query heads, each member a part of them; a broadcast axis (stride 0) is one row, cleared by its
 * first head.
 */
function clearBias(p: Problem, b: i32, hk: i32): void {
  if ((b > 0 && p.dbiasB == 0) || (hk > 0 && p.dbiasH == 0)) return;
  const group = p.H / p.Hkv;
  const heads = p.dbiasH ? group : 1;
  const rows = p.dbiasN ? p.N : 1;
  const end = Team.share(p, rows, Team.rank(p) + 1);
  for (let h = hk * group; h < hk * group + heads; ++h) {
    for (let i = Team.share(p, rows, Team.rank(p)); i < end; ++i) {
      const row = <usize>b * p.dbiasB + <usize>h * p.dbiasH + <usize>i * p.dbiasN;
      memory.fill(p.dbias + (row << 2), 0, (<usize>p.M) << 2);
    }
  }
}

/** The block against key tile t: this member's share of the keys, then of the rows. */
function tileGradients(p: Problem, t: i32): void {
  const tile = keyTile(p, t);
  const j0 = t * p.tileKeys;
  if (!Share.enterTile(p, tile, j0)) return;
  p.slow = p.blockHostile | tile.hostile;
  if (p.columnMax) columnFactors(p, t);

  if (p.firstKey < p.endKey) {
    if (p.factor) scaleGradient(p);
    for (let r0 = 0; r0 < p.rows; r0 += Tile.rows()) scoreGradients(p, tile, r0, j0);
    if (p.slow) addSeenKeyGradients(p, j0);
    else addKeyGradients(p, j0);
  }
  Team.barrier(p); // dS is there
  if (p.dq) {
    if (p.slow) addSeenQueryGradient(p, j0);
    else addQueryGradient(p, tile, j0);
  }
  Share.leaveTile(p);
}

/** P and dS' of the row group at r0 into the strips' columns for this member's keys, zero where the rows see none; dbias. */
function scoreGradients(p: Problem, tile: KeyTile, r0: i32, j0: i32): void {
  const mr = Tile.rows();
  const n = min(mr, p.rows - r0);
  const lo = max(p.firstKey, Share.groupLo(p, tile, r0));
  const hi = min(p.endKey, Share.groupHi(p, tile, r0));
  const from = (lo - j0) & -NR;
  const to = max(from, (hi - j0 + NR - 1) & -NR);
  const rows = <usize>r0 * STRIP;
  if (from < to) {
    scoreRows(p, r0, n, j0, from, to, rows);
    const panel = (<usize>(p.E * NR)) << 2;
    const e = p.eRows + <usize>((j0 + from) / NR) * panel;
    const at = p.stripDs + rows + ((<usize>from) << 2);
    const g = Row.at(p.factor ? p.gScaled : p.gRows, p.E, r0);
    multiplyPanels<Interleaved>(n, at, STRIP, g, mr << 2, e, PANEL, panel, (to - from) / NR, p.E, 0, 0, 0);
  }
  const left = ((p.firstKey - j0) / mr) * mr;
  const right = ((p.endKey - j0 + mr - 1) / mr) * mr;
  for (let r = 0; r < n; ++r) {
    const row = rows + <usize>r * STRIP;
    const begin = row + ((<usize>from) << 2);
    const at = (<usize>(r0 + r)) << 2;
    const lse = load<f32>(p.rowLse + at);
    const rest = load<f32>(p.rowRest + at);
    rowGradient(p.strip + begin, p.stripDs + begin, to - from, lse, rest, load<f32>(p.rowDelta + at), p.slow != 0);
    if (p.slow) clearHidden(p, r0 + r, j0, j0 + from, min(p.M, j0 + to));
    if (p.dbias && lo < hi) {
      const bias = p.dbiasHead + ((<usize>(p.i0 + r0 + r) * p.dbiasN + <usize>lo) << 2);
      rowAdd(bias, p.stripDs + row + ((<usize>(lo - j0)) << 2), hi - lo, 1);
    }
    if (p.stripSlope) rowSlope(p.stripDs + begin, p.stripSlope + begin, to - from);
    clearOutside(p.strip + row, left, from, to, right);
    clearOutside(p.stripDs + row, left, from, to, right);
  }
}

/** Zero in the columns [left, from) and [to, right) of a strip row, few and even in number: a loop, since memory.fill is a call out of wasm. */
function clearOutside(row: usize, left: i32, from: i32, to: i32, right: i32): void {
  for (from = min(from, right); left < from; left += 2) store<u64>(row + ((<usize>left) << 2), 0);
  for (to = max(to, left); to < right; to += 2) store<u64>(row + ((<usize>to) << 2), 0);
}

/** sum += dS' K, one of this member's row groups after the other over the keys that it may see. */
function addQueryGradient(p: Problem, tile: KeyTile, j0: i32): void {
  const mr = Tile.rows();
  const row = (<usize>p.Dp) << 2;
  for (let r0 = p.firstRow; r0 < p.endRow; r0 += mr) {
    const lo = Share.groupLo(p, tile, r0);
    const hi = Share.groupHi(p, tile, r0);
    if (lo >= hi) continue;
    const ds = p.stripDs + <usize>r0 * STRIP + ((<usize>(lo - j0)) << 2);
    const k = p.kAt + <usize>lo * p.kStep;
    const sum = p.sum + <usize>r0 * row;
    multiplyPanels<Strip>(p.endRow - r0, sum, row, ds, 4, k, p.kStep, p.kPanel, p.Dp / NR, hi - lo, sum, row, 0);
  }
}

/** dvSum += f_t * (P^T G), dkSum += dS'^T Q over this member's keys, Tile.rows() keys at a time over the rows that may see them. */
function addKeyGradients(p: Problem, j0: i32): void {
  const to = p.endKey - j0;
  const vRow = (<usize>p.Ep) << 2;
  const kRow = (<usize>p.Dp) << 2;
  const mr = Tile.rows();
  for (let x = ((p.firstKey - j0) / mr) * mr; x < to; x += mr) {
    const j = j0 + x;
    const first = max(0, j - p.offset - p.right - p.i0); // Band.hi > j
    const end = min(p.rows, j + mr - p.offset + p.left - p.i0); // Band.lo < j + mr
    if (first >= end) continue;
    const column = ((<usize>x) << 2) + <usize>first * STRIP;
    const depth = end - first;
    const n = to - x;
    if (p.dv) {
      const g = p.g + <usize>first * vRow;
      const sum = p.dvSum + <usize>j * vRow;
      const weights = p.strip + column;
      multiplyPanels<Interleaved>(n, sum, vRow, weights, STRIP, g, vRow, PANEL, p.Ep / NR, depth, sum, vRow, p.factor);
    }
    if (p.dk) {
      const q = p.qAt + <usize>first * p.qStep;
      const sum = p.dkSum + <usize>j * kRow;
      const ds = p.stripDs + column;
      multiplyPanels<Interleaved>(n, sum, kRow, ds, STRIP, q, p.qStep, p.qPanel, p.Dp / NR, depth, sum, kRow, 0);
    }
  }
}
