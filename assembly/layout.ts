/** Where the attention kernels keep what they need: the one source of truth for the size of scratch. */
import { Problem } from "./problem";
import { GROUP } from "./rows";
import { THIN_ROWS } from "./thin";
import { BR, KT, MR, NR } from "./tile";

/** A key tile of the current key head. */
@unmanaged
export class KeyTile {
  lo: i32; // keys [lo, hi) hold every key of the tile that some query sees; lo == hi: none
  hi: i32;
  hostile: i32; // of the seen keys: 1 if k holds NaN or infinity, + 2 if E does
}

/** Tile t of the current key head. */
export function keyTile(p: Problem, t: i32): KeyTile {
  return changetype<KeyTile>(p.tiles + <usize>t * offsetof<KeyTile>());
}

export function tileCount(p: Problem): i32 {
  return (p.M + p.tileKeys - 1) / p.tileKeys;
}

/** How many keys tile t has. */
export function keyCount(p: Problem, t: i32): i32 {
  return min(p.tileKeys, p.M - t * p.tileKeys);
}

/** Keys of a tile: as few tiles of at most KT keys as M needs, all but the last of one size, a multiple of BR. */
function keysOfTile(M: i32): i32 {
  const tiles = max(1, (M + KT - 1) / KT);
  return ((max(1, (M + tiles - 1) / tiles) + BR - 1) / BR) * BR;
}

/**
 * Hands out areas of rows x columns floats one after the other, each 64-byte aligned, with 8 bytes for what a 6-wide panel spills
 * (what lanes.ts reads beyond a strip, and drops, may lie in the next; `see` in keys.ts writes up to 12 behind the keys, which end where
 * 64 bytes do: there the padding is 64);
 * counts in 64 bits, so that a size too large is seen.
 */
let next: u64 = 0;

function area(rows: i32, columns: i32): usize {
  const start = next;
  next += (<u64>rows * <u64>columns * 4 + 8 + 63) & ~63;
  return <usize>start;
}

/** Lays out scratch from p.scratch on, for forward or backward, and returns its size in floats, at most 2^32 - 1. */
export function layout(p: Problem, backward: bool): usize {
  const D = p.D,
    E = p.E,
    M = p.M;
  const Dp = (D + NR - 1) & -NR;
  const Ep = (E + NR - 1) & -NR;
  const Mp = ((M + NR * MR - 1) / (NR * MR)) * (NR * MR);
  p.thin = !backward && p.N <= THIN_ROWS && D % 4 == 0 ? 1 : 0;
  p.tileKeys = keysOfTile(M);
  p.Dp = Dp;
  p.Ep = Ep;
  p.Mp = Mp;
  const tile = min(M, p.tileKeys);
  const farRows = p.laser ? BR : 0;
  const farKeys = p.laser ? KT : 0;
  p.factor = 0; // until columnFactors finds another
  next = p.scratch;

  p.seen = area(Mp, 1);
  p.tiles = area(tileCount(p), offsetof<KeyTile>() / 4);
  p.kRows = area(p.thin ? 0 : Mp, D);
  p.columnMax = p.laser ? area(tileCount(p), Ep) : 0;
  p.stage = area(tile, Ep);
  p.qRows = area(BR, D);
  p.strip = area(backward ? BR : MR, KT);
  p.stripSlope = backward && p.softcap > 0 ? area(BR, KT) : 0;
  p.runMax = area(Ep, 1);
  p.top = area(farRows, Ep);
  p.whole = area(p.laser ? tile : 0, Ep);
  p.weights = area(farKeys, 1);
  p.sumFactor = area(Ep, 1);
  p.tileFactor = area(Ep, 1);
  p.rowLse = area(BR, 1);
  p.rowRest = area(BR, 1);
  p.rowFar = area(BR, 1);
  if (backward) {
    p.kColumns = area(Mp, Dp);
    p.eRows = area(Mp, E);
    p.dkSum = area(Mp, Dp);
    p.dvSum = area(Mp, Ep);
    p.qColumns = area(BR, Dp);
    p.g = area(BR, Ep);
    p.gRows = area(BR, E);
    p.gScaled = area(BR, E);
    p.kept = area(BR, Ep);
    p.stripDs = area(BR, KT);
    p.stripDsNext = ASC_FEATURE_THREADS ? area(BR, KT) : 0;
    p.sum = area(BR, Dp);
    p.rowDelta = area(BR, 1);
    p.partial = area(farKeys, 4);
  } else {
    p.eColumns = area(Mp, Ep);
    p.sum = area(BR, Ep);
    p.rowMax = area(BR, 1);
    p.rowSum = area(BR, 1);
    p.group = area(GROUP, 1);
    p.total = area(farRows, Ep);
  }
  return <usize>min<u64>((next - <u64>p.scratch) >> 2, u32.MAX_VALUE);
}

/** What a team shares: the sums of a key head, and dS of two tiles. */
export function shareScratch(p: Problem, leader: Problem): void {
  p.dkSum = leader.dkSum;
  p.dvSum = leader.dvSum;
  p.stripDs = leader.stripDs;
  p.stripDsNext = leader.stripDsNext;
}
