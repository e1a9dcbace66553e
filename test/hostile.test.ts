import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertSameBits } from "./support/bits.js";
import { assertWithin, compare, type Name, type Results, resultNames } from "./support/bounds.js";
import { engines } from "./support/engines.js";
import { type Case, type Numbers, oracle, sees } from "./support/oracle.js";
import { Random } from "./support/random.js";
import { run } from "./support/run.js";

const variants = ["standard", "laser"] as const;
type Input = "q" | "k" | "v" | "dout" | "bias";
const [B, H, Hkv, N, M, D, E] = [1, 4, 2, 49, 300, 5, 3];

/** Every head with a mask of its own; row 5 sees nothing, key 7 and key 193 are seen by nobody. */
function base(variant: Case["variant"]): Case {
  const r = new Random(41);
  const mask = Uint8Array.from({ length: H * N * M }, (_, n) => {
    const [i, j] = [Math.floor(n / M) % N, n % M];
    return i === 5 || j === 7 || j === 193 ? 0 : Number(r.chance(0.2));
  });
  return {
    variant,
    ...{ B, H, Hkv, N, M, D, E },
    q: r.normals(B * H * N * D),
    k: r.normals(B * Hkv * M * D),
    v: r.normals(B * Hkv * M * E),
    dout: r.normals(B * H * N * E),
    mask: { data: mask, shape: [1, H, N, M] },
    bias: { data: r.normals(N * M), shape: [1, 1, N, M] },
  };
}

function put(c: Case, input: Input, places: readonly number[], value: number): Case {
  const data = Float32Array.from(input === "bias" ? c.bias!.data : c[input]);
  for (const place of places) data[place] = value;
  return input === "bias" ? { ...c, bias: { ...c.bias!, data } } : { ...c, [input]: data };
}

/** Key 0, both sides of the border of the two tiles, 192 and 108 keys, and of half of one; rows at the borders of blocks of 48. */
const places: Record<Input, number[]> = {
  k: [0, 191, 192].map((j) => (M + j) * D + (j % D)),
  v: [95, 191, 192].map((j) => (M + j) * E + (j % E)),
  q: [0, 48].map((i) => (2 * N + i) * D + (i % D)),
  dout: [47, 48].map((i) => (2 * N + i) * E + (i % E)),
  bias: [0, 48 * M + 192],
};

const at = (results: Results, name: Name, n: number): number => (results[name] as Numbers)[n]!;

/**
 * docs/math.md, "Masked means masked". What sees the entry is what the oracle turns into NaN when the entry is NaN. All else
 * is as with the entry 0. What sees it is finite and right where the oracle is finite, and NaN for a NaN. Two exceptions,
 * both for infinite scores: the oracle's NaN may be 0 * inf, a score of -inf times its key, where a finite gradient is as
 * good; and the softmax of a row with a score of +inf, [0, NaN, 0] in the oracle, may be NaN throughout, which dv shows.
 */
function check(c: Case, input: Input, place: number, values: readonly number[]): void {
  const [clean, reach] = [oracle(put(c, input, [place], 0)), oracle(put(c, input, [place], Number.NaN))];
  const touched = (name: Name, n: number): boolean => Number.isNaN(at(reach, name, n));
  for (const value of values) {
    const dirtyCase = put(c, input, [place], value);
    // A seen 1e38 may overflow in float32 where float64 does not; it is checked only where it is not seen.
    const dirty = Number.isNaN(value) ? reach : Math.abs(value) === 1e38 ? undefined : oracle(dirtyCase);
    for (const la of engines) {
      const label = `${la.simd} ${c.variant}: ${value} in ${input}[${place}]`;
      const got = run(la, dirtyCase);
      const where = (name: Name, n: number): boolean => !touched(name, n);
      assertWithin(`${label}, elsewhere`, compare(c, got, clean, clean.extent, { where, cancelling: true }));
      if (!dirty) continue;
      const finite = (name: Name, n: number): boolean =>
        touched(name, n) &&
        Number.isFinite(at(dirty, name, n)) &&
        !(name === "dv" && input !== "v" && input !== "dout");
      const seen = compare(c, got, dirty, dirty.extent, { where: finite, cancelling: true });
      assertWithin(`${label}, where it is seen`, seen);
      if (!Number.isNaN(value)) continue;
      for (const name of resultNames) {
        const lost = Array.from(got[name]!).findIndex((x, n) => touched(name, n) && !Number.isNaN(x));
        if (lost >= 0)
          assert.unreachable(`${label}: ${name}[${lost}] sees it and must be NaN, got ${at(got, name, lost)}`);
      }
    }
  }
}

