/**
 * Scores: s_ij = softcap(scale q_i . k_j) - slope |i' - j| + bias_ij, -inf where hidden, in units of log 2
 * (times log2 e), so that the softmax needs exp2 only. Everything that decides who sees whom is here.
 *
 * Row i sees key j when lo_i <= j < hi_i (causal, window, alignment: the band), mask_ij != 0 and bias_ij != -inf.
 */

import { KeyTile } from "./layout";
import { Interleaved, multiplyPanels, Tile } from "./microkernel";
import { packRows } from "./pack";
import { Problem, Row } from "./problem";
import { Tanh } from "./tanh";
import { thinScores } from "./thin";
import { NR, PANEL, STRIP } from "./tile";

export const LOG2E: f32 = 1.4426950408889634;
export const LN2: f32 = 0.6931471805599453;

/** The largest bias in units of log 2: small enough for lse log2 e to stay finite however it is rounded. */
const MOST_BIAS: f32 = 3.4e38;

/** First key and end of the keys in the band of query row i. */
export class Band {
  @inline static lo(p: Problem, i: i32): i32 {
    return max(0, i + p.offset - p.left);
  }
  @inline static hi(p: Problem, i: i32): i32 {
    return min(p.M, i + p.offset + p.right + 1);
  }
}

/** q of the block as row panels, scaled so that the strip holds scores in units of log 2, or with a softcap x of c tanh(x). */
export function packQueries(p: Problem): void {
  const q = Row.at(p.qHead, p.qN, p.i0);
  const scale = p.softcap > 0 ? p.scale / p.softcap : p.scale * LOG2E;
  packRows(p.qRows, Tile.rows(), q, p.qN << 2, p.rows, p.D, scale);
}

/** Where batch b, head h of a tensor of floats begins; `tensor`: the offset of its pointer, which its strides follow. */
function headAt(p: Problem, tensor: usize, b: i32, h: i32): usize {
  const at = changetype<usize>(p) + tensor;
  return load<usize>(at) + ((<usize>b * load<usize>(at, 4) + <usize>h * load<usize>(at, 8)) << 2);
}

/** Sets the pointers of batch b, query head h. */
export function enterHead(p: Problem, b: i32, h: i32): void {
  const hk = h / (p.H / p.Hkv);
  const row = (<usize>(b * p.H + h) * <usize>p.N) << 2;
  p.qHead = headAt(p, offsetof<Problem>("q"), b, h);
  p.kHead = headAt(p, offsetof<Problem>("k"), b, hk);
  p.vHead = headAt(p, offsetof<Problem>("v"), b, hk);
  p.outHead = headAt(p, offsetof<Problem>("out"), b, h);
  p.lseHead = p.lse + row;
  p.restHead = p.rest + row;
  p.doutHead = headAt(p, offsetof<Problem>("dout"), b, h);
  p.dqHead = headAt(p, offsetof<Problem>("dq"), b, h);
  p.maskHead = p.mask + <usize>b * p.maskB + <usize>h * p.maskH;
  p.biasHead = headAt(p, offsetof<Problem>("bias"), b, h);
  p.dbiasHead = headAt(p, offsetof<Problem>("dbias"), b, h);
  p.slope = p.slopes ? load<f32>(p.slopes + ((<usize>h) << 2)) * LOG2E : 0;
}

/** Address of key j in row i of mask and of bias, where there is one. */
export function maskAt(p: Problem, i: i32, j: i32): usize {
  return p.maskHead + <usize>i * p.maskN + <usize>j;
}
export function biasAt(p: Problem, i: i32, j: i32): usize {
  return p.biasHead + ((<usize>i * p.biasN + <usize>j) << 2);
}

/** Whether row i sees key j: the slow word on it, for edges and the hostile path. */
export function sees(p: Problem, i: i32, j: i32): bool {
  if (j < Band.lo(p, i) || j >= Band.hi(p, i)) return false;
  if (p.mask && load<u8>(maskAt(p, i, j)) == 0) return false;
  return !p.bias || load<f32>(biasAt(p, i, j)) != -Infinity;
}

