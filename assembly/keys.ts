/** Per key head: which keys are seen, which are not finite, and K and E as packed panels. */

import { expShift, LEAST } from "./laser";
import { KeyTile, keyCount, keyTile, tileCount } from "./layout";
import { packColumns, packRows } from "./pack";
import { Problem, Row } from "./problem";
import { Band, biasAt, enterHead, maskAt, Visible } from "./score";
import { Simd } from "./simd";
import { MR, NR, PANEL } from "./tile";
import { touchRows } from "./touch";

/**
 * Rows no further apart than this many bytes are read in place as column panels. A register tile walks down the rows: where they lie far apart
 * the first-level cache holds few of them. With 256, widths 80 to 128 took 0.99 to 1.02 times the time, with 128 a window or 49 to 65 rows of
 * width 64 1.03 to 1.05 (standard), with 1,024 nothing changed (relaxed; `npm run bench:compare -- DIR`, "head size", "window", "left over").
 */
const NEAR: i32 = 512;

/**
 * The most rows that read keys or values in place in plain kernels: a limit between those that were measured. In place, forward takes 1.02 (N 197)
 * to 1.03 times the time (N 512), backward 1.01 and 1.02, while packed ones take 1.01 to 1.02 with 65 rows or a window of 64. In the
 * relaxed build packing gains nothing (`npm run bench:compare -- DIR --filter standard`).
 */
const FEW: i32 = 128;

/** Whether rows of `width` floats, `row` floats apart, serve as column panels as they are: not one row again and again, which no loop walks. */
export function inPlace(row: usize, width: i32): bool {
  const step = (<i32>row) << 2;
  return width % NR == 0 && step > 0 && step <= NEAR;
}

/** Everything that the blocks of key head hk need of its keys and values. */
export function prepareKeys(p: Problem, b: i32, hk: i32, backward: bool): void {
  findSeen(p, b, hk);
  enterHead(p, b, hk * (p.H / p.Hkv));
  const tiles = tileCount(p);
  let whole = true;
  for (let t = 0; t < tiles; ++t) whole = boundTile(p, t) && whole;
  placeColumns(p, whole);
  p.least = 0;
  for (let t = 0; t < tiles; ++t) {
    const tile = keyTile(p, t);
    if (tile.lo == tile.hi) continue;
    const j0 = t * p.tileKeys;
    const rows = keyCount(p, t);
    packKeys(p, j0, rows);
    tile.hostile = hostileTile(p, p.kHead, p.kM, p.D, tile) ? 1 : 0;
    if (backward && p.kAt == p.kColumns) packKeyColumns(p, j0, rows);
    if (!prepareValues(p, t, whole, backward)) continue;
    tile.hostile |= 2;
    p.least = LEAST;
  }
}

/** Where the columns of K and of E are: in place if every key is seen (others must count as zero), or packed. */
function placeColumns(p: Problem, whole: bool): void {
  const rows = (p.H / p.Hkv) * min(p.N, min(p.left, p.N) + min(p.right, p.N) + 1);
  const near = whole && (MR > 4 || rows <= FEW);
  const k = near && inPlace(p.kM, p.D);
  p.kAt = k ? p.kHead : p.kColumns;
  p.kStep = k ? p.kM << 2 : PANEL;
  p.kPanel = k ? PANEL : <usize>p.Mp * PANEL;
  const e = whole && !p.columnMax && ((near && inPlace(p.vM, p.E)) || (p.thin && p.E % NR == 0));
  p.eAt = e ? p.vHead : p.eColumns;
  p.eStep = e ? p.vM << 2 : PANEL;
  p.ePanel = e ? PANEL : <usize>p.Mp * PANEL;
}

/** K^T of the tile at j0 as panels. */
function packKeys(p: Problem, j0: i32, rows: i32): void {
  touchRows(p.kHead, p.kM, p.D, j0, rows);
  if (p.thin) return;
  packRows(Row.at(p.kRows, p.D, j0), NR, Row.at(p.kHead, p.kM, j0), p.kM << 2, rows, p.D, 1);
}

/** K of the tile at j0 as column panels. Keys that nobody sees give zero. */
function packKeyColumns(p: Problem, j0: i32, rows: i32): void {
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
  const rows = keyCount(p, t);
  touchRows(p.vHead, p.vM, p.E, j0, rows);
  const columns = p.eColumns + <usize>j0 * PANEL;
  const stageRow = (<usize>p.Ep) << 2;
  const laser = p.columnMax != 0;
  if (laser && !backward) return expShift(p, t, columns, PANEL, p.ePanel);
  let from = Row.at(p.vHead, p.vM, j0);
  let fromRow = p.vM << 2;
  let hostile = false;
  if (laser) hostile = expShift(p, t, p.stage, stageRow, PANEL);
  else hostile = hostileTile(p, p.vHead, p.vM, p.E, tile);
  if (laser || !whole) {
    if (!laser) stageValues(p, tile, j0, rows);
    from = p.stage;
    fromRow = stageRow;
  }
  if (backward) packRows(Row.at(p.eRows, p.E, j0), NR, from, fromRow, rows, p.E, 1);
  else if (p.eAt == p.eColumns) packColumns(columns, NR, p.ePanel, from, fromRow, rows, p.E);
  return hostile;
}

