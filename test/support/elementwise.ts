/** The claims that exp and log share, on every build that this runtime runs, the debug build included. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { sameBits } from "./bits.js";
import { loadKernels, loadProbe, relaxedSupported, targets } from "./kernels.js";
import { Random } from "./random.js";
import { patterns, worst } from "./ulp.js";

export interface Elementwise {
  name: "exp" | "log";
  truth(x: number): number;
  /** dx as one float32 operation of dy and the saved array. */
  backward(dy: number, saved: number): number;
  /** Inputs whose result is exact. */
  special: readonly (readonly [x: number, y: number])[];
  /** The inputs of the worst errors that the exhaustive run found. */
  hard: readonly number[];
}

/** Around the four lanes of a vector and around several of them. */
const LENGTHS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 31, 32, 33];
const GUARD = 5;

export async function elementwise({ name, truth, backward, special, hard }: Elementwise): Promise<void> {
  for (const target of targets) {
    const { exports, f32 } = await loadKernels(target);
    const base = (exports.heapBase() + 63) & ~63;

    const apply = (inputs: ArrayLike<number>): Float32Array => {
      const n = inputs.length;
      const y = f32(base, n);
      y.set(inputs);
      exports[name](base, base, n);
      return y.slice();
    };

    test(`${target} ${name} is within 1 ulp on inputs from all bit patterns and on the worst known`, () => {
      const x = Float32Array.of(...hard, ...patterns(40001));
      const { error, x: where } = worst(apply(x), x, truth);
      assert.ok(error <= 1, `${error} ulp at ${where}`);
    });

    test(`${target} ${name} is exact where the result is a special value`, () => {
      const y = apply(special.map(([x]) => x));
      const want = special.map(([, value]) => value);
      sameBits(`${name} of ${special.map(([x]) => x)} `, y, want);
    });

    test(`${target} ${name} gives an element the same bits at any length and place, and writes nothing else`, () => {
      const x = new Random(3).normals(40, 3).map(Math.abs);
      const alone = x.map((value) => apply([value])[0]!);
      for (const n of LENGTHS) {
        for (const [from, to] of [
          [0, 0],
          [1, 1],
          [3, 50],
          [2, 64],
        ] as const) {
          const all = f32(base, 120).fill(GUARD);
          all.set(x.subarray(0, n), from);
          const want = all.slice();
          want.set(alone.subarray(0, n), to);
          exports[name](base + 4 * to, base + 4 * from, n);
          sameBits(`length ${n}, from ${from} to ${to}`, all, want);
        }
      }
    });

    test(`${target} ${name}Backward is one correctly rounded operation, in place of either input too`, () => {
      const random = new Random(4);
      for (const n of LENGTHS) {
        const dy = random.normals(n);
        const saved = random.normals(n, 3);
        const want = dy.map((value, i) => backward(value, saved[i]!));
        const pointers = [base + 4, base + 4 + 256, base + 4 + 512] as const;
        for (const dx of pointers) {
          const all = f32(base + 4, 192).fill(GUARD);
          all.set(dy, 64);
          all.set(saved, 128);
          const expected = all.slice();
          expected.set(want, (dx - base - 4) / 4);
          exports[`${name}Backward`](dx, pointers[1], pointers[2], n);
          sameBits(`length ${n}, dx at ${dx - base}`, all, expected);
        }
      }
    });
  }
}

/** One helper of the core as an array function: the number of inputs is a multiple of 4. */
export type Helper = (...inputs: Float32Array[]) => Float32Array;

/** Calls `claims` for each optimised build with the helpers of assembly/probe.ts. */
export async function core(claims: (build: string, helper: (name: string) => Helper) => void): Promise<void> {
  for (const build of relaxedSupported ? (["release", "relaxed"] as const) : (["release"] as const)) {
    const { exports, f32 } = await loadProbe(build);
    const base = (exports.heapBase!() + 63) & ~63;
    claims(build, (name) => (...inputs) => {
      const n = inputs[0]!.length;
      const pointers = inputs.map((input, i) => {
        f32(base + 4 * n * i, n).set(input);
        return base + 4 * n * i;
      });
      const y = base + 4 * n * inputs.length;
      f32(y, n);
      exports[name]!(y, ...pointers, n);
      return f32(y, n).slice();
    });
  }
}
