/**
 * What a member of a team does of a block of query rows against a key tile. Backward: some keys (P, dS, dv, dk, dbias), and after a
 * barrier some rows (dq), so that every sum is that of one member. Forward, and the recompute, whose blocks are of one member: all.
 */
import { KeyTile } from "./layout";
import { Tile } from "./microkernel";
import { Problem } from "./problem";
import { Range } from "./score";
import { Team } from "./team";
import { BR } from "./tile";

/** Keys are shared out in whole panels (8) and whole row groups of the transposed products (4 or 6). */
const KEYS: i32 = 24;

export class Share {
  /** Enters the block at i0: its rows, and this member's of them in whole row groups. */
  static enterBlock(p: Problem, i0: i32): void {
    const rows = min(BR, p.N - i0);
    p.i0 = i0;
    p.rows = rows;
    p.firstRow = 0;
    p.endRow = rows;
    if (Team.size(p) == 1) return; // always, in builds without threads, which need none of the rest
    const mr = Tile.rows();
    const groups = (rows + mr - 1) / mr;
    p.firstRow = min(rows, Team.share(p, groups, Team.rank(p)) * mr);
    p.endRow = min(rows, Team.share(p, groups, Team.rank(p) + 1) * mr);
  }

  /** Enters the tile at j0: the keys that the block sees, [lo, hi), and this member's of them, [firstKey, endKey). False if it sees none. */
  static enterTile(p: Problem, tile: KeyTile, j0: i32): bool {
    p.lo = Range.lo(p, tile, p.i0);
    p.hi = Range.hi(p, tile, p.i0 + p.rows - 1);
    if (p.lo >= p.hi) return false;
    p.firstKey = p.lo;
    p.endKey = p.hi;
    if (Team.size(p) == 1) return true;
    const start = ((p.lo - j0) / KEYS) * KEYS;
    const shares = (p.hi - j0 - start + KEYS - 1) / KEYS;
    p.firstKey = max(p.lo, j0 + start + Team.share(p, shares, Team.rank(p)) * KEYS);
    p.endKey = min(p.hi, j0 + start + Team.share(p, shares, Team.rank(p) + 1) * KEYS);
    return true;
  }

  /** Keys [lo, hi) of the tile that the row group at r0 of the block may see. */
  static groupLo(p: Problem, tile: KeyTile, r0: i32): i32 {
    return Range.lo(p, tile, p.i0 + r0);
  }
  static groupHi(p: Problem, tile: KeyTile, r0: i32): i32 {
    return Range.hi(p, tile, p.i0 + min(r0 + Tile.rows(), p.rows) - 1);
  }

  /** The next tile's dS goes elsewhere: nobody comes to the one after it before all have met once more. */
  @inline static leaveTile(p: Problem): void {
    if (Team.size(p) == 1) return;
    const ds = p.stripDs;
    p.stripDs = p.stripDsNext;
    p.stripDsNext = ds;
  }
}