export class Visible {
  /** All ones in the lanes of four keys that mask (bytes at `mask`) shows. */
  @inline static shown(mask: usize): v128 {
    const bytes = v128.load32_zero(mask);
    return i32x4.ne(i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(bytes)), i32x4.splat(0));
  }

  /** All ones in the lanes of four keys whose bias is not -inf. */
  @inline static biased(bias: usize): v128 {
    return f32x4.ne(v128.load(bias), f32x4.splat(-Infinity));
  }
}

/** First key and end of the seen keys of a tile in the band of the rows from i to lastRow; none when lo >= hi. */
export class Range {
  @inline static lo(p: Problem, tile: KeyTile, i: i32): i32 {
    return max(tile.lo, Band.lo(p, i));
  }
  @inline static hi(p: Problem, tile: KeyTile, lastRow: i32): i32 {
    return min(tile.hi, Band.hi(p, lastRow));
  }
}

/**
 * Scores of the row group at r0 of the block, `rows` rows, against the key panels [from, to) (multiples of NR, relative to key j0):
 * strip[r][x], x = j - j0, `at` bytes into the strips; softcap's derivatives likewise.
 */
export function scoreRows(p: Problem, r0: i32, rows: i32, j0: i32, from: i32, to: i32, at: usize): void {
  const i = p.i0 + r0;
  const q = Row.at(p.qRows, p.D, r0);
  const strip = p.strip + at;
  const slopes = p.stripSlope ? p.stripSlope + at : 0;
  const panel = (<usize>(p.D * NR)) << 2;
  const k = p.kRows + <usize>((j0 + from) / NR) * panel;
  const s = strip + ((<usize>from) << 2);
  const step = Tile.rows() << 2;
  if (p.thin) {
    const keys = Row.at(p.kHead, p.kM, j0 + from);
    const n = min(to - from, p.M - j0 - from); // those beyond M are hidden below
    for (let r: usize = 0; r < <usize>rows; ++r)
      thinScores(s + r * STRIP, q + (r << 2), step, keys, p.kM << 2, n, p.D, false);
  } else {
    multiplyPanels<Interleaved>(rows, s, STRIP, q, step, k, PANEL, panel, (to - from) / NR, p.D, 0, 0, 0);
  }
  for (let r = 0; r < rows; ++r) {
    const row = strip + <usize>r * STRIP;
    const begin = row + ((<usize>from) << 2);
    const end = row + ((<usize>to) << 2);
    const j = j0 + from;
    if (p.softcap > 0) capRow(begin, end, slopes ? begin - strip + slopes : 0, p.softcap * LOG2E);
    if (p.slopes) alibiRow(begin, end, i + r + p.offset - j, p.slope);
    if (p.bias) biasRow(begin, end, biasAt(p, i + r, j));
    if (p.mask) maskRow(begin, end, maskAt(p, i + r, j));
    const lo = Band.lo(p, i + r) - j0;
    const hi = Band.hi(p, i + r) - j0;
    if (lo > from) hide(begin, row + ((<usize>min(to, lo)) << 2));
    if (hi < to) hide(row + ((<usize>max(from, hi)) << 2), end);
  }
}

/**
 * s = c tanh(x), ds/dx / c = 1 - tanh(x)^2. Most scores lie well below the cap: where four do, exp and the division are left out
 * (docs/design.md, "A softcap", has the times).
 */
export function capRow(s: usize, end: usize, slope: usize, cap: f32): void {
  const c = f32x4.splat(cap);
  for (; s < end; s += 16) {
    const x = v128.load(s);
    let t = Tanh.near(x);
    let d = Tanh.nearSlope(t);
    const near = Tanh.isNear(x);
    if (!i32x4.all_true(near)) {
      const e = Tanh.decay(x);
      t = v128.bitselect(t, Tanh.far(x, e), near);
      if (slope) d = v128.bitselect(d, Tanh.farSlope(e), near);
    }
    v128.store(s, f32x4.mul(c, t));
    if (slope) {
      v128.store(slope, d);
      slope += 16;
    }
  }
}

