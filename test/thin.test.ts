import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertSameBits } from "./support/bits.js";
import { gradients } from "./support/bounds.js";
import { engines } from "./support/engines.js";
import type { Case } from "./support/oracle.js";
import { Random } from "./support/random.js";
import { type Placement, run } from "./support/run.js";

const [H, Hkv] = [4, 2];

/** Keys around 4, 16 and the tile; head sizes around 4, 8 and 32. */
const sizes: readonly (readonly [M: number, D: number, E: number])[] = [
  ...[1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 47, 240, 288, 289, 307].map((M) => [M, 16, 24] as const),
  ...[1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 64].flatMap((D) => [[37, D, 8] as const, [37, 8, D] as const]),
];

/** The last `N` of four queries, which see what they see in the call of all four. */
function last(N: number, M: number, D: number, E: number, more: Partial<Case>): Case {
  const random = new Random(M + 400 * D + 100 * E);
  const q = random.normals(H * 4 * D, 2);
  const rows = Array.from({ length: H }, (_, h) => Array.from(q.subarray((4 * h + 4 - N) * D, (4 * h + 4) * D)));
  return {
    variant: "standard",
    ...{ B: 1, H, Hkv, N, M, D, E, q: Float32Array.from(rows.flat()) },
    ...{ k: random.normals(Hkv * M * D), v: random.normals(Hkv * M * E, 2), dout: new Float32Array(H * N * E) },
    ...more,
  };
}

/** The last `N` rows of each head of x [H, 4, width]. */
const lastRows = (x: ArrayLike<number>, N: number, width: number): Float32Array =>
  Float32Array.from(Array.from(x).filter((_, n) => Math.floor(n / width) % 4 >= 4 - N));

const variations: Readonly<Record<string, Partial<Case>>> = {
  "no options": {},
  causal: { causal: true },
  "a window": { window: [5, 0] },
  "softcap and ALiBi": { softcap: 3, alibi: true },
  LASER: { variant: "laser" },
  "LASER, causal": { variant: "laser", causal: true },
};

for (const [name, more] of Object.entries(variations)) {
  test(`${name}: one to three queries, taken row by row, have the bits that they have beside a fourth`, () => {
    for (const la of engines) {
      for (const [M, D, E] of sizes) {
        if (more.causal && M < 4) continue; // the first query would see nothing: another block
        const whole = run(la, last(4, M, D, E, more), { skip: gradients });
        for (const N of [1, 2, 3]) {
          const got = run(la, last(N, M, D, E, more), { skip: gradients });
          const expected = { out: lastRows(whole.out, N, E), lse: lastRows(whole.lse, N, 1) };
          assertSameBits(`${la.simd}, N ${N} M ${M} D ${D} E ${E}`, got, expected);
        }
      }
    }
  });
}

/** Options in which heads differ, see all keys one way or another, or not all; of M keys. */
const headOptions = (B: number, H: number, M: number, random: Random): readonly Partial<Case>[] => [
  {},
  { variant: "laser" },
  { variant: "laser", causal: true, softcap: 3 },
  { causal: true, align: "top-left" },
  { window: [M - 1, 0], variant: "laser" },
  { window: [M - 2, 0] },
  { align: "top-left", window: [0, M - 1] },
  { align: "top-left", window: [0, M - 2] },
  {
    variant: "laser",
    mask: { data: Uint8Array.from({ length: B * H * M }, () => random.int(3)), shape: [B, H, 1, M] },
    bias: { data: random.normals(H * M), shape: [1, H, 1, M] },
  },
  { mask: { data: Uint8Array.from({ length: M }, () => random.int(2)), shape: [1, 1, 1, M] } },
  { variant: "laser", scale: 40 }, // sharp: some elements are recomputed
];

/** Queries and keys side by side, each apart, and keys apart by all heads of a batch entry. */
const placements: readonly Placement[] = [{}, { storage: "padded", into: true }, { layout: "BNHD", storage: "padded" }];

// Slopes of 0 take nothing from any score, but heads with slopes are taken one by one.
test("heads of one query that share a key head have the bits that they have one by one, and row 0 is what is recomputed", () => {
  const random = new Random(77);
  let recomputed = 0;
  for (const la of engines) {
    for (const [group, M, D, E] of [
      [2, 37, 16, 24],
      [3, 289, 8, 12],
      [5, 17, 33, 8],
      [8, 50, 64, 64],
    ] as const) {
      const [B, Hkv] = [2, 2];
      const H = Hkv * group;
      for (const more of headOptions(B, H, M, random)) {
        const c: Case = {
          variant: "standard",
          ...{ B, H, Hkv, N: 1, M, D, E, q: random.normals(B * H * D, 2), k: random.normals(B * Hkv * M * D) },
          ...{ v: random.normals(B * Hkv * M * E, 30), dout: random.normals(B * H * E) },
          ...more,
        };
        for (const placement of placements) {
          const [got, expected] = [c, { ...c, alibi: new Float32Array(H) }].map((one) =>
            run(la, one, { ...placement, skip: gradients }),
          );
          const where = `${la.simd}, group ${group}, M ${M}, ${JSON.stringify(placement)}, ${Object.keys(more)}`;
          assertSameBits(where, got!, expected!);
        }
        const tensor = (x: Case["q"], heads: number, rows: number, width: number) =>
          la.tensor(Float32Array.from(x), [B, heads, rows, width]);
        const { variant, scale } = c;
        la.scope(() => {
          la.attention(tensor(c.q, H, 1, D), tensor(c.k, Hkv, M, D), tensor(c.v, Hkv, M, E), { variant, scale });
        });
        const { elements, firstRow, lastRow } = la.recomputed;
        recomputed += elements;
        assert.equal([firstRow, lastRow], elements > 0 ? [0, 0] : [-1, -1]);
      }
    }
  }
  assert.ok(recomputed > 0);
});

test.run();
