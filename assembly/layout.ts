/** Where the attention kernels keep what they need: the one source of truth for the size of scratch. */
import { panelBytes } from "./pack";
import { Problem } from "./problem";
import { GROUP_BYTES } from "./rows";
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

/** Keys of a tile: as few tiles of at most KT keys as M needs, all but the last of one size, a multiple of BR. */
function keysOfTile(M: i32): i32 {
  const tiles = max(1, (M + KT - 1) / KT);
  return ((max(1, (M + tiles - 1) / tiles) + BR - 1) / BR) * BR;
}

/** Hands out areas one after the other, each 64-byte aligned; counts in 64 bits, so that a size too large is seen. */
let next: u64 = 0;

function area(bytes: u64): usize {
  const start = next;
  next += (bytes + 63) & ~63;
  return <usize>start;
}

function floats(rows: i32, columns: i32): usize {
  return area(<u64>rows * <u64>columns * 4);
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
  next = p.scratch;

  p.seen = floats(Mp, 1);
  p.tiles = area(<u64>tileCount(p) * offsetof<KeyTile>());
  p.kRows = p.thin ? 0 : area(panelBytes(NR, M, D));
  p.columnMax = p.laser ? floats(tileCount(p), Ep) : 0;
  p.stage = floats(min(M, p.tileKeys), Ep);
  p.qRows = area(panelBytes(MR, BR, D));
  p.strip = floats(backward ? BR : MR, KT);
  p.runMax = floats(Ep, 1);
  p.top = p.laser ? floats(BR, Ep) : 0;
  p.whole = p.laser ? floats(min(M, p.tileKeys), Ep) : 0;
  p.weights = p.laser ? floats(1, KT) : 0;
  p.sumFactor = floats(Ep, 1);
  p.tileFactor = floats(Ep, 1);
  p.rowLse = floats(BR, 1);
  p.rowRest = floats(BR, 1);
  p.rowFar = floats(BR, 1);
  p.stripSlope = backward && p.softcap > 0 ? floats(BR, KT) : 0;
  if (backward) {
    p.kColumns = floats(Mp, Dp);
    p.eRows = area(panelBytes(NR, M, E));
    p.dkSum = floats(Mp, Dp);
    p.dvSum = floats(Mp, Ep);
    p.qColumns = floats(BR, Dp);
    p.g = floats(BR, Ep);
    p.gRows = area(panelBytes(MR, BR, E));
    p.gScaled = area(panelBytes(MR, BR, E));
    p.kept = floats(BR, Ep);
    p.stripDs = floats(BR, KT);
    p.sum = floats(BR, Dp);
    p.rowDelta = floats(BR, 1);
    p.partial = p.laser ? floats(KT, 4) : 0;
  } else {
    p.eColumns = floats(Mp, Ep);
    p.sum = floats(BR, Ep);
    p.rowMax = floats(BR, 1);
    p.rowSum = floats(BR, 1);
    p.group = area(GROUP_BYTES);
    p.total = p.laser ? floats(BR, Ep) : 0;
  }
  return <usize>min<u64>((next - <u64>p.scratch) >> 2, u32.MAX_VALUE);
}

/** What a team shares: the sums of a key head, and dS of a block. */
export function shareScratch(p: Problem, leader: Problem): void {
  p.dkSum = leader.dkSum;
  p.dvSum = leader.dvSum;
  p.stripDs = leader.stripDs;
}