/** s -= slope |i' - j|; `ahead` = i' - j of the first key. Distances are integers: as float32 those beyond 2^27 would not move by 4. */
function alibiRow(s: usize, end: usize, ahead: i32, slope: f32): void {
  const step = i32x4.splat(4);
  const m = f32x4.splat(slope);
  let distance = i32x4.sub(i32x4.splat(ahead), i32x4(0, 1, 2, 3));
  for (; s < end; s += 16) {
    v128.store(s, f32x4.sub(v128.load(s), f32x4.mul(m, f32x4.abs(f32x4.convert_i32x4_s(distance)))));
    distance = i32x4.sub(distance, step);
  }
}

/**
 * s += bias, -inf where bias is -inf (whatever s is). A finite bias beyond +-2.35e38 would be infinite in units of log 2
 * and counts as +-2.35e38: masks are often made of -3.4e38, and only -inf hides.
 */
function biasRow(s: usize, end: usize, bias: usize): void {
  const log2e = f32x4.splat(LOG2E);
  const hidden = f32x4.splat(-Infinity);
  const most = f32x4.splat(MOST_BIAS);
  const least = f32x4.splat(-MOST_BIAS);
  for (; s < end; s += 16) {
    const b = v128.load(bias);
    const y = f32x4.mul(b, log2e);
    const ordinary = f32x4.lt(f32x4.abs(b), f32x4.splat(Infinity));
    const x = f32x4.add(v128.load(s), v128.bitselect(f32x4.pmin(f32x4.pmax(y, least), most), y, ordinary));
    v128.store(s, v128.bitselect(x, hidden, Visible.biased(bias)));
    bias += 16;
  }
}

/** s = -inf where mask is 0. */
function maskRow(s: usize, end: usize, mask: usize): void {
  const hidden = f32x4.splat(-Infinity);
  for (; s < end; s += 16) {
    v128.store(s, v128.bitselect(v128.load(s), hidden, Visible.shown(mask)));
    mask += 4;
  }
}

function hide(s: usize, end: usize): void {
  for (; s < end; s += 4) store<f32>(s, -Infinity);
}

/**
 * lse = m log 2 + log l of row r of the block, -inf where it sees nothing; m in units of log 2, log l where lse will be, in rowLse. One
 * float32 cannot hold log l beside a large m, but P = 2^(s - lse) needs it: what is missing from lse log2 e is kept as `rest`, so
 * that P sums to 1 for scores of any size. Where |m| is large beside log l, m and lse log2 e are so close that their difference
 * is exact; elsewhere it is right to 2^-20.
 */
export function splitLse(p: Problem, r: i32): void {
  const at = (<usize>r) << 2;
  const i = p.i0 + r;
  const m = load<f32>(p.rowMax + at);
  const logL = load<f32>(p.rowLse + at);
  const lse = m * LN2 + logL;
  const lse2 = lse * LOG2E;
  const rest: f32 = isFinite(lse2) ? m - lse2 + logL * LOG2E : 0;
  store<f32>(p.lseHead + ((<usize>i) << 2), lse);
  store<f32>(p.rowLse + at, lse2);
  store<f32>(p.rowRest + at, rest);
  if (p.rest) store<f32>(p.restHead + ((<usize>i) << 2), rest);
}

/** lse of the block's rows in units of log 2, and its rest; +inf, which gives P = 0, for rows that see no key. */
export function loadLse(p: Problem, i0: i32, rows: i32): void {
  for (let r = 0; r < rows; ++r) {
    const at = (<usize>r) << 2;
    const lse = load<f32>(p.lseHead + ((<usize>(i0 + r)) << 2));
    store<f32>(p.rowLse + at, lse == -Infinity ? Infinity : lse * LOG2E);
    store<f32>(p.rowRest + at, p.rest ? load<f32>(p.restHead + ((<usize>(i0 + r)) << 2)) : 0);
  }
}

/** Behind loadLse, that is, backward: whether row r of the block sees no key, or only scores of -inf. */
export function sightless(p: Problem, r: i32): bool {
  return load<f32>(p.rowLse + ((<usize>r) << 2)) == Infinity;
}
