/**
 * The exact recompute needs sums of exp(y + v) whose terms leave the float32 range. An exp for each pair and column would cost up to
 * 16 times the ordinary forward; with whole and fractional parts apart,
 *
 *   2^(y + v) = 2^(y - [y]) 2^(v - [v]) 2^([y] + [v]),
 *
 * the first factor is one for a pair, the second one for a value (of the whole block), and the third is an integer shifted into
 * the exponent, whatever its size. y and v are in units of log 2.
 */
import { BASE2_LOWEST, CORE_ROUND } from "./exp";
import { Problem, Row } from "./problem";
import { Rare } from "./rare";
import { LOG2E } from "./score";
import { STRIP } from "./tile";

export class Split {
  /** 2 2^(x - whole), where whole is the integer nearest to x; of x = -inf 2, so that 2^whole = 0 counts. */
  @inline static fraction(x: v128, whole: v128): v128 {
    const f = v128.andnot(f32x4.sub(x, whole), f32x4.eq(x, f32x4.splat(-Infinity)));
    const y = Rare.exp2(f);
    return f32x4.add(y, y);
  }

  /** 2^(k - 1) for integers k < 129: exactly 0 from -126 on, however far. */
  @inline static power(k: v128): v128 {
    return i32x4.shl(f32x4.add(f32x4.pmax(k, v128.load32_splat(BASE2_LOWEST)), v128.load32_splat(CORE_ROUND)), 23);
  }
}

/** v log2 e of the keys [first, end) of the tile at j0: whole parts into p.whole, 2 2^fraction into p.stage. */
export function splitValues(p: Problem, j0: i32, first: i32, end: i32): void {
  const log2e = f32x4.splat(LOG2E);
  const row = (<usize>p.Ep) << 2;
  for (let j = first; j < end; ++j) {
    const v = Row.at(p.vHead, p.vM, j);
    const at = <usize>(j - j0) * row;
    for (let d: usize = 0; d < row; d += 16) {
      const x = f32x4.mul(v128.load(v + d), log2e);
      const whole = f32x4.nearest(x);
      v128.store(p.whole + at + d, whole);
      v128.store(p.stage + at + d, Split.fraction(x, whole));
    }
  }
}

/** y = s - lse of n scores of row r: whole parts in place (-inf where hidden), 2^fraction into p.weights. */
export function splitScores(p: Problem, r: i32, s: usize, n: i32): void {
  const lse = f32x4.splat(load<f32>(p.rowLse + ((<usize>r) << 2)));
  const rest = f32x4.splat(load<f32>(p.rowRest + ((<usize>r) << 2)));
  const half = f32x4.splat(0.5);
  const first = p.weights + ((s - p.strip) % STRIP);
  for (let x: usize = 0; x < (<usize>n) << 2; x += 16) {
    const y = f32x4.sub(f32x4.sub(v128.load(s + x), lse), rest);
    const whole = f32x4.nearest(y);
    v128.store(s + x, whole);
    v128.store(first + x, f32x4.mul(half, Split.fraction(y, whole)));
  }
}
