/** Per key head: which keys are seen, which are not finite, and K and E as packed panels. */

import { expShift } from "./laser";
import { KeyTile, keyTile, tileCount } from "./layout";
import { B, packColumns, packRows } from "./pack";
import { Problem } from "./problem";
import { bandHi, bandLo, biasAt, enterHead, Lanes, maskAt } from "./score";
import { NR, PANEL } from "./tile";

/** Everything that the blocks of key head hk need of its keys and values. */
export function prepareKeys(p: Problem, b: i32, hk: i32, backward: bool): void {
  findSeen(p, b, hk);
  p.infinite = 0;
  enterHead(p, b, hk * (p.H / p.Hkv));
  packRows<B>(p.kRows, p.kHead, p.kM << 2, p.M, p.D, 1);
  const tiles = tileCount(p);
  for (let t = 0; t < tiles; ++t) {
    const tile = keyTile(p, t);
    const j0 = t * p.tileKeys;
    const rows = min(p.tileKeys, p.M - j0);
    const whole = boundTile(p, tile, j0, rows);
    if (tile.lo == tile.hi) continue;
    tile.hostile = hostileRows(p, p.kHead, p.kM, p.D, tile) ? 1 : 0;
    if (backward) {
      packColumns<B>(
        p.kColumns + <usize>j0 * PANEL,
        <usize>p.Mp * PANEL,
        p.kHead + ((<usize>j0 * p.kM) << 2),
        p.kM << 2,
        rows,
        p.D,
      );
      if (!whole) clearUnseen(p, p.kColumns, p.Dp / NR, tile);
    }
    prepareValues(p, tile, t, rows, whole, backward);
  }
}

/** E of tile t as panels; E = v, or exp(v - c_t) for LASER. Keys that nobody sees give rows of zero. */
function prepareValues(p: Problem, tile: KeyTile, t: i32, rows: i32, whole: bool, backward: bool): void {
  const j0 = t * p.tileKeys;
  let from = p.vHead + ((<usize>j0 * p.vM) << 2);
  let fromRow = p.vM << 2;
  if (p.columnMax || !whole) {
    if (p.columnMax) expShift(p, t);
    else stageValues(p, tile, j0, rows);
    from = p.stage;
    fromRow = (<usize>p.Ep) << 2;
  }
  if (backward) packRows<B>(p.eRows + ((<usize>j0 * <usize>p.E) << 2), from, fromRow, rows, p.E, 1);
  else packColumns<B>(p.eColumns + <usize>j0 * PANEL, <usize>p.Mp * PANEL, from, fromRow, rows, p.E);
  if (hostileRows(p, from - <usize>j0 * fromRow, fromRow >> 2, p.E, tile)) {
    tile.hostile |= 2;
    p.infinite = 1;
  }
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

/** Zero rows in column panels for the keys of the tile that nobody sees. */
function clearUnseen(p: Problem, columns: usize, panels: i32, tile: KeyTile): void {
  const first = tile.lo - (tile.lo % p.tileKeys);
  const end = min(first + p.tileKeys, p.M);
  for (let j = first; j < end; ++j) {
    if (load<i32>(p.seen + ((<usize>j) << 2))) continue;
    for (let c = 0; c < panels; ++c) memory.fill(columns + (<usize>c * <usize>p.Mp + <usize>j) * PANEL, 0, PANEL);
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

/** Bounds of the seen keys of a tile; true when every key of the tile is seen. */
function boundTile(p: Problem, tile: KeyTile, j0: i32, rows: i32): bool {
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
      see(p, 0, bandLo(p, 0), bandHi(p, p.N - 1));
    } else {
      for (let i = 0; i < p.N; ++i) see(p, i, bandLo(p, i), bandHi(p, i));
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
