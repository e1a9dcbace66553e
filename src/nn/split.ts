import type { Job } from "../protocol.js";
import type { NnEngine, NnKernels } from "./engine.js";

/**
 * Runs a kernel on `count` rows or columns, shared between threads in multiples of `unit` where `work` (operations, roughly) is
 * worth it: `argumentsOf` gives the arguments for `size` of them from `first` on. No kernel's sums depend on such a division.
 */
export function split(
  { kernels, pool }: NnEngine,
  kernel: keyof NnKernels & Job,
  count: number,
  unit: number,
  work: number,
  argumentsOf: (first: number, size: number) => readonly number[],
): void {
  if (count === 0) return;
  const members = pool?.members(work) ?? 1;
  if (pool === undefined || members === 1) {
    (kernels[kernel] as (...args: readonly number[]) => void)(...argumentsOf(0, count));
    return;
  }
  const begin = (member: number): number =>
    Math.min(count, unit * Math.floor((Math.ceil(count / unit) * member) / members));
  pool.run(kernel, members, (member) => argumentsOf(begin(member), begin(member + 1) - begin(member)));
}
