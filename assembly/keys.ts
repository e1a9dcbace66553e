/** Per key head: which keys are seen, which are not finite, and K and E as packed panels. */

import { expShift } from "./laser";
import { KeyTile, keyTile, tileCount } from "./layout";
import { B, packColumns, packRows } from "./pack";
import { Problem } from "./problem";
import { bandHi, bandLo, biasAt, enterHead, Lanes, maskAt } from "./score";
import { Team } from "./team";
import { NR, PANEL } from "./tile";

/**
 * Rows no further apart than this many bytes are read in place as column panels. A register tile walks down the rows: where
 * they lie far apart the first-level cache holds few of them, and packing pays.
 */
const NEAR: i32 = 512;

/** Whether rows of `width` floats, `row` floats apart, serve as column panels as they are. */
export function inPlace(row: usize, width: i32): bool {
  return width % NR == 0 && (<i32>row) << 2 <= NEAR;
}

/**
 * Everything that the blocks of key head hk need of its keys and values. A team shares the work: keys among its members,
 * then columns.
 */
export function prepareKeys(p: Problem, b: i32, hk: i32, backward: bool): void {
  const rank = Team.rank(p);
  const panels = p.Mp / NR;
  const firstKey = Team.share(p, panels, rank) * NR;
  const endKey = Team.share(p, panels, rank + 1) * NR;
  findSeen(p, b, hk, firstKey, endKey);
  enterHead(p, b, hk * (p.H / p.Hkv));
  if (!p.thin) {
    const k = p.kHead + ((<usize>firstKey * p.kM) << 2);
    packRows<B>(p.kRows + ((<usize>firstKey * <usize>p.D) << 2), k, p.kM << 2, min(endKey, p.M) - firstKey, p.D, 1);
  }
  Team.barrier(p);

  const tiles = tileCount(p);
  let whole = true;
  for (let t = 0; t < tiles; ++t) whole = boundTile(p, t) && whole;
  placeColumns(p, whole);
  const d = Team.share(p, p.Dp / NR, rank) * NR;
  const e = Team.share(p, p.Ep / NR, rank) * NR;
  const endD = Team.share(p, p.Dp / NR, rank + 1) * NR;
  const endE = Team.share(p, p.Ep / NR, rank + 1) * NR;
  for (let t = 0; t < tiles; ++t) {
    if (keyTile(p, t).lo == keyTile(p, t).hi) continue;
    if (d < endD) prepareColumns(p, t, backward, d, endD);
    if (e < endE) prepareValues(p, t, whole, backward, e, endE);
  }
  Team.barrier(p);

  p.infinite = 0;
  for (let t = 0; t < tiles; ++t) {
    const tile = keyTile(p, t);
    for (let r = 0; r < Team.size(p); ++r) tile.hostile |= keyTile(Team.mate(p, r), t).hostile; // mates may do so already
    p.infinite |= tile.hostile & 2;
  }
}

/** Where the columns of K and of E are: in place if every key is seen (others must count as zero), or packed. */
function placeColumns(p: Problem, whole: bool): void {
  const k = whole && inPlace(p.kM, p.D);
  p.kAt = k ? p.kHead : p.kColumns;
  p.kStep = k ? p.kM << 2 : PANEL;
  p.kPanel = k ? PANEL : <usize>p.Mp * PANEL;
  const e = whole && !p.laser && (inPlace(p.vM, p.E) || (p.thin && p.E % NR == 0));
  p.eAt = e ? p.vHead : p.eColumns;
  p.eStep = e ? p.vM << 2 : PANEL;
  p.ePanel = e ? PANEL : <usize>p.Mp * PANEL;
}

/** Columns [first, end) of K of tile t: whether it is finite, and panels for the backward pass. */
function prepareColumns(p: Problem, t: i32, backward: bool, first: i32, end: i32): void {
  const tile = keyTile(p, t);
  const j0 = t * p.tileKeys;
  const columns = min(end, p.D) - first;
  const from = p.kHead + ((<usize>first) << 2);
  if (hostileRows(p, from, p.kM, columns, tile)) tile.hostile |= 1;
  if (!backward || p.kAt != p.kColumns) return;
  const rows = min(p.tileKeys, p.M - j0);
  const to = p.kColumns + <usize>(first / NR) * p.kPanel;
  packColumns<B>(to + <usize>j0 * PANEL, p.kPanel, from + ((<usize>j0 * p.kM) << 2), p.kM << 2, rows, columns);
  for (let j = j0; j < j0 + rows; ++j) {
    if (load<i32>(p.seen + ((<usize>j) << 2))) continue;
    for (let c = 0; c < columns; c += NR) memory.fill(to + <usize>(c / NR) * p.kPanel + <usize>j * PANEL, 0, PANEL);
  }
}

