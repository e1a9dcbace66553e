/** One far row of recompute.ts, backward: what it is, and what it adds to the gradients. */
import { Far } from "./laser";
import { Problem, Row } from "./problem";
import { Rare } from "./rare";
import { rowAdd } from "./rows";
import { LOG2E, sightless } from "./score";
import { Simd } from "./simd";
import { Split } from "./split";
import { NR, STRIP } from "./tile";

/**
 * Row r of the block at i0: do (0 where not far) in p.g; of o log2 e the whole part (+inf where not far) in p.kept and
 * 2^-fraction in p.top (the parts as in split.ts). Returns how many elements are far.
 */
export function findFar(p: Problem, i0: i32, r: i32): i32 {
  const at = (<usize>(r * p.Ep)) << 2;
  const out = Row.at(p.outHead, p.outN, i0 + r);
  const dout = Row.at(p.doutHead, p.doutN, i0 + r);
  let count = 0;
  if (sightless(p, r)) return 0;
  for (let d: usize = 0; d < (<usize>p.Ep) << 2; d += 16) {
    const o = v128.load(out + d);
    const dy = v128.load(dout + d);
    const beyond = f32x4.sub(v128.load(p.runMax + d), o);
    const far = Far.backward(beyond, Rare.exp(beyond), dy);
    count += popcnt(i32x4.bitmask(far));
    v128.store(p.g + at + d, v128.and(dy, far));
    const x = f32x4.mul(o, f32x4.splat(LOG2E));
    const whole = f32x4.nearest(x);
    v128.store(p.kept + at + d, v128.bitselect(whole, f32x4.splat(Infinity), far));
    v128.store(p.top + at + d, Rare.exp2(f32x4.sub(whole, x)));
  }
  return count;
}

/** Row r against the keys [lo, hi) of the tile at j0: split scores `row` bytes into the strips, r_ij into stripDs there. */
export function gradientFar(p: Problem, r: i32, row: usize, j0: i32, lo: i32, hi: i32): void {
  const i = p.i0 + r;
  for (let x = (<usize>((lo - j0) & -NR)) << 2; x < (<usize>(hi - j0)) << 2; x += 16) {
    const w = v128.load(p.weights + x);
    v128.store(p.stripDs + row + x, f32x4.mul(f32x4.add(w, w), Split.power(v128.load(p.strip + row + x))));
  }
  const first = row + ((<usize>(lo - j0)) << 2);
  const end = p.strip + first + ((<usize>(hi - lo)) << 2);
  memory.fill(p.partial, 0, (<usize>(hi - lo)) << 4);
  for (let d = 0; d < p.Ep; d += NR) weighKeys(p, r, d, lo - j0, lo, p.strip + first, end, p.stripDs + first);
  let part = p.partial;
  let ds = p.stripDs + first;
  for (let y = p.strip + first; y < end; y += 4, ds += 4, part += 16) {
    store<f32>(ds, load<f32>(y) == -Infinity ? 0 : Simd.hsum(v128.load(part)));
  }
  if (p.dbias) rowAdd(p.dbiasHead + ((<usize>i * p.dbiasN + <usize>lo) << 2), p.stripDs + first, hi - lo, 1);
  if (p.stripSlope) {
    ds = p.stripDs + first;
    for (let y = p.strip + first; y < end; y += 4, ds += 4) {
      if (load<f32>(y) != -Infinity) store<f32>(ds, load<f32>(ds) * load<f32>(p.stripSlope + (y - p.strip)));
    }
  }
  addFarKeys(p, i, lo, p.stripDs + first, p.stripDs + (end - p.strip));
}

/**
 * dv_j += w do for the far ones of NR columns from d on, partial_j += do (w - p), for the keys from lo on, x in their tile;
 * y = the whole parts of s - lse, mass = p.
 */
