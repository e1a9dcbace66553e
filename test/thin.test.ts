import { test } from "uvu";
import { assertSameBits } from "./support/bits.js";
import { engines } from "./support/engines.js";
import type { Case } from "./support/oracle.js";
import { Random } from "./support/random.js";
import { run } from "./support/run.js";

const [H, Hkv] = [4, 2];

/** Keys around 4, 16 and the tile; head sizes around 4, 8 and 32. */
const sizes: readonly (readonly [M: number, D: number, E: number])[] = [
  ...[1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 47, 240, 288, 289, 307].map((M) => [M, 16, 24] as const),
  ...[1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 64].flatMap((D) => [[37, D, 8] as const, [37, 8, D] as const]),
];

/** The last `N` of three queries, which see what they see in the call of all three. */
function last(N: number, M: number, D: number, E: number, more: Partial<Case>): Case {
  const random = new Random(M + 400 * D + 100 * E);
  const q = random.normals(H * 3 * D, 2);
  const rows = Array.from({ length: H }, (_, h) => Array.from(q.subarray((3 * h + 3 - N) * D, (3 * h + 3) * D)));
  return {
    variant: "standard",
    ...{ B: 1, H, Hkv, N, M, D, E, q: Float32Array.from(rows.flat()) },
    ...{ k: random.normals(Hkv * M * D), v: random.normals(Hkv * M * E, 2), dout: new Float32Array(H * N * E) },
    ...more,
  };
}

/** The last `N` rows of each head of x [H, 3, width]. */
const lastRows = (x: ArrayLike<number>, N: number, width: number): Float32Array =>
  Float32Array.from(Array.from(x).filter((_, n) => Math.floor(n / width) % 3 >= 3 - N));

const variations: Readonly<Record<string, Partial<Case>>> = {
  "no options": {},
  causal: { causal: true },
  "a window": { window: [5, 0] },
  "softcap and ALiBi": { softcap: 3, alibi: true },
  LASER: { variant: "laser" },
  "LASER, causal": { variant: "laser", causal: true },
};

for (const [name, more] of Object.entries(variations)) {
  test(`${name}: one or two queries, taken row by row, have the bits that they have beside a third`, () => {
    for (const la of engines) {
      for (const [M, D, E] of sizes) {
        if (more.causal && M < 3) continue; // the first query would see nothing: another block
        const whole = run(la, last(3, M, D, E, more));
        for (const N of [1, 2]) {
          const got = run(la, last(N, M, D, E, more));
          const where = `${la.simd}, N ${N} M ${M} D ${D} E ${E}`;
          const expected = { out: lastRows(whole.out, N, E), lse: lastRows(whole.lse, N, 1) };
          assertSameBits(where, { out: got.out, lse: got.lse }, expected);
        }
      }
    }
  });
}

test.run();
