import { test } from "uvu";
import * as assert from "uvu/assert";
import { createSync, dropout } from "../src/nn/index.js";
import { sameBits } from "./support/bits.js";
import { builds, SIZES } from "./support/nn.js";
import { Random } from "./support/random.js";

const random = new Random(28);
const N = 1 << 18;

/** Whether z, a sum of n independent bits with mean p, taken off and scaled to deviation 1, is what chance allows. */
const plausible = (label: string, count: number, n: number, p: number): void => {
  const z = (count - n * p) / Math.sqrt(n * p * (1 - p));
  assert.ok(Math.abs(z) < 4.5, `${label}: ${count} of ${n}, ${z} standard deviations from ${p}`);
};

for (const nn of builds) {
  const { dropout } = nn.kernels;

  test(`${nn.target} dropout keeps an element scaled by 1 / (1 - p) or gives 0; any split and place gives the same mask`, () => {
    for (const n of [...SIZES, 1009]) {
      for (const p of [0, 0.1, 0.5, 0.9, 1]) {
        const x = random.normals(n);
        const [xs, y, parts] = [nn.reset().f32(x), nn.f32(n), nn.f32(n)];
        dropout(y.ptr, xs.ptr, n, 7, -9, 123, p);
        const factor = Math.fround(1 / (1 - p));
        y.now.forEach((value, i) => {
          const kept = value !== 0 || p === 0;
          assert.ok(kept ? value === Math.fround(x[i]! * factor) && p < 1 : Object.is(value, 0), `[${i}] is ${value}`);
        });
        const cut = Math.floor(n / 3);
        dropout(parts.ptr + 4 * cut, xs.ptr + 4 * cut, n - cut, 7, -9, 123 + cut, p);
        dropout(parts.ptr, xs.ptr, cut, 7, -9, 123, p);
        sameBits("split", parts.now, y.now);
        dropout(xs.ptr, xs.ptr, n, 7, -9, 123, p);
        sameBits("in place", xs.now, y.now);
        nn.intact("dropout");
      }
    }
    const x = nn.reset().f32(new Float32Array(64).fill(Number.NaN));
    dropout(x.ptr, x.ptr, 64, 1, 2, 0, 0.5);
    const zeros = x.now.filter((value) => Object.is(value, 0)).length;
    assert.ok(zeros > 10 && x.now.filter(Number.isNaN).length === 64 - zeros);
  });
}

/** The mask of N elements, 1 is kept: the same in every build. */
const mask = (low: number, high: number, p = 0.5, first = 0, n = N): Uint8Array => {
  const masks = builds.map((nn) => {
    const x = nn.reset().f32(n);
    x.now.fill(1);
    nn.kernels.dropout(x.ptr, x.ptr, n, low, high, first, p);
    return Uint8Array.from(x.now, (y) => +(y !== 0));
  });
  for (const [k, other] of masks.entries()) sameBits(`mask of ${builds[k]!.target}`, other, masks[0]!);
  return masks[0]!;
};

test("masks are as chance has them: how many are kept, pairs at any distance, runs of eight, every place of a vector", () => {
  for (const p of [0.1, 0.5]) {
    const kept = mask(1, 0, p);
    plausible(
      `p ${p}`,
      kept.reduce((a, b) => a + b, 0),
      N,
      1 - p,
    );
    for (const lag of [1, 2, 3, 4, 8, 64, 1024, 65536]) {
      let equal = 0;
      for (let n = 0; n < N - lag; n++) equal += +(kept[n] === kept[n + lag]);
      plausible(`lag ${lag}`, equal, N - lag, p * p + (1 - p) * (1 - p));
    }
    for (let lane = 0; lane < 4; lane++) {
      plausible(
        `lane ${lane}`,
        kept.filter((_, n) => n % 4 === lane).reduce((a, b) => a + b, 0),
        N / 4,
        1 - p,
      );
    }
  }
  const bits = mask(3, 4);
  const counts = new Float64Array(256);
  for (let n = 0; n < N; n += 8) counts[bits.subarray(n, n + 8).reduce((byte, bit) => 2 * byte + bit, 0)]!++;
  const expected = N / 8 / 256;
  const chi = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  // chi-square of 255 degrees of freedom: mean 255, deviation 22.6
  assert.ok(chi > 255 - 4.5 * 22.6 && chi < 255 + 4.5 * 22.6, `chi-square ${chi}`);
});

test("masks of neighbouring seeds, and of places swapped or moved, have nothing to do with each other", () => {
  const base = mask(1, 0);
  const others = { low: mask(2, 0), zero: mask(0, 0), high: mask(1, 1), swapped: mask(0, 1), minus: mask(-1, -1) };
  for (const [name, other] of Object.entries(others)) {
    for (const move of [0, 1, 2, 3, 8]) {
      let [equal, crossed] = [0, 0];
      for (let n = 0; n < N - 8; n++) {
        equal += +(base[n] === other[n + move]);
        crossed += +(base[n] === other[n ^ move]);
      }
      plausible(`${name}, moved by ${move}`, equal, N - 8, 0.5);
      plausible(`${name}, crossed with ${move}`, crossed, N - 8, 0.5);
    }
  }
  sameBits("the first index is u32", mask(1, 0, 0.5, -4, 8), [
    ...mask(1, 0, 0.5, 2 ** 32 - 4, 4),
    ...base.subarray(0, 4),
  ]);
});

test("threads that share an array drop what one drops", () => {
  const [one, two] = [1, 2].map((threads) => {
    const nn = createSync({ threads });
    assert.is(nn.la.threads, threads);
    const x = nn.input(new Float32Array(2 ** 18).fill(1), [2 ** 18]);
    const y = nn.evaluate(() => dropout(nn, x, 0.5, [1, 2]).toArray());
    nn.dispose();
    return Buffer.from(y.buffer);
  });
  assert.ok(two!.equals(one!));
});

test.run();
