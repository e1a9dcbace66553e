import { beginOf } from "../matmul.js";
import type { Job } from "../protocol.js";
import type { Tensor } from "../tensor.js";
import type { NnEngine } from "./engine.js";

/** Operations of a product in the 0.3 to 0.5 ns that a pass takes for an element (measured on one thread, some 100,000 elements). */
const PASS = 20;

/**
 * Runs a kernel on `count` rows or columns, shared between threads in multiples of `unit` where `work` is worth it: elements, times
 * what one takes longer than in a pass that only reads, adds and writes. `argumentsOf` gives a thread's arguments, for `size` of the rows
 * or columns from `first` on. No kernel's sums depend on such a division.
 */
export function split(
  { kernels, pool }: NnEngine,
  kernel: keyof NnEngine["kernels"] & Job,
  count: number,
  unit: number,
  work: number,
  argumentsOf: (first: number, size: number, member: number) => readonly number[],
): void {
  if (count === 0) return;
  const members = pool ? Math.min(pool.members(PASS * work), Math.ceil(count / unit)) : 1; // no share is empty
  if (pool === undefined || members === 1) {
    (kernels[kernel] as (...args: readonly number[]) => void)(...argumentsOf(0, count, 0));
    return;
  }
  pool.run(kernel, members, (member) => {
    const first = beginOf(count, unit, member, members);
    return argumentsOf(first, beginOf(count, unit, member + 1, members) - first, member);
  });
}

/** The same for a kernel that needs scratch: `bytes` of it for each thread, at the third argument of `argumentsOf`. */
export function splitWithScratch(
  engine: NnEngine,
  kernel: keyof NnEngine["kernels"] & Job,
  count: number,
  unit: number,
  work: number,
  bytes: number,
  argumentsOf: (first: number, size: number, scratch: number) => readonly number[],
): void {
  engine.space.arena.borrow((engine.pool?.size ?? 1) * bytes, (scratch) => {
    split(engine, kernel, count, unit, work, (first, size, member) =>
      argumentsOf(first, size, scratch + bytes * member),
    );
  });
}

/** to[j] (+)= sum of x[i, j] over the rows i. */
export function columnSum(engine: NnEngine, to: number, x: Tensor, rows: number, width: number, add: boolean): void {
  split(engine, "columnSum", width, 16, rows * width, (first, size) => {
    return [to, x.ptr, rows, width, first, first + size, add ? 1 : 0];
  });
}