/** Columns [first, end) of E of tile t as panels; E = v, or exp(v - c_t) for LASER. Keys that nobody sees give zero. */
function prepareValues(p: Problem, t: i32, whole: bool, backward: bool, first: i32, end: i32): void {
  const tile = keyTile(p, t);
  const j0 = t * p.tileKeys;
  const rows = min(p.tileKeys, p.M - j0);
  const to = p.eColumns + <usize>j0 * PANEL;
  const width = min(end, p.E) - first;
  const stageRow = (<usize>p.Ep) << 2;
  const staged = p.laser ? backward : !whole;
  let from = p.vHead + ((<usize>j0 * p.vM + <usize>first) << 2);
  let fromRow = p.vM << 2;
  let hostile = false;
  if (p.laser) {
    if (backward) hostile = expShift(p, t, p.stage, stageRow, PANEL, first, end);
    else hostile = expShift(p, t, to, PANEL, p.ePanel, first, end);
  } else {
    hostile = hostileRows(p, p.vHead + ((<usize>first) << 2), p.vM, width, tile);
    if (staged) stageValues(p, tile, j0, rows, first, width);
  }
  if (hostile) tile.hostile |= 2;
  if (staged) {
    from = p.stage + ((<usize>first) << 2);
    fromRow = stageRow;
  }
  if (backward) {
    for (let j = 0; j < rows; j += NR) {
      const panel = p.eRows + ((<usize>(j0 + j) * <usize>p.E + <usize>(first * NR)) << 2);
      packRows<B>(panel, from + <usize>j * fromRow, fromRow, min(NR, rows - j), width, 1);
    }
  } else if (!p.laser && p.eAt == p.eColumns) {
    packColumns<B>(to + <usize>(first / NR) * p.ePanel, p.ePanel, from, fromRow, rows, width);
  }
}

/** A clean copy of columns of the tile's values: rows that nobody sees are zero. */
function stageValues(p: Problem, tile: KeyTile, j0: i32, rows: i32, first: i32, width: i32): void {
  const row = (<usize>p.Ep) << 2;
  const at = (<usize>first) << 2;
  memory.fill(p.stage, 0, <usize>rows * row);
  for (let j = tile.lo; j < tile.hi; ++j) {
    if (!load<i32>(p.seen + ((<usize>j) << 2))) continue;
    const v = p.vHead + ((<usize>j * p.vM) << 2);
    memory.copy(p.stage + <usize>(j - j0) * row + at, v + at, (<usize>width) << 2);
  }
}

/** Whether a seen row of the tile holds NaN or infinity: x - x is 0 for finite x only. */
function hostileRows(p: Problem, from: usize, stride: usize, width: i32, tile: KeyTile): bool {
  for (let j = tile.lo; j < tile.hi; ++j) {
    if (load<i32>(p.seen + ((<usize>j) << 2)) && !finite(from + ((<usize>j * stride) << 2), width)) return true;
  }
  return false;
}

/** Whether n floats are all finite. */
export function finite(x: usize, n: i32): bool {
  let rest = i32x4.splat(0);
  const end = x + ((<usize>n) << 2);
  for (; x + 16 <= end; x += 16) {
    const y = v128.load(x);
    rest = v128.or(rest, f32x4.sub(y, y));
  }
  let ok = !v128.any_true(rest);
  for (; x < end; x += 4) ok = ok && isFinite(load<f32>(x));
  return ok;
}

/** Bounds of the seen keys of tile t; true when every key of the tile is seen. */
function boundTile(p: Problem, t: i32): bool {
  const tile = keyTile(p, t);
  const j0 = t * p.tileKeys;
  const rows = min(p.tileKeys, p.M - j0);
  let lo = j0 + rows,
    hi = j0,
    count = 0;
  for (let j = j0; j < j0 + rows; ++j) {
    if (!load<i32>(p.seen + ((<usize>j) << 2))) continue;
    lo = min(lo, j);
    hi = j + 1;
    ++count;
  }
  tile.lo = min(lo, hi);
  tile.hi = hi;
  tile.hostile = 0;
  return count == rows;
}

/** Marks the keys of [first, end) that some query of some head of the group sees. Broadcast axes are walked once. */
function findSeen(p: Problem, b: i32, hk: i32, first: i32, end: i32): void {
  memory.fill(p.seen + ((<usize>first) << 2), 0, (<usize>(end - first)) << 2);
  if (p.N == 0) return;
  const sameHeads = (!p.mask || p.maskH == 0) && (!p.bias || p.biasH == 0);
  const sameRows = (!p.mask || p.maskN == 0) && (!p.bias || p.biasN == 0);
  const group = p.H / p.Hkv;
  const heads = sameHeads ? 1 : group;
  for (let g = 0; g < heads; ++g) {
    enterHead(p, b, hk * group + g);
    if (sameRows) {
      see(p, 0, max(first, bandLo(p, 0)), min(end, bandHi(p, p.N - 1)));
    } else {
      for (let i = 0; i < p.N; ++i) see(p, i, max(first, bandLo(p, i)), min(end, bandHi(p, i)));
    }
  }
}

/** Marks the keys of [lo, hi) that mask and bias show to row i. */
function see(p: Problem, i: i32, lo: i32, hi: i32): void {
  let j = lo;
  for (; j + 4 <= hi; j += 4) {
    const at = p.seen + ((<usize>j) << 2);
    let shown = i32x4.splat(-1);
    if (p.mask) shown = Lanes.shown(maskAt(p, i, j));
    if (p.bias) shown = v128.and(shown, Lanes.biased(biasAt(p, i, j)));
    v128.store(at, v128.or(v128.load(at), shown));
  }
  for (; j < hi; ++j) {
    if ((p.mask && load<u8>(maskAt(p, i, j)) == 0) || (p.bias && load<f32>(biasAt(p, i, j)) == -Infinity)) continue;
    store<i32>(p.seen + ((<usize>j) << 2), -1);
  }
}
