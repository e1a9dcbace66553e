/** The nn kernels on arrays of JavaScript, in every build that this runtime runs. */
import * as assert from "uvu/assert";
import type { NnKernels } from "../../src/generated/nn-kernel-types.js";
import type { Memory } from "../../src/wasm.js";
import { loadNn, type Target, targets } from "./kernels.js";

export type Numbers = ArrayLike<number>;

/**
 * Bytes behind every array that hold NaN: whoever counts them in shows it, whoever writes there is found. It is a signalling NaN, which no
 * arithmetic gives: a quiet one would come back as the result of a sum over the guards.
 */
const GUARD_BYTES = 64;
const GUARD = 0x7fa0beef;
const BYTES = 1 << 24;

interface Block<A> {
  readonly ptr: number;
  /** A view of what is there now. */
  readonly now: A;
}

/** One build, and a memory that arrays are put into one behind the other. */
export class Nn {
  readonly #memory: Memory;
  readonly #base: number;
  #top: number;
  #guards: number[] = [];

  constructor(
    readonly target: Target,
    readonly kernels: NnKernels,
    memory: Memory,
  ) {
    this.#memory = memory;
    this.#base = (kernels.heapBase() + 63) & ~63;
    this.#top = this.#base;
    memory.grow((BYTES - memory.buffer.byteLength) / 65536);
  }

  /** Forgets all arrays. */
  reset(): this {
    this.#top = this.#base;
    this.#guards = [];
    return this;
  }

  /** n floats of NaN, or a copy of data. */
  f32(data: number | Numbers): Block<Float32Array> {
    return this.#put(data, 4, (ptr, n) => new Float32Array(this.#memory.buffer, ptr, n));
  }

  f64(data: number | Numbers): Block<Float64Array> {
    return this.#put(data, 8, (ptr, n) => new Float64Array(this.#memory.buffer, ptr, n));
  }

  i32(data: Numbers): Block<Int32Array> {
    return this.#put(data, 4, (ptr, n) => new Int32Array(this.#memory.buffer, ptr, n));
  }

  u8(data: Numbers): Block<Uint8Array> {
    return this.#put(data, 1, (ptr, n) => new Uint8Array(this.#memory.buffer, ptr, n));
  }

  /** Nothing was written between the arrays. */
  intact(label: string): void {
    for (const at of this.#guards) {
      const words = new Uint32Array(this.#memory.buffer, at, GUARD_BYTES / 4);
      assert.ok(
        words.every((word) => word === GUARD),
        `${this.target} ${label}: written beyond the end of an array`,
      );
    }
  }

  #put<A extends { fill(x: number): unknown; set(x: Numbers): void }>(
    data: number | Numbers,
    size: number,
    view: (ptr: number, n: number) => A,
  ): Block<A> {
    const ptr = this.#top;
    const n = typeof data === "number" ? data : data.length;
    const end = (ptr + n * size + 7) & ~7;
    assert.ok(end + GUARD_BYTES <= BYTES, "the test's memory is full");
    new Uint8Array(this.#memory.buffer, ptr, end - ptr).fill(0xff); // NaN, as float32 and as float64
    if (typeof data !== "number") view(ptr, n).set(data);
    new Uint32Array(this.#memory.buffer, end, GUARD_BYTES / 4).fill(GUARD);
    this.#guards.push(end);
    this.#top = end + GUARD_BYTES;
    return {
      ptr,
      get now() {
        return view(ptr, n);
      },
    };
  }
}

/** Every build. */
export const builds: readonly Nn[] = await Promise.all(
  targets.map(async (target) => {
    const { exports, memory } = await loadNn(target);
    return new Nn(target, exports, memory);
  }),
);

/** 2^-24, by which one float32 operation may be off, relatively. */
export const U = 2 ** -24;

/** Every |got - want| is at most bound(n). NaN and infinities must be met exactly. */
export function close(label: string, got: Numbers, want: Numbers, bound: (n: number) => number): void {
  assert.is(got.length, want.length, `${label}: length`);
  for (let n = 0; n < want.length; n++) {
    const [mine, theirs] = [got[n]!, want[n]!];
    const same = Object.is(mine, theirs) || (mine === 0 && theirs === 0);
    const near = Number.isFinite(theirs) && Math.abs(mine - theirs) <= bound(n);
    assert.ok(same || near, `${label}[${n}]: expected ${theirs} within ${bound(n)}, got ${mine}`);
  }
}

const H = 2 ** -17;

/**
 * The gradient of f at x by central differences: off by h^2 / 6 times the third derivative, and 2^-52 |f| / h, about 1e-10 of
 * what f is made of.
 */
export function differences(f: (x: Float64Array) => number, x: Numbers): Float64Array {
  const moved = Float64Array.from(x);
  return moved.map((value, n) => {
    moved[n] = value + H;
    const above = f(moved);
    moved[n] = value - H;
    const below = f(moved);
    moved[n] = value;
    return (above - below) / (2 * H);
  });
}

export const dot = (a: Numbers, b: Numbers): number => {
  let sum = 0;
  for (let n = 0; n < a.length; n++) sum += a[n]! * b[n]!;
  return sum;
};

/** Sizes around the vectors, and a prime. */
export const SIZES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 31];
