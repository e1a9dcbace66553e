/** Array loops over the inlined helpers of the core, for the tests and the benchmark; no part of the shipped kernels. */
import { Exp, LN2_HI, LN2_LO, ONE, TWO } from "./exp";
import { A3, A5, A7, Log, SQRT_HALF } from "./log";
import { capRow } from "./score";
import { Simd } from "./simd";

/** The first free byte of memory. */
export function heapBase(): usize {
  return __heap_base;
}

// n is a multiple of 4.

export function expCore(y: usize, x: usize, n: i32): void {
  for (const end = y + ((<usize>n) << 2); y < end; y += 16, x += 16) v128.store(y, Exp.core(v128.load(x)));
}

export function expBelow(y: usize, x: usize, n: i32): void {
  for (const end = y + ((<usize>n) << 2); y < end; y += 16, x += 16) v128.store(y, Exp.below(v128.load(x)));
}

export function exp2Core(y: usize, x: usize, n: i32): void {
  for (const end = y + ((<usize>n) << 2); y < end; y += 16, x += 16) v128.store(y, Exp.base2(v128.load(x)));
}

export function logCore(y: usize, x: usize, n: i32): void {
  for (const end = y + ((<usize>n) << 2); y < end; y += 16, x += 16) v128.store(y, Log.core(v128.load(x)));
}

export function logShare(y: usize, x: usize, c: usize, n: i32): void {
  const root = v128.load32_splat(SQRT_HALF);
  const one = v128.load32_splat(ONE);
  const two = v128.load32_splat(TWO);
  const hi = v128.load32_splat(LN2_HI);
  const lo = v128.load32_splat(LN2_LO);
  const a3 = v128.load32_splat(A3);
  const a5 = v128.load32_splat(A5);
  const a7 = v128.load32_splat(A7);
  for (const end = y + ((<usize>n) << 2); y < end; y += 16, x += 16, c += 16) {
    v128.store(y, Log.share(v128.load(x), v128.load(c), root, one, two, hi, lo, a3, a5, a7));
  }
}

// Both by what softcap does, with a cap of 1, four numbers at a time: of others beside them nothing may depend.

export function tanhCore(y: usize, x: usize, n: i32): void {
  for (const end = y + ((<usize>n) << 2); y < end; y += 16, x += 16) {
    v128.store(y, v128.load(x));
    capRow(y, y + 16, 0, 1);
  }
}

export function tanhSlope(y: usize, x: usize, n: i32): void {
  const tanh = memory.data(16, 4);
  for (const end = y + ((<usize>n) << 2); y < end; y += 16, x += 16) {
    v128.store(tanh, v128.load(x));
    capRow(tanh, tanh + 16, y, 1);
  }
}

/**
 * The most that multiply-adds reach: 13 chains in registers, no load, no store. With their one factor and a product they fill
 * the 15 registers that Node 20 has to give, where 12 chains wait for each other (48 GFLOP/s, 13 reach 52; the fused
 * loop 58 with either). A step is 104 flops. x: 0.5, say, where the chains end up at 1. Returns a value that depends on all.
 */
export function peak(steps: i32, x: f32): f32 {
  const a = f32x4.splat(x);
  let c0 = a;
  let c1 = a;
  let c2 = a;
  let c3 = a;
  let c4 = a;
  let c5 = a;
  let c6 = a;
  let c7 = a;
  let c8 = a;
  let c9 = a;
  let c10 = a;
  let c11 = a;
  let c12 = a;
  for (let n = 0; n < steps; ++n) {
    c0 = Simd.madd(c0, a, a);
    c1 = Simd.madd(c1, a, a);
    c2 = Simd.madd(c2, a, a);
    c3 = Simd.madd(c3, a, a);
    c4 = Simd.madd(c4, a, a);
    c5 = Simd.madd(c5, a, a);
    c6 = Simd.madd(c6, a, a);
    c7 = Simd.madd(c7, a, a);
    c8 = Simd.madd(c8, a, a);
    c9 = Simd.madd(c9, a, a);
    c10 = Simd.madd(c10, a, a);
    c11 = Simd.madd(c11, a, a);
    c12 = Simd.madd(c12, a, a);
  }
  const low = f32x4.add(f32x4.add(c0, c1), f32x4.add(c2, c3));
  const middle = f32x4.add(f32x4.add(c4, c5), f32x4.add(c6, c7));
  const high = f32x4.add(f32x4.add(c8, c9), f32x4.add(c10, c11));
  return Simd.hsum(f32x4.add(f32x4.add(low, middle), f32x4.add(high, c12)));
}
