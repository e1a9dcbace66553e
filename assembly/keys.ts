/** Per key head: which keys are seen, which are not finite, and K and E as packed panels. */

import { expShift } from "./laser";
import { KeyTile, keyTile, tileCount } from "./layout";
import { packColumns, packRows } from "./pack";
import { Problem } from "./problem";
import { Band, biasAt, enterHead, Lanes, maskAt } from "./score";
import { Simd } from "./simd";
import { NR, PANEL } from "./tile";

/**
 * Rows no further apart than this many bytes are read in place as column panels. A register tile walks down the rows: where
 * they lie far apart the first-level cache holds few of them. Up to 256 bytes, and 512 for single queries, were measured
 * (docs/design.md); the limit itself was not.
 */
const NEAR: i32 = 512;

/** Whether rows of `width` floats, `row` floats apart, serve as column panels as they are. */
export function inPlace(row: usize, width: i32): bool {
  return width % NR == 0 && (<i32>row) << 2 <= NEAR;
}

/** Everything that the blocks of key head hk need of its keys and values. */
export function prepareKeys(p: Problem, b: i32, hk: i32, backward: bool): void {
  findSeen(p, b, hk);
  enterHead(p, b, hk * (p.H / p.Hkv));
  if (!p.thin) packRows(p.kRows, NR, p.kHead, p.kM << 2, p.M, p.D, 1);
  const tiles = tileCount(p);
  let whole = true;
  for (let t = 0; t < tiles; ++t) whole = boundTile(p, t) && whole;
  placeColumns(p, whole);
  p.infinite = 0;
  for (let t = 0; t < tiles; ++t) {
    const tile = keyTile(p, t);
    if (tile.lo == tile.hi) continue;
    tile.hostile = hostileRows(p, p.kHead, p.kM, p.D, tile) ? 1 : 0;
    if (backward && p.kAt == p.kColumns) packKeyColumns(p, t);
    if (!prepareValues(p, t, whole, backward)) continue;
    tile.hostile |= 2;
    p.infinite = 1;
  }
}

/** Where the columns of K and of E are: in place if every key is seen (others must count as zero), or packed. */
function placeColumns(p: Problem, whole: bool): void {
  const k = whole && inPlace(p.kM, p.D);
  p.kAt = k ? p.kHead : p.kColumns;
  p.kStep = k ? p.kM << 2 : PANEL;
  p.kPanel = k ? PANEL : <usize>p.Mp * PANEL;
  const e = whole && !p.columnMax && (inPlace(p.vM, p.E) || (p.thin && p.E % NR == 0));
  p.eAt = e ? p.vHead : p.eColumns;
  p.eStep = e ? p.vM << 2 : PANEL;
  p.ePanel = e ? PANEL : <usize>p.Mp * PANEL;
}

/** K of tile t as column panels. Keys that nobody sees give zero. */
function packKeyColumns(p: Problem, t: i32): void {
  const j0 = t * p.tileKeys;
  const rows = min(p.tileKeys, p.M - j0);
  const row = p.kM << 2;
  packColumns(p.kColumns + <usize>j0 * PANEL, NR, p.kPanel, p.kHead + <usize>j0 * row, row, rows, p.D);
  for (let j = j0; j < j0 + rows; ++j) {
    if (load<i32>(p.seen + ((<usize>j) << 2))) continue;
    const at = p.kColumns + <usize>j * PANEL;
    for (let c = 0; c < p.Dp / NR; ++c) memory.fill(at + <usize>c * p.kPanel, 0, PANEL);
  }
}

/**
 * E of tile t as panels; E = v, or exp(v - c_t) for LASER. Keys that nobody sees give zero. Returns whether E holds NaN or
 * infinity.
 */
function prepareValues(p: Problem, t: i32, whole: bool, backward: bool): bool {
  const tile = keyTile(p, t);
  const j0 = t * p.tileKeys;
  const rows = min(p.tileKeys, p.M - j0);
  const columns = p.eColumns + <usize>j0 * PANEL;
  const stageRow = (<usize>p.Ep) << 2;
  const laser = p.columnMax != 0;
  if (laser && !backward) return expShift(p, t, columns, PANEL, p.ePanel);
  let from = p.vHead + ((<usize>j0 * p.vM) << 2);
  let fromRow = p.vM << 2;
  let hostile = false;
  if (laser) hostile = expShift(p, t, p.stage, stageRow, PANEL);
  else hostile = hostileRows(p, p.vHead, p.vM, p.E, tile);
  if (laser || !whole) {
    if (!laser) stageValues(p, tile, j0, rows);
    from = p.stage;
    fromRow = stageRow;
  }
  if (backward) packRows(p.eRows + ((<usize>j0 * <usize>p.E) << 2), NR, from, fromRow, rows, p.E, 1);
  else if (p.eAt == p.eColumns) packColumns(columns, NR, p.ePanel, from, fromRow, rows, p.E);
  return hostile;
}

/** A clean copy of the tile's values: rows that nobody sees are zero. */
function stageValues(p: Problem, tile: KeyTile, j0: i32, rows: i32): void {
  const row = (<usize>p.Ep) << 2;
  memory.fill(p.stage, 0, <usize>rows * row);
  for (let j = tile.lo; j < tile.hi; ++j) {
    if (!load<i32>(p.seen + ((<usize>j) << 2))) continue;
    memory.copy(p.stage + <usize>(j - j0) * row, p.vHead + ((<usize>j * p.vM) << 2), (<usize>p.E) << 2);
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
  for (; n >= 4; n -= 4, x += 16) {
    const y = v128.load(x);
    rest = v128.or(rest, f32x4.sub(y, y));
  }
  const y = v128.and(v128.load(x), Simd.first(n));
  return !v128.any_true(v128.or(rest, f32x4.sub(y, y)));
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

/** Marks the keys that some query of some head of the group sees. Broadcast axes are walked once. */
function findSeen(p: Problem, b: i32, hk: i32): void {
  memory.fill(p.seen, 0, (<usize>p.Mp) << 2);
  if (p.N == 0) return;
  const sameHeads = (!p.mask || p.maskH == 0) && (!p.bias || p.biasH == 0);
  const sameRows = (!p.mask || p.maskN == 0) && (!p.bias || p.biasN == 0);
  const group = p.H / p.Hkv;
  const heads = sameHeads ? 1 : group;
  for (let g = 0; g < heads; ++g) {
    enterHead(p, b, hk * group + g);
    if (sameRows) {
      see(p, 0, Band.lo(p, 0), Band.hi(p, p.N - 1));
    } else {
      for (let i = 0; i < p.N; ++i) see(p, i, Band.lo(p, i), Band.hi(p, i));
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