/** A clean copy of the tile's values: rows that nobody sees are zero. */
function stageValues(p: Problem, tile: KeyTile, j0: i32, rows: i32): void {
  const row = (<usize>p.Ep) << 2;
  memory.fill(p.stage, 0, <usize>rows * row);
  for (let j = tile.lo; j < tile.hi; ++j) {
    if (!load<i32>(p.seen + ((<usize>j) << 2))) continue;
    memory.copy(p.stage + <usize>(j - j0) * row, Row.at(p.vHead, p.vM, j), (<usize>p.E) << 2);
  }
}

/** Whether n floats are all finite. */
export function finite(x: usize, n: i32): bool {
  return !hostileRows(x, 0, n, 1, 0);
}

/**
 * Whether one of `rows` rows of n floats, `row` bytes apart, holds NaN or infinity: x - x is 0 for finite x only. With `seen`, only of
 * those whose number there is not 0.
 */
export function hostileRows(from: usize, row: usize, n: i32, rows: i32, seen: usize): bool {
  let bad0 = i32x4.splat(0);
  let bad1 = i32x4.splat(0);
  const rest = n & 7;
  const first = Simd.first(rest);
  const second = Simd.first(rest - 4);
  for (; rows > 0; --rows, from += row) {
    if (seen) {
      const shown = load<i32>(seen);
      seen += 4;
      if (!shown) continue;
    }
    let x = from;
    for (const end = x + ((<usize>(n - rest)) << 2); x < end; x += 32) {
      bad0 = Bad.also(bad0, v128.load(x));
      bad1 = Bad.also(bad1, v128.load(x, 16));
    }
    if (!rest) continue;
    bad0 = Bad.also(bad0, v128.and(v128.load(x), first));
    bad1 = Bad.also(bad1, v128.and(v128.load(x, 16), second));
  }
  return v128.any_true(v128.or(bad0, bad1));
}

class Bad {
  /** bad, with bits set where x is NaN or infinity. */
  @inline static also(bad: v128, x: v128): v128 {
    return v128.or(bad, f32x4.sub(x, x));
  }
}

/** Whether a seen row of the tile holds NaN or infinity. */
function hostileTile(p: Problem, from: usize, stride: usize, width: i32, tile: KeyTile): bool {
  const lo = <usize>tile.lo;
  return hostileRows(from + ((lo * stride) << 2), stride << 2, width, tile.hi - tile.lo, p.seen + (lo << 2));
}

/** Bounds of the seen keys of tile t; true when every key of the tile is seen. */
function boundTile(p: Problem, t: i32): bool {
  const tile = keyTile(p, t);
  const j0 = t * p.tileKeys;
  const rows = keyCount(p, t);
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
  return count == rows;
}

/** Keys outside of [unseenLo, unseenHi) are marked as seen already: `see` looks at no others than these. */
let unseenLo: i32 = 0;
let unseenHi: i32 = 0;

/**
 * Marks the keys that some query of some head of the group sees. Broadcast axes are walked once, and a walk ends when every key is
 * marked: of a dense mask or bias that is after a few rows. The last rows come first, which see most when causal.
 */
function findSeen(p: Problem, b: i32, hk: i32): void {
  memory.fill(p.seen, 0, (<usize>p.Mp) << 2);
  if (p.N == 0) return;
  unseenLo = 0;
  unseenHi = p.M;
  const sameHeads = (!p.mask || p.maskH == 0) && (!p.bias || p.biasH == 0);
  const sameRows = (!p.mask || p.maskN == 0) && (!p.bias || p.biasN == 0);
  const group = p.H / p.Hkv;
  const heads = sameHeads ? 1 : group;
  for (let g = 0; g < heads; ++g) {
    enterHead(p, b, hk * group + g);
    if (sameRows) see(p, 0, Band.lo(p, 0), Band.hi(p, p.N - 1));
    else for (let i = p.N - 1; i >= 0 && unseenLo < unseenHi; --i) see(p, i, Band.lo(p, i), Band.hi(p, i));
  }
}

/** Marks the unseen keys of [lo, hi) that mask and bias show to row i. */
function see(p: Problem, i: i32, lo: i32, hi: i32): void {
  lo = max(lo, unseenLo);
  hi = min(hi, unseenHi);
  for (let j = lo; j < hi; j += 4) {
    const at = p.seen + ((<usize>j) << 2);
    let shown = Simd.first(hi - j);
    if (p.mask) shown = v128.and(shown, Visible.shown(maskAt(p, i, j)));
    if (p.bias) shown = v128.and(shown, Visible.biased(biasAt(p, i, j)));
    v128.store(at, v128.or(v128.load(at), shown));
  }
  while (unseenLo < unseenHi && load<i32>(p.seen + ((<usize>unseenLo) << 2))) ++unseenLo;
  while (unseenLo < unseenHi && load<i32>(p.seen + ((<usize>(unseenHi - 1)) << 2))) --unseenHi;
}
