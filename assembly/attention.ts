/**
 * The attention core, forward: out = P E column by column scaled, P = softmax(S), tile by tile with a running maximum
 * (online softmax: Milakov and Gimelshein, arXiv 1805.02867; Dao et al., arXiv 2205.14135). Standard attention and
 * LASER are the same passes: E and the column factors (1 for the standard variant) are inputs.
 *
 * For a block of BR query rows:
 *   1. pack q, times scale log2 e (with a softcap scale / softcap: packQueries)
 *   2. for each key tile that the block sees, for each group of Tile.rows() rows:
 *      2a. S = q K^T, edited (score.ts)          2b. m, l, P = 2^(S - m)
 *      2c. sum = sum * alpha * sumFactor         2d. sum += (P E_t) * tileFactor
 *   3. x = sum / l, out = x (standard) or log x + c_q (LASER), lse = log l + m
 *   4. LASER: exact recompute of elements that left the float32 range (recompute.ts)
 */
import { checkProblem } from "./contract";
import { addSeenValues } from "./hostile";
import { prepareKeys } from "./keys";
import { columnFactors, logShift, resetRun } from "./laser";
import { keyTile, layout, tileCount } from "./layout";
import { multiplyPanels, Strip, Tile } from "./microkernel";
import { Problem, Row } from "./problem";
import { Rare } from "./rare";
import { recomputeForward, resetReport } from "./recompute";
import { GROUP_ALPHA, groupExp2, groupMax, rowScale } from "./rows";
import { enterHead, packQueries, scoreRows, splitLse } from "./score";
import { Share } from "./share";
import { Simd } from "./simd";
import { Team } from "./team";
import { thinValues } from "./thin";
import { BR, NR, STRIP } from "./tile";
import { touchRows } from "./touch";

/** Scratch of attentionForward, in floats. */
export function attentionForwardScratch(problem: usize): usize {
  return layout(changetype<Problem>(problem), false);
}

/**
 * Units of work for each member, so that those who are done early find something to do. With 4, two threads took 1.00 to 1.03 times the time, up to
 * 1.07 where another program had one of the processors; with 12 and 16 as with 8 (`npm run bench:compare -- DIR --entry threads --filter "LM H"`).
 */
const UNITS = 8;

/**
 * out and lse of the problem at `problem` (assembly/problem.ts), or a member's part of them. A unit of work is a key head or a
 * part of its blocks, the last ones first: they see most when causal.
 */
export function attentionForward(problem: usize): void {
  const p = changetype<Problem>(problem);
  checkProblem(p);
  layout(p, false);
  resetReport(p);
  p.team = 1;
  const heads = p.B * p.Hkv;
  const group = p.H / p.Hkv;
  const blocks = (p.N + BR - 1) / BR;
  const parts = p.members > 1 ? min(group * blocks, (UNITS * p.members + heads - 1) / heads) : 1;
  let prepared = -1;
  for (let unit = Team.take(p, heads * parts); unit >= 0; unit = Team.take(p, heads * parts)) {
    const head = unit / parts;
    const part = unit % parts;
    const b = head / p.Hkv;
    const hk = head % p.Hkv;
    if (head != prepared) prepareKeys(p, b, hk, false);
    prepared = head;
    const count = <i64>(group * blocks); // times UNITS members it may pass 2^31: millions of heads of one query on 64 threads do, which no test has
    const first = <i32>((count * (parts - 1 - part)) / parts);
    for (let n = <i32>((count * (parts - part)) / parts) - 1; n >= first; --n) {
      const i0 = (n % blocks) * BR;
      enterHead(p, b, hk * group + n / blocks);
      forwardBlock(p, i0);
      Team.tick(p);
    }
  }
}

