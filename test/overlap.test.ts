import { test } from "uvu";
import * as assert from "uvu/assert";
import { overlaps, type Region, repeats } from "../src/overlap.js";
import { forEachOffset, rowMajor } from "../src/shape.js";
import { Random } from "./support/random.js";

const storage = {};
const region = (offset: number, shape: number[], strides = rowMajor(shape)): Region => ({
  storage,
  offset,
  shape,
  strides,
});

/** Every element's place, the naive way. */
function places({ offset, shape, strides }: Region): number[] {
  const found: number[] = [];
  forEachOffset(shape, [strides], ([step]) => found.push(offset + step!));
  return found;
}

function shareNaively(a: Region, b: Region): boolean {
  const taken = new Set(places(a));
  return places(b).some((place) => taken.has(place));
}

test("q, k and v interleaved in one base share nothing, whichever axis they are interleaved along", () => {
  const [B, N, H, D] = [2, 5, 3, 4];
  for (const strides of [
    [N * 3 * H * D, D, 3 * H * D, 1], // [B, N, 3, H, D]
    [N * 3 * H * D, 3 * D, 3 * H * D, 1], // [B, N, H, 3, D]
    [3 * N * H * D, N * D, D, 1], // [B, 3, H, N, D]
  ]) {
    const step = strides[1] === 3 * D ? D : strides[1] === D ? H * D : N * H * D;
    const [q, k, v] = [0, 1, 2].map((part) => region(part * step, [B, H, N, D], strides)) as [Region, Region, Region];
    for (const [x, y] of [
      [q, k],
      [k, v],
      [v, q],
    ] as const) {
      assert.not(overlaps(x, y));
      assert.ok(overlaps(x, { ...y, offset: y.offset - 1 }) === shareNaively(x, { ...y, offset: y.offset - 1 }));
    }
    assert.ok(overlaps(q, q));
  }
});

test("one shared element at the corner is found", () => {
  assert.ok(overlaps(region(0, [3, 4]), region(11, [5])));
  assert.not(overlaps(region(0, [3, 4]), region(12, [5])));
  assert.ok(overlaps(region(0, [3, 4], [10, 1]), region(23, [1])));
  assert.not(overlaps(region(0, [3, 4], [10, 1]), region(14, [1])));
});

test("tensors of different storages and empty tensors share nothing", () => {
  assert.not(overlaps(region(0, [4]), { ...region(0, [4]), storage: {} }));
  assert.not(overlaps(region(0, [4, 0]), region(0, [4])));
});

const close = [0, 1, 1, 2, 3, 4, 5, 6, 8, 12, 24];
const wide = [1, 3, 7, 31, 32, 33, 64, 97, 160]; // axes reach over words of bits

for (const { pairs, rank, size, far, steps } of [
  { pairs: 3000, rank: 4, size: 4, far: 20, steps: close },
  { pairs: 1000, rank: 3, size: 20, far: 400, steps: wide },
]) {
  test(`${pairs} random pairs of views with strides up to ${Math.max(...steps)} agree with listing every element`, () => {
    const random = new Random(7);
    const draw = (): Region => {
      const shape = Array.from({ length: 1 + random.int(rank) }, () => 1 + random.int(size));
      const strides = shape.map(() => random.pick(steps));
      return region(random.int(far), shape, strides);
    };
    const yes = { overlap: 0, repeat: 0 };
    for (let pair = 0; pair < pairs; pair++) {
      const [a, b] = [draw(), draw()];
      const expected = { overlap: shareNaively(a, b), repeat: new Set(places(a)).size < places(a).length };
      assert.equal({ overlap: overlaps(a, b), repeat: repeats(a) }, expected, JSON.stringify([a, b]));
      if (expected.overlap) yes.overlap++;
      if (expected.repeat) yes.repeat++;
    }
    for (const [what, count] of Object.entries(yes))
      assert.ok(count > 0.15 * pairs && count < 0.85 * pairs, `${what}: ${count}: the draw tests both answers`);
  });
}

test("views that name an element many times are looked at element by element of the storage, not index by index", () => {
  const many = region(0, [64, 64, 60_000, 1], [7, 5, 3, 1]); // 245 million indices of 180,748 elements
  const last = 63 * 12 + 59_999 * 3;
  assert.ok(overlaps(many, region(1, [64, 64, 1, 1], [3100, 1, 1, 1])));
  assert.not(overlaps(many, region(1, [2, 2], [last - 3, 1]))); // 1 and 2 are no sums of 3, 5 and 7, from either end
  assert.ok(overlaps(many, region(1, [2, 2], [last - 4, 1])));
  assert.not(repeats(region(0, [4095, 4098], [4097, 4095])));
  assert.ok(repeats(region(0, [4096, 4098], [4097, 4095]))); // one element, of 17 million
});

test("large interleaved views are settled without walking through them", () => {
  const rows = 2 ** 24;
  assert.not(overlaps(region(0, [rows, 8], [32, 1]), region(8, [rows, 24], [32, 1])));
  assert.not(repeats(region(0, [rows, 8], [32, 1])));
});

test("large views that repeat elements are settled without walking through them", () => {
  const sizes = [1024, 1024, 1024];
  for (const strides of [
    [2, 2, 2],
    [1024, 1, 2],
    [3, 2, 2],
  ])
    assert.ok(repeats(region(0, sizes, strides)));
  const even = region(0, sizes, [2, 2, 2]); // 3,070 places
  assert.not(overlaps(even, region(1, [3069], [2])));
  assert.ok(overlaps(even, region(6138, [1])));
  assert.not(overlaps(even, region(6139, [1])));
});

test.run();
