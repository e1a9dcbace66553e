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

/**
 * A bit for each element from `origin` to `end`, set where the region has it: work and memory are bounded by this stretch of memory, however
 * often a view names an element of it. An axis is copies of what lies inside of it, doubled until they are enough.
 */
function elementsOf({ offset }: Region, { length, axes }: Runs, origin: number, end: number): Int32Array {
  const bits = new Int32Array(Math.ceil((end - origin) / 32));
  const first = Math.floor((offset - origin) / 32);
  let last = offset - origin;
  bits[first] = 1 << (last % 32);
  for (const { size, stride } of [...axes, { size: length, stride: 1 }].reverse()) {
    for (let copies = 1; copies < size; ) {
      const more = Math.min(copies, size - copies);
      copies += more;
      last += more * stride;
      const [words, rest] = [Math.floor((more * stride) / 32), (more * stride) % 32];
      // From the end: what a copy is made of must not be of the copy.
      for (let to = Math.min(Math.floor(last / 32), bits.length - 1); to >= first + words; to--) {
        const from = to - words;
        bits[to]! |= (bits[from]! << rest) | ((from > 0 ? bits[from - 1]! >>> 1 : 0) >>> (31 - rest));
      }
    }
  }
  return bits;
}

/**
 * Whether two tensors share an element. Exact: bounds and interleaving settle the usual views at once, anything else
 * is decided by looking at each element from the lower offset to the end of what they have in common.
 */
export function overlaps(a: Region, b: Region): boolean {
  if (a.storage !== b.storage || count(a.shape) === 0 || count(b.shape) === 0) return false;
  const low = Math.max(a.offset, b.offset);
  const high = Math.min(a.offset + extent(a.shape, a.strides), b.offset + extent(b.shape, b.strides));
  if (low >= high) return false;
  const aRuns = runsOf(a);
  const bRuns = runsOf(b);
  if (interleaved(a, aRuns, b, bRuns)) return false;
  const origin = Math.min(a.offset, b.offset);
  const aBits = elementsOf(a, aRuns, origin, high);
  const bBits = elementsOf(b, bRuns, origin, high);
  return aBits.some((bits, word) => (bits & bBits[word]!) !== 0);
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
  let elements = 0;
  for (let word of elementsOf(region, runs, region.offset, region.offset + inner)) {
    for (; word !== 0; word &= word - 1) elements++; // takes the lowest bit off
  }
  return elements < count(region.shape);
}
