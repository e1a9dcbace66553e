import { beginOf } from "../matmul.js";
import type { ArgumentsOf, Job, Jobs } from "../protocol.js";
import type { Tensor } from "../tensor.js";
import type { NnEngine } from "./engine.js";

/** Floating-point operations of a product that take as long as a pass over one element: 0.3 to 0.5 ns, one thread, 100,000 elements. */
const PASS = 20;

/**
 * Runs a kernel on `count` rows or columns, shared between threads in multiples of `unit` where `work` is worth it: elements, times
 * the passes that one is worth (`PASSES` of an operation; a pass reads, adds and writes). `argumentsOf` gives a thread's arguments, for
 * `size` of the rows or columns from `first` on. No kernel's sums depend on such a division.
 */
export function split<K extends Job>(
  { kernels, pool }: NnEngine,
  kernel: K,
  count: number,
  unit: number,
  work: number,
  argumentsOf: (first: number, size: number, member: number) => ArgumentsOf<K>,
): void {
  if (count === 0) return;
  const members = pool ? Math.min(pool.members(PASS * work), Math.ceil(count / unit)) : 1; // no share is empty
  if (pool === undefined || members === 1) {
    const jobs: Jobs = kernels;
    jobs[kernel](...argumentsOf(0, count, 0));
    return;
  }
  pool.run(kernel, members, (member) => {
    const first = beginOf(count, unit, member, members);
    return argumentsOf(first, beginOf(count, unit, member + 1, members) - first, member);
  });
}

/** The same for a kernel that needs scratch: `bytes` of it for each thread, at the third argument of `argumentsOf`. */
export function splitWithScratch<K extends Job>(
  engine: NnEngine,
  kernel: K,
  count: number,
  unit: number,
  work: number,
  bytes: number,
  argumentsOf: (first: number, size: number, scratch: number) => ArgumentsOf<K>,
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
