/**
 * Packed panels: the only place that transposes and that knows edges. A panel of width W interleaves W rows (or
 * columns), so that the register tile reads it front to back; what is missing at an edge is zero. W is MR or four for a,
 * NR for b.
 *
 *   rows:    to[p][k][w] = from[p W + w][k] * scale      (the W x depth tile is transposed)
 *   columns: to[p][k][w] = from[k][p W + w]
 */

/** Packs `rows` rows of `from` (`fromRow` bytes apart, depth contiguous floats each), scaled. Width: 4, 6 or 8. */
export function packRows(to: usize, width: i32, from: usize, fromRow: usize, rows: i32, depth: i32, scale: f32): void {
  const step = (<usize>width) << 2;
  const s = f32x4.splat(scale);
  for (; rows > 0; rows -= width) {
    let k = 0;
    if (rows >= width) {
      k = depth & -4;
      let y = to;
      for (let x = from, end = from + ((<usize>k) << 2); x < end; x += 16) {
        if (width > 4) {
          // 6 wide: rows 4 and 5, twice; what that spills into the next k is written again by the first four rows
          const x4 = x + 4 * fromRow;
          Four.transpose(y + 16, step, x4, width == 6 ? x4 : x4 + 2 * fromRow, fromRow, s);
        }
        Four.transpose(y, step, x, x + 2 * fromRow, fromRow, s);
        y += 4 * step;
      }
    } else {
      memory.fill(to, 0, <usize>depth * step);
    }
    packSingly(to, step, from, fromRow, 4, min(rows, width), k, depth, scale);
    to += <usize>depth * step;
    from += <usize>width * fromRow;
  }
}

class Four {
  /** Transposes 4 floats of 4 rows, two at `from` and two at `below`, to 4 groups of 4, `step` bytes apart. */
  @inline static transpose(to: usize, step: usize, from: usize, below: usize, fromRow: usize, s: v128): void {
    const r0 = v128.load(from);
    const r1 = v128.load(from + fromRow);
    const r2 = v128.load(below);
    const r3 = v128.load(below + fromRow);
    const lo01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
    const hi01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
    const lo23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
    const hi23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
    const half = to + 2 * step;
    v128.store(to, f32x4.mul(s, v128.shuffle<f32>(lo01, lo23, 0, 1, 4, 5)));
    v128.store(to + step, f32x4.mul(s, v128.shuffle<f32>(lo01, lo23, 2, 3, 6, 7)));
    v128.store(half, f32x4.mul(s, v128.shuffle<f32>(hi01, hi23, 0, 1, 4, 5)));
    v128.store(half + step, f32x4.mul(s, v128.shuffle<f32>(hi01, hi23, 2, 3, 6, 7)));
  }
}

/** Elements [k, depth) of `count` lines of a panel, one by one; lines are `line` bytes apart, their elements `along` bytes. */
function packSingly(
  to: usize,
  step: usize,
  from: usize,
  line: usize,
  along: usize,
  count: i32,
  k: i32,
  depth: i32,
  scale: f32,
): void {
  for (; k < depth; ++k) {
    for (let w = 0; w < count; ++w) {
      const x = load<f32>(from + <usize>w * line + <usize>k * along);
      store<f32>(to + <usize>k * step + ((<usize>w) << 2), x * scale);
    }
  }
}

/** Packs `columns` columns of `from` (depth rows, `fromRow` bytes apart); panels lie `panel` bytes apart. */
export function packColumns(
  to: usize,
  width: i32,
  panel: usize,
  from: usize,
  fromRow: usize,
  depth: i32,
  columns: i32,
): void {
  const step = (<usize>width) << 2;
  for (; columns > 0; columns -= width) {
    let x = from;
    for (let y = to, end = to + <usize>depth * step; y < end; y += step) {
      if (columns < width) {
        memory.fill(y, 0, step);
        memory.copy(y, x, (<usize>columns) << 2);
      } else {
        v128.store(y, v128.load(x));
        if (width == 8) v128.store(y, v128.load(x, 16), 16);
        else if (width == 6) store<u64>(y + 16, load<u64>(x + 16));
      }
      x += fromRow;
    }
    from += step;
    to += panel;
  }
}

/** Packs `count` lines, `line` bytes apart, of `depth` elements `along` bytes apart: views with no contiguous axis. */
export function packStrided(
  to: usize,
  width: i32,
  from: usize,
  line: usize,
  along: usize,
  count: i32,
  depth: i32,
): void {
  const step = (<usize>width) << 2;
  for (; count > 0; count -= width) {
    if (count < width) memory.fill(to, 0, <usize>depth * step);
    packSingly(to, step, from, line, along, min(count, width), 0, depth, 1);
    to += <usize>depth * step;
    from += <usize>width * line;
  }
}