for (const variant of variants) {
  for (const input of Object.keys(places) as Input[]) {
    // -inf in bias hides the key: below.
    const values = [Number.NaN, Infinity, ...(input === "bias" ? [] : [-Infinity]), 1e38];
    test(`${variant}: ${values.join(", ")} in ${input} reaches what sees it and nothing else, forward and backward`, () => {
      for (const place of places[input]) check(base(variant), input, place, values);
    });
  }

  test(`${variant}: garbage that nobody sees changes no result, and its own gradients are exactly 0`, () => {
    for (const value of [Number.NaN, Infinity, -Infinity, 1e38, -1e38]) {
      let c = base(variant);
      const hidden: number[] = [];
      for (let pair = 0; pair < N * M; pair++) {
        const [i, j] = [Math.floor(pair / M), pair % M];
        if (![0, 1, 2, 3].some((h) => sees(c, 0, h, i, j))) hidden.push(pair);
      }
      const keys = (width: number) => [7, 193, M + 7, M + 193].flatMap((j) => range(j * width, width));
      const rows = (width: number) => [0, 1, 2, 3].flatMap((h) => range((h * N + 5) * width, width));
      const own = { k: keys(D), v: keys(E), q: rows(D), dout: rows(E), bias: hidden };
      const clean = oracle(c);
      for (const input of Object.keys(own) as Input[]) c = put(c, input, own[input], value);
      for (const la of engines) {
        const got = run(la, c);
        assertWithin(`${la.simd}: ${value}`, compare(c, got, clean, clean.extent));
        for (const name of ["q", "k", "v", "bias"] as const) {
          const gradient = got[`d${name}`]!;
          assert.ok(
            own[name].every((n) => gradient[n] === 0),
            `${la.simd}: d${name} of hidden ${value} must be 0`,
          );
        }
      }
    }
  });

  test(`${variant}: a bias of -inf is a mask of 0`, () => {
    const { mask, bias, ...rest } = base(variant);
    const shown = { data: mask!.data, shape: mask!.shape };
    const data = Float32Array.from(mask!.data, (x) => (x === 0 ? -Infinity : 0));
    for (const la of engines) {
      const byMask = run(la, { ...rest, mask: shown });
      const { dbias, ...byBias } = run(la, { ...rest, bias: { ...shown, data } });
      assert.equal(byBias, byMask); // the same bits
      assert.ok(Array.from(dbias!).every((x, n) => data[n] === 0 || x === 0));
    }
  });

  test(`${variant}: rows whose visible scores are all -inf are rows that see nothing`, () => {
    const r = new Random(43);
    const c: Case = {
      variant,
      ...{ B: 1, H: 1, Hkv: 1, N: 7, M: 197, D: 1, E: 3 },
      q: [1, 2, 3, 1, 2, 3, 4],
      k: new Float32Array(197).fill(-Infinity),
      v: r.normals(197 * 3),
      dout: r.normals(7 * 3),
    };
    for (const la of engines) {
      const { out, lse, dv } = run(la, c);
      assert.ok(Array.from(out).every((x) => x === 0) && Array.from(dv!).every((x) => x === 0));
      assert.ok(Array.from(lse).every((x) => x === -Infinity));
    }
  });
}

const range = (start: number, count: number): number[] => Array.from({ length: count }, (_, n) => start + n);

