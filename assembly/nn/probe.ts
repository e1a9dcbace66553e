/** Array loops over helpers of the nn kernels, for the tests; no part of the shipped kernels. */
import { Exp } from "../exp";
import { Normal } from "./erf";
import { exp64, log64 } from "./float64";

/** The first free byte of memory. */
export function heapBase(): usize {
  return __heap_base;
}

/** Phi of n floats, a multiple of 4. */
export function normal(y: usize, x: usize, n: i32): void {
  for (const end = y + ((<usize>n) << 2); y < end; y += 16, x += 16) {
    v128.store(y, Normal.fromDecay(v128.load(x), Exp.core(Normal.exponent(v128.load(x)))));
  }
}

/** exp of n float64. */
export function exp(y: usize, x: usize, n: i32): void {
  for (const end = y + ((<usize>n) << 3); y < end; y += 8, x += 8) store<f64>(y, exp64(load<f64>(x)));
}

/** log of n float64. */
export function log(y: usize, x: usize, n: i32): void {
  for (const end = y + ((<usize>n) << 3); y < end; y += 8, x += 8) store<f64>(y, log64(load<f64>(x)));
}
