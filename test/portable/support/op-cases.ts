/** The fixed cases of the other operations. */
import type { LaserAttention, Tensor } from "../../../src/index.js";
import { patterns } from "../../support/ulp.js";
import { ExactRandom } from "./exact-random.js";

export interface OpCase {
  readonly name: string;
  run(la: LaserAttention): Float32Array[];
}

type Matmul = readonly [
  name: string,
  a: number[],
  b: number[],
  options?: { transposeA?: boolean; transposeB?: boolean },
];

const products: readonly Matmul[] = [
  ["1 x 1 x 1", [1, 1], [1, 1]],
  ["odd sizes", [17, 9], [9, 33]],
  ["two blocks along k", [13, 300], [300, 21]],
  ["a transposed", [3, 19, 7], [3, 19, 5], { transposeA: true }],
  ["b transposed", [3, 7, 19], [3, 5, 19], { transposeB: true }],
  ["both transposed", [31, 6], [10, 31], { transposeA: true, transposeB: true }],
  ["one b for a batch", [2, 3, 5, 12], [12, 9]],
  ["one a for a batch", [6, 12], [2, 3, 12, 9]],
  ["broadcast both ways", [2, 1, 5, 12], [3, 12, 9]],
  ["nothing along k", [4, 0], [0, 3]],
  // Work enough for three threads, forward and backward; "shared:" is what test/portable/threads.test.ts looks for.
  ["shared: by rows", [301, 131], [131, 150]],
  ["shared: by columns", [3, 70, 131], [3, 131, 299]],
  ["shared: one b for a batch", [5, 61, 131], [131, 150]],
];

const random = (la: LaserAttention, seed: number, shape: number[], deviation = 1): Tensor => {
  const count = shape.reduce((a, b) => a * b, 1);
  return la.tensor(new ExactRandom(seed).normals(count, deviation), shape);
};

function matmul([name, a, b, options]: Matmul): OpCase {
  const run = (la: LaserAttention): Float32Array[] => {
    const [x, y] = [random(la, 1, a), random(la, 2, b)];
    const c = la.matmul(x, y, options);
    const { da, db } = la.matmulBackward(random(la, 3, [...c.shape]), x, y, options);
    return [c, da, db].map((t) => t.toArray());
  };
  return { name: `matmul, ${name}`, run };
}

/** exp and log over a sample of all bit patterns, NaN and subnormals among them. */
function elementwise(op: "exp" | "log"): OpCase {
  const run = (la: LaserAttention): Float32Array[] => {
    const x = la.tensor(patterns(20_001), [20_001]);
    const y = la[op](x);
    const dout = random(la, 4, [20_001]);
    const dx = op === "exp" ? la.expBackward(dout, y) : la.logBackward(dout, x);
    return [y.toArray(), dx.toArray()];
  };
  return { name: op, run };
}

const SPECIAL = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3e38, -3e38];

/** Widths around the lanes; special values in some rows, rows of nothing else. */
function softmax(width: number): OpCase {
  const run = (la: LaserAttention): Float32Array[] => {
    const x = random(la, 5, [12, width], 4);
    SPECIAL.forEach((value, row) => {
      x.data[row * width] = value;
    });
    for (const [n, value] of SPECIAL.entries()) x.narrow(0, 6 + n, 1).set(new Float32Array(width).fill(value));
    const y = la.softmax(x);
    return [y.toArray(), la.softmaxBackward(random(la, 6, [12, width]), y).toArray()];
  };
  return { name: `softmax, width ${width}`, run };
}

/** Strided views of one base, which are read in place. */
const views: OpCase = {
  name: "views",
  run(la) {
    const base = random(la, 7, [3, 11, 16]);
    const [a, b] = [base.narrow(2, 3, 7), base.view([3, 16, 11], [176, 1, 16]).narrow(1, 0, 7)];
    return [la.matmul(a, b), la.softmax(a), la.exp(b), la.softmax(b)].map((t) => t.toArray());
  },
};

export const opCases: readonly OpCase[] = [
  ...products.map(matmul),
  elementwise("exp"),
  elementwise("log"),
  ...[1, 3, 4, 5, 8, 33].map(softmax),
  views,
];
