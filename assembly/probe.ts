/** Array loops over the inlined helpers of the core, for the tests; no part of the shipped kernels. */
import { Exp } from "./exp";
import { Log } from "./log";
import { Tanh } from "./tanh";

/** The first free byte of memory. */
export function heapBase(): usize {
  return __heap_base;
}

// n is a multiple of 4.

export function expCore(y: usize, x: usize, n: i32): void {
  for (const end = y + ((<usize>n) << 2); y < end; y += 16, x += 16) v128.store(y, Exp.core(v128.load(x)));
}

export function exp2Core(y: usize, x: usize, n: i32): void {
  for (const end = y + ((<usize>n) << 2); y < end; y += 16, x += 16) v128.store(y, Exp.base2(v128.load(x)));
}

export function logCore(y: usize, x: usize, n: i32): void {
  for (const end = y + ((<usize>n) << 2); y < end; y += 16, x += 16) v128.store(y, Log.core(v128.load(x)));
}

export function logAdd(y: usize, x: usize, c: usize, n: i32): void {
  for (const end = y + ((<usize>n) << 2); y < end; y += 16, x += 16, c += 16) {
    v128.store(y, Log.add(v128.load(x), v128.load(c)));
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