function weighKeys(p: Problem, r: i32, d: i32, x: i32, lo: i32, y: usize, end: usize, mass: usize): void {
  const at = (<usize>(r * p.Ep + d)) << 2;
  const o0 = v128.load(p.kept + at);
  const o1 = v128.load(p.kept + at, 16);
  const far0 = f32x4.ne(o0, f32x4.splat(Infinity));
  const far1 = f32x4.ne(o1, f32x4.splat(Infinity));
  if (!v128.any_true(v128.or(far0, far1))) return;
  const rest0 = v128.load(p.top + at);
  const rest1 = v128.load(p.top + at, 16);
  const g0 = v128.load(p.g + at);
  const g1 = v128.load(p.g + at, 16);
  const row = (<usize>p.Ep) << 2;
  let b = p.whole + <usize>x * row + ((<usize>d) << 2);
  let e = p.stage + <usize>x * row + ((<usize>d) << 2);
  let weight = p.weights + ((<usize>x) << 2);
  let dv = p.dvSum + <usize>lo * row + ((<usize>d) << 2);
  let part = p.partial;
  for (; y < end; y += 4) {
    if (load<f32>(y) != -Infinity) {
      const a = v128.load32_splat(y);
      const w = v128.load32_splat(weight);
      const pj = v128.load32_splat(mass);
      const power0 = Split.power(f32x4.sub(f32x4.add(a, v128.load(b)), o0));
      const power1 = Split.power(f32x4.sub(f32x4.add(a, v128.load(b, 16)), o1));
      const w0 = v128.and(far0, f32x4.mul(f32x4.mul(f32x4.mul(w, rest0), v128.load(e)), power0));
      const w1 = v128.and(far1, f32x4.mul(f32x4.mul(f32x4.mul(w, rest1), v128.load(e, 16)), power1));
      v128.store(dv, Simd.madd(w0, g0, v128.load(dv)));
      v128.store(dv, Simd.madd(w1, g1, v128.load(dv, 16)), 16);
      const sum = Simd.madd(g0, f32x4.sub(w0, pj), v128.load(part));
      v128.store(part, Simd.madd(g1, f32x4.sub(w1, pj), sum));
    }
    weight += 4;
    mass += 4;
    b += row;
    e += row;
    dv += row;
    part += 16;
  }
}

class Scaled {
  /**
   * to += x times the number at `weight`, n floats and what is left of a vector. `rowAdd`, a call that asks for the end of each vector, made
   * the pass take up to 1.27 times the time (bench:compare --filter recompute).
   */
  @inline static add(to: usize, x: usize, weight: usize, n: i32): void {
    const w = v128.load32_splat(weight);
    for (let d: usize = 0; d < (<usize>n) << 2; d += 16) {
      v128.store(to + d, Simd.madd(w, v128.load(x + d), v128.load(to + d)));
    }
  }
}

/**
 * dk_j += r' q_i over the keys from lo on, r' from ds to end. Pairs with r' = 0 are skipped, hidden ones among them, whose k may be NaN
 * (a row that sees such a key has no far element).
 */
function addFarKeys(p: Problem, i: i32, lo: i32, ds: usize, end: usize): void {
  const q = Row.at(p.qHead, p.qN, i);
  const row = (<usize>p.Dp) << 2;
  for (let dk = p.dkSum + <usize>lo * row; ds < end; ds += 4, dk += row) {
    if (load<f32>(ds) != 0) Scaled.add(dk, q, ds, p.D);
  }
}

/** sum_r += r' k_j over the keys [lo, hi) of the tile at j0, in the same way. */
export function addFarQuery(p: Problem, r: i32, j0: i32, lo: i32, hi: i32): void {
  const kRow = p.kM << 2;
  const sum = Row.at(p.sum, p.Dp, r);
  const row = p.stripDs + <usize>r * STRIP;
  const end = row + ((<usize>(hi - j0)) << 2);
  let k = p.kHead + <usize>lo * kRow;
  for (let ds = row + ((<usize>(lo - j0)) << 2); ds < end; ds += 4, k += kRow) {
    if (load<f32>(ds) != 0) Scaled.add(sum, k, ds, p.D);
  }
}
