/** Array loops over the inlined helpers of the core, for the tests; no part of the shipped kernels. */
import { Exp } from "./exp";
import { Log } from "./log";
import { Simd } from "./simd";
import { Tanh } from "./tanh";

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
  for (const end = y + ((<usize>n) << 2); y < end; y += 16, x += 16, c += 16) {
    v128.store(y, Log.share(v128.load(x), v128.load(c)));
  }
}

export function tanhCore(y: usize, x: usize, n: i32): void {
  for (const end = y + ((<usize>n) << 2); y < end; y += 16, x += 16) {
    v128.store(y, Tanh.fromDecay(v128.load(x), Tanh.decay(v128.load(x))));
  }
}

export function tanhSlope(y: usize, x: usize, n: i32): void {
  for (const end = y + ((<usize>n) << 2); y < end; y += 16, x += 16) {
    v128.store(y, Tanh.slopeFromDecay(Tanh.decay(v128.load(x))));
  }
}

/**
 * The most that multiply-adds reach: 12 independent chains in registers, no load, no store. A step is 96 flops.
 * factor and term: any numbers with a steady state far from 0, say 0.5 and 1. Returns a value that depends on all of it.
 */
export function peak(steps: i32, factor: f32, term: f32): f32 {
  const a = f32x4.splat(factor);
  const b = f32x4.splat(term);
  let c0 = b,
    c1 = b,
    c2 = b;
  let c3 = b,
    c4 = b,
    c5 = b;
  let c6 = b,
    c7 = b,
    c8 = b;
  let c9 = b,
    c10 = b,
    c11 = b;
  for (let n = 0; n < steps; ++n) {
    c0 = Simd.madd(c0, a, b);
    c1 = Simd.madd(c1, a, b);
    c2 = Simd.madd(c2, a, b);
    c3 = Simd.madd(c3, a, b);
    c4 = Simd.madd(c4, a, b);
    c5 = Simd.madd(c5, a, b);
    c6 = Simd.madd(c6, a, b);
    c7 = Simd.madd(c7, a, b);
    c8 = Simd.madd(c8, a, b);
    c9 = Simd.madd(c9, a, b);
    c10 = Simd.madd(c10, a, b);
    c11 = Simd.madd(c11, a, b);
  }
  const low = f32x4.add(f32x4.add(c0, c1), f32x4.add(c2, c3));
  const middle = f32x4.add(f32x4.add(c4, c5), f32x4.add(c6, c7));
  const high = f32x4.add(f32x4.add(c8, c9), f32x4.add(c10, c11));
  return Simd.hsum(f32x4.add(f32x4.add(low, middle), high));
}
