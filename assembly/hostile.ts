/**
 * The path of key tiles and query blocks that hold NaN or infinity: hidden entries must be exactly nothing there,
 * never 0 * NaN. It walks the pairs one by one and skips what is hidden.
 */
import { finite } from "./keys";
import { LEAST } from "./laser";
import { Problem, Row } from "./problem";
import { sees, sightless } from "./score";
import { NR, PANEL, STRIP } from "./tile";

/** to += s * x * factor over the columns of one row of column panels; factor 0: none. */
function addRow(to: usize, s: f32, x: usize, panel: usize, columns: i32, factor: usize): void {
  for (let c = 0; c < columns; c += NR) {
    for (let half: usize = 0; half < PANEL; half += 16) {
      let y = f32x4.mul(f32x4.splat(s), v128.load(x + half));
      if (factor) y = f32x4.mul(y, v128.load(factor + ((<usize>c) << 2) + half));
      const at = to + ((<usize>c) << 2) + half;
      v128.store(at, f32x4.add(v128.load(at), y));
    }
    x += panel;
  }
}

/** Forward: sum_r += P_rj E_j for rows [r0, r0 + rows) of the block and the keys [lo, hi) that they see. */
export function addSeenValues(p: Problem, r0: i32, rows: i32, j0: i32, lo: i32, hi: i32): void {
  for (let r = 0; r < rows; ++r) {
    const to = Row.at(p.sum, p.Ep, r0 + r);
    for (let j = lo; j < hi; ++j) {
      if (!sees(p, p.i0 + r0 + r, j)) continue;
      let weight = load<f32>(p.strip + <usize>r * STRIP + ((<usize>(j - j0)) << 2));
      if (weight == 0 && !finite(Row.at(p.vHead, p.vM, j), p.E)) weight = LEAST;
      addRow(to, weight, p.eAt + <usize>j * p.eStep, p.ePanel, p.Ep, p.factor);
    }
  }
}

/**
 * Backward: P = dS = 0 in row r of the block wherever the keys [lo, hi) are hidden, and dS = 0 where P is 0 and nothing of the
 * pair is infinite: only dP may have overflowed there.
 */
export function clearHidden(p: Problem, r: i32, j0: i32, lo: i32, hi: i32): void {
  const i = p.i0 + r;
  const calm = finite(Row.at(p.g, p.Ep, r), p.E) && finite(Row.at(p.outHead, p.outN, i), p.E);
  for (let j = lo; j < hi; ++j) {
    const at = <usize>r * STRIP + ((<usize>(j - j0)) << 2);
    if (sightless(p, r) || !sees(p, i, j)) {
      store<f32>(p.strip + at, 0);
      store<f32>(p.stripDs + at, 0);
    } else if (calm && load<f32>(p.strip + at) == 0 && finite(Row.at(p.vHead, p.vM, j), p.E)) {
      store<f32>(p.stripDs + at, 0);
    }
  }
}

/** Backward: sum += dS K over the keys of the tile that this member's rows of the block see. */
export function addSeenQueryGradient(p: Problem, j0: i32): void {
  for (let r = p.firstRow; r < p.endRow; ++r) {
    if (sightless(p, r)) continue;
    const dq = Row.at(p.sum, p.Dp, r);
    for (let j = p.lo; j < p.hi; ++j) {
      if (!sees(p, p.i0 + r, j)) continue;
      const ds = load<f32>(p.stripDs + <usize>r * STRIP + ((<usize>(j - j0)) << 2));
      addRow(dq, ds, p.kAt + <usize>j * p.kStep, p.kPanel, p.Dp, 0);
    }
  }
}

/** Backward: dV += P^T G f_t, dK += dS^T Q over this member's keys of the tile and the rows of the block that see them. */
export function addSeenKeyGradients(p: Problem, j0: i32): void {
  for (let r = 0; r < p.rows; ++r) {
    if (sightless(p, r)) continue;
    for (let j = p.firstKey; j < p.endKey; ++j) {
      if (!sees(p, p.i0 + r, j)) continue;
      const at = <usize>r * STRIP + ((<usize>(j - j0)) << 2);
      const dv = Row.at(p.dvSum, p.Ep, j);
      const dk = Row.at(p.dkSum, p.Dp, j);
      addRow(dv, load<f32>(p.strip + at), Row.at(p.g, p.Ep, r), PANEL, p.Ep, p.factor);
      addRow(dk, load<f32>(p.stripDs + at), p.qAt + <usize>r * p.qStep, p.qPanel, p.Dp, 0);
    }
  }
}
