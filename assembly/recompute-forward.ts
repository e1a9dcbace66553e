/** One far row of recompute.ts, forward: its sum over the keys of a tile, and what comes out of it. */
import { Far } from "./laser";
import { Problem, Row } from "./problem";
import { Rare } from "./rare";
import { LN2 } from "./score";
import { Simd } from "./simd";
import { Split } from "./split";
import { PANEL } from "./tile";

/**
 * Adds n keys of the tile, from key x of it on, to top and total of the far columns of one row, NR columns at a time: the
 * maximum first, then the sum. `s`: the whole parts of their scores.
 */
export function addFar(p: Problem, r: i32, s: usize, x: i32, n: i32): void {
  const none = f32x4.splat(-Infinity);
  const end = s + ((<usize>n) << 2);
  const row = (<usize>p.Ep) << 2;
  const base = <usize>r * row;
  for (let d: usize = 0; d < row; d += PANEL) {
    const sum = p.sum + base + d;
    const far0 = Far.forward(v128.load(sum), v128.load(p.runMax + d));
    const far1 = Far.forward(v128.load(sum, 16), v128.load(p.runMax + d, 16));
    if (!v128.any_true(v128.or(far0, far1))) continue;
    const top = p.top + base + d;
    const before0 = v128.load(top);
    const before1 = v128.load(top, 16);
    let top0 = before0;
    let top1 = before1;
    const first = <usize>x * row + d;
    for (let y = s, b = p.whole + first; y < end; y += 4, b += row) {
      if (load<f32>(y) == -Infinity) continue;
      const a = v128.load32_splat(y);
      top0 = f32x4.pmax(top0, f32x4.add(a, v128.load(b)));
      top1 = f32x4.pmax(top1, f32x4.add(a, v128.load(b, 16)));
    }
    const shift0 = v128.and(top0, f32x4.ne(top0, none));
    const shift1 = v128.and(top1, f32x4.ne(top1, none));
    const total = p.total + base + d;
    let total0 = f32x4.mul(v128.load(total), Rare.exp2(f32x4.sub(before0, shift0)));
    let total1 = f32x4.mul(v128.load(total, 16), Rare.exp2(f32x4.sub(before1, shift1)));
    let weight = p.weights + ((<usize>x) << 2);
    for (let y = s, b = p.whole + first, e = p.stage + first; y < end; y += 4, b += row, e += row, weight += 4) {
      if (load<f32>(y) == -Infinity) continue;
      const a = v128.load32_splat(y);
      const w = v128.load32_splat(weight);
      const power0 = Split.power(f32x4.sub(f32x4.add(a, v128.load(b)), shift0));
      const power1 = Split.power(f32x4.sub(f32x4.add(a, v128.load(b, 16)), shift1));
      total0 = Simd.madd(f32x4.mul(w, v128.load(e)), power0, total0);
      total1 = Simd.madd(f32x4.mul(w, v128.load(e, 16)), power1, total1);
    }
    v128.store(top, top0);
    v128.store(top, top1, 16);
    v128.store(total, total0);
    v128.store(total, total1, 16);
  }
}

/** out = (top + log2 total) log 2 in the far columns of one row. */
export function putFar(p: Problem, r: i32): void {
  const out = Row.at(p.outHead, p.outN, p.i0 + r);
  const base = (<usize>(r * p.Ep)) << 2;
  for (let d = 0; d < p.E; d += 4) {
    const at = (<usize>d) << 2;
    const far = Far.forward(v128.load(p.sum + base + at), v128.load(p.runMax + at));
    const top = v128.load(p.top + base + at);
    const o = Simd.madd(top, f32x4.splat(LN2), Rare.log(v128.load(p.total + base + at)));
    Simd.storeFirst(out + at, v128.bitselect(o, v128.load(out + at), far), p.E - d);
  }
}