function forwardBlock(p: Problem, i0: i32): void {
  Share.enterBlock(p, i0);
  const rows = p.rows;
  touchRows(p.qHead, p.qN, p.D, i0, rows);
  touchRows(p.outHead, p.outN, p.E, i0, rows);
  packQueries(p);
  Simd.fill(p.rowMax, (<usize>BR) << 2, f32x4.splat(-Infinity));
  Simd.fill(p.rowSum, (<usize>BR) << 2, f32x4.splat(0));
  memory.fill(p.sum, 0, (<usize>(BR * p.Ep)) << 2);
  if (p.columnMax) resetRun(p);

  const tiles = tileCount(p);
  for (let t = 0; t < tiles; ++t) {
    const tile = keyTile(p, t);
    const j0 = t * p.tileKeys;
    if (!Share.enterTile(p, tile, j0)) continue;
    const sumFactor = p.columnMax ? columnFactors(p, t) : 0;
    for (let r0 = 0; r0 < rows; r0 += Tile.rows()) {
      const n = min(Tile.rows(), rows - r0);
      const lo = Share.groupLo(p, tile, r0);
      const hi = Share.groupHi(p, tile, r0);
      softmaxRows(p, r0, n, j0, lo, hi, sumFactor);
      if (lo >= hi) continue;
      if (tile.hostile & 2) addSeenValues(p, r0, n, j0, lo, hi);
      else addValues(p, r0, n, j0, lo, hi);
    }
  }
  finishBlock(p);
}

/** 2a to 2c for rows [r0, r0 + n) of the block against the keys [lo, hi) of the tile at j0. */
function softmaxRows(p: Problem, r0: i32, n: i32, j0: i32, lo: i32, hi: i32, sumFactor: usize): void {
  const from = (lo - j0) & -NR;
  const to = (hi - j0 + NR - 1) & -NR;
  const at = (<usize>r0) << 2;
  let alpha: usize = 0;
  if (lo < hi) {
    scoreRows(p, r0, n, j0, from, to, 0);
    const s = p.strip + ((<usize>from) << 2);
    if (groupMax(s, to - from, p.rowMax + at, p.group, p.least)) alpha = p.group + GROUP_ALPHA;
    groupExp2(s, n, to - from, p.rowSum + at, p.group);
  }
  if (!alpha && !sumFactor) return;
  for (let r = 0; r < n; ++r) {
    const scale: f32 = alpha ? load<f32>(alpha + ((<usize>r) << 2)) : 1;
    scaleSum(p, r0 + r, scale, sumFactor);
  }
}

/** sum *= alpha * factor for row r of the block; factor 0: none. */
function scaleSum(p: Problem, r: i32, alpha: f32, factor: usize): void {
  const sum = Row.at(p.sum, p.Ep, r);
  const least = f32x4.splat(p.least);
  let scale = f32x4.splat(alpha);
  const bytes = (<usize>p.Ep) << 2;
  for (let d: usize = 0; d < bytes; d += 16) {
    if (factor) scale = f32x4.pmax(f32x4.mul(f32x4.splat(alpha), v128.load(factor + d)), least);
    v128.store(sum + d, f32x4.mul(v128.load(sum + d), scale));
  }
}

/** 2d: sum[r0 .. r0 + n) += P E over the keys [lo, hi) of the tile at j0. */
function addValues(p: Problem, r0: i32, n: i32, j0: i32, lo: i32, hi: i32): void {
  const row = (<usize>p.Ep) << 2;
  const weights = p.strip + ((<usize>(lo - j0)) << 2);
  const sum = p.sum + <usize>r0 * row;
  const e = p.eAt + <usize>lo * p.eStep;
  if (p.thin) {
    for (let r: usize = 0; r < <usize>n; ++r) {
      thinValues(sum + r * row, weights + r * STRIP, 4, e, p.eStep, p.ePanel, p.Ep, hi - lo, p.factor);
    }
    return;
  }
  multiplyPanels<Strip>(n, sum, row, weights, 4, e, p.eStep, p.ePanel, p.Ep / NR, hi - lo, sum, row, p.factor);
}

/** 3 and 4. A row that sees no key, or only scores of -inf, gives out = 0, lse = -inf. */
function finishBlock(p: Problem): void {
  let far = 0;
  for (let at: usize = 0; at < (<usize>BR) << 2; at += 16) {
    v128.store(p.rowLse + at, Rare.log(v128.load(p.rowSum + at))); // log l, until splitLse
  }
  for (let r = 0; r < p.rows; ++r) {
    const at = (<usize>r) << 2;
    const out = Row.at(p.outHead, p.outN, p.i0 + r);
    const sum = Row.at(p.sum, p.Ep, r);
    const l = load<f32>(p.rowSum + at);
    let count = 0;
    if (l == 0) memory.fill(out, 0, (<usize>p.E) << 2);
    else if (p.columnMax) count = logShift(p, out, sum, l);
    else rowScale(out, sum, p.E, 1 / l);
    store<i32>(p.rowFar + at, count);
    far += count;
    splitLse(p, r);
  }
  if (far) {
    p.recomputed += far;
    recomputeForward(p);
  }
}