test("LASER of values of -inf is finite wherever a row sees another value in the column, in the first tile or in the last", () => {
  const c = base("laser");
  // Column 2 of key head 1: -inf in all keys but one, so that one of the two tiles holds nothing but -inf there.
  for (const key of [100, 250]) {
    const column = range(M, M)
      .filter((j) => j !== M + key)
      .map((j) => j * E + 2);
    const dirty = put(c, "v", column, -Infinity);
    const expected = oracle(dirty);
    for (const la of engines) {
      const got = run(la, dirty);
      const where = (name: Name, n: number) => Number.isFinite(at(expected, name, n));
      assertWithin(`${la.simd} ${key}`, compare(dirty, got, expected, expected.extent, { where, cancelling: true }));
      for (let n = 0; n < got.out.length; n++) {
        if (expected.out[n] === -Infinity) assert.is(got.out[n], -Infinity, `out[${n}]`);
      }
    }
  }
});

test("a NaN in any column of keys and values is found, at any width, and one just behind a row is nobody's", () => {
  for (const la of engines) {
    for (const n of [...range(1, 17), 24]) {
      const values = (name: string, key: number): Float32Array =>
        Float32Array.from({ length: 2 * (n + 1) }, (_, i) =>
          name === "behind" && i % (n + 1) === n ? Number.NaN : 1 + key,
        );
      for (const name of ["k", "v", "behind"] as const) {
        for (const column of name === "behind" ? [0] : range(0, n)) {
          la.scope(() => {
            const rows = (hit: boolean) => {
              const data = values(name, 0.5);
              if (hit) data[n + 1 + column] = Number.NaN; // of key 1, which row 0 does not see
              return la.tensor(data, [1, 1, 2, n + 1]).narrow(3, 0, n);
            };
            const [q, k, v] = [rows(false), rows(name === "k"), rows(name === "v")];
            const mask = la.tensor(Uint8Array.of(1, 0, 1, 1), [1, 1, 2, 2]);
            for (const variant of variants) {
              const saved = la.attentionForward(q, k, v, { variant, mask });
              const { dq, dk } = la.attentionBackward(rows(false), saved);
              const seen = [saved.out, dq].map((tensor) => Array.from(tensor.toArray()));
              const label = `${la.simd} ${variant} ${name}[1][${column}] of ${n}`;
              for (const row of seen) assert.ok(row.slice(0, n).every(Number.isFinite), `${label}: row 0 of ${row}`);
              const hit = [...seen.flatMap((row) => row.slice(n)), ...dk.toArray()].some(Number.isNaN);
              assert.is(hit, name !== "behind", label);
            }
          });
        }
      }
    }
  }
});

/** Key 7 is hidden from all, row 2 sees nothing; `far`: key 0 is large and seen by the last row alone, so LASER recomputes the others. */
function unseen(variant: Case["variant"], N: number, width: number, softcap: number | undefined, far: boolean): Case {
  const r = new Random(44);
  const sizes = { B: 1, H: 1, Hkv: 1, N, M: 20, D: width, E: width };
  const mask = Uint8Array.from({ length: N * 20 }, (_, n) => {
    const [i, j] = [Math.floor(n / 20), n % 20];
    return Number(i !== 2 && j !== 7 && !(far && j === 0 && i < N - 1));
  });
  const [q, dout, k, v] = [N, N, 20, 20].map((rows) => r.normals(rows * width));
  if (far) v!.fill(200, 0, width);
  return { variant, ...sizes, q: q!, k: k!, v: v!, dout: dout!, softcap, mask: { data: mask, shape: [1, 1, N, 20] } };
}

for (const variant of variants) {
  test(`${variant}: a key and a value that nobody sees change no bit, read in place or not, with softcap and in the recompute`, () => {
    for (const la of engines) {
      for (const [N, width] of [
        [9, 8],
        [1, 8],
        [9, 5],
      ] as const) {
        for (const softcap of [undefined, 5]) {
          for (const far of [false, true]) {
            const c = unseen(variant, N, width, softcap, far);
            const clean = run(la, c);
            assert.is(la.recomputed.elements > 0, variant === "laser" && far && N > 1);
            for (const value of [Number.NaN, Infinity, -Infinity, 1e38]) {
              for (const input of ["k", "v"] as const) {
                const label = `${la.simd} N ${N} width ${width} softcap ${softcap} far ${far}: ${value} in ${input}`;
                assertSameBits(label, run(la, put(c, input, range(7 * width, width), value)), clean);
              }
            }
          }
        }
      }
    }
  });
}

test.run();
