import { count, extent, isContiguous, type Shape } from "./shape.js";

/** The elements of a strided tensor inside its storage; offset and strides in elements. */
export interface Region {
  readonly storage: object;
  readonly offset: number;
  readonly shape: Shape;
  readonly strides: Shape;
}

interface Axis {
  size: number;
  stride: number;
}

/** A region as runs of neighbouring elements: every start is offset + a sum of index * stride over `axes`. */
interface Runs {
  length: number;
  /** Widest stride first. */
  axes: Axis[];
}

/**
 * Axes of size 1 or stride 0 vanish, axes whose elements continue each other, or fall on each other, become one; the contiguous innermost is
 * the run. What is left may name an element more than once by strides that do not divide each other.
 */
function runsOf({ shape, strides }: Region): Runs {
  const axes: Axis[] = [];
  const sorted = shape.map((size, axis) => ({ size, stride: strides[axis]! })).sort((a, b) => a.stride - b.stride);
  for (const axis of sorted) {
    if (axis.size === 1 || axis.stride === 0) continue;
    const inner = axes[0];
    const step = axis.stride / (inner?.stride ?? 0);
    if (inner !== undefined && Number.isInteger(step) && step <= inner.size) inner.size += step * (axis.size - 1);
    else axes.unshift(axis);
  }
  const run = axes.at(-1)?.stride === 1 ? axes.pop() : undefined;
  return { length: run?.size ?? 1, axes };
}

export const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/**
 * Interleaved views: when every stride is a multiple of a period, a region occupies the same interval of each period.
 * Two such intervals that are disjoint modulo the period prove the regions disjoint.
 */
function interleaved(a: Region, aRuns: Runs, b: Region, bRuns: Runs): boolean {
  const period = [...aRuns.axes, ...bRuns.axes].reduce((divisor, { stride }) => gcd(divisor, stride), 0);
  if (period === 0) return false;
  const distance = (((b.offset - a.offset) % period) + period) % period;
  return distance >= aRuns.length && distance + bRuns.length <= period;
}

/** The starts of all runs that touch `low <= element < high`, ascending. */
function startsOf(region: Region, { length, axes }: Runs, low: number, high: number): Float64Array {
  const starts: number[] = [];
  const visit = (depth: number, start: number, reach: number): void => {
    if (start >= high || start + reach <= low) return;
    const axis = axes[depth];
    if (axis === undefined) {
      starts.push(start);
      return;
    }
    const inner = reach - (axis.size - 1) * axis.stride;
    for (let index = 0; index < axis.size; index++) visit(depth + 1, start + index * axis.stride, inner);
  };
  const reach = axes.reduce((sum, { size, stride }) => sum + (size - 1) * stride, length);
  visit(0, region.offset, reach);
  return Float64Array.from(starts).sort();
}

/**
 * Whether two tensors share an element. Exact: bounds and interleaving settle the usual views at once, anything else
 * is decided by walking through the runs of both in the stretch of memory that they have in common.
 */
export function overlaps(a: Region, b: Region): boolean {
  if (a.storage !== b.storage || count(a.shape) === 0 || count(b.shape) === 0) return false;
  const low = Math.max(a.offset, b.offset);
  const high = Math.min(a.offset + extent(a.shape, a.strides), b.offset + extent(b.shape, b.strides));
  if (low >= high) return false;
  const aRuns = runsOf(a);
  const bRuns = runsOf(b);
  if (interleaved(a, aRuns, b, bRuns)) return false;
  const aStarts = startsOf(a, aRuns, low, high);
  const bStarts = startsOf(b, bRuns, low, high);
  for (let i = 0, j = 0; i < aStarts.length && j < bStarts.length; ) {
    if (aStarts[i]! + aRuns.length <= bStarts[j]!) i++;
    else if (bStarts[j]! + bRuns.length <= aStarts[i]!) j++;
    else return true;
  }
  return false;
}

/** Whether two indices of one tensor name the same element, as with a stride of 0. Exact as well. */
export function repeats(region: Region): boolean {
  if (isContiguous(region.shape, region.strides)) return false;
  const runs = runsOf(region);
  const places = runs.axes.reduce((product, { size }) => product * size, runs.length);
  if (count(region.shape) > Math.min(places, extent(region.shape, region.strides))) return true;
  let inner = runs.length;
  let nested = true;
  for (const { size, stride } of [...runs.axes].reverse()) {
    nested &&= stride >= inner;
    inner += (size - 1) * stride;
  }
  if (nested) return false;
  const starts = startsOf(region, runs, region.offset, region.offset + inner);
  return starts.some((start, index) => index > 0 && start < starts[index - 1]! + runs.length);
}
