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

test("3,000 random pairs of strided views agree with listing every element", () => {
  const random = new Random(7);
  const draw = (): Region => {
    const rank = 1 + random.int(4);
    const shape = Array.from({ length: rank }, () => 1 + random.int(4));
    const strides = shape.map(() => random.pick([0, 1, 1, 2, 3, 4, 5, 6, 8, 12, 24]));
    return region(random.int(20), shape, strides);
  };
  let shared = 0;
  for (let pair = 0; pair < 3000; pair++) {
    const [a, b] = [draw(), draw()];
    const expected = shareNaively(a, b);
    if (expected) shared++;
    assert.is(overlaps(a, b), expected, JSON.stringify([a, b]));
    assert.is(repeats(a), new Set(places(a)).size < places(a).length, JSON.stringify(a));
  }
  assert.ok(shared > 500 && shared < 2500, `${shared} pairs overlap: the draw tests both answers`);
});

test("1,000 random pairs of views whose axes reach over words of bits agree with listing every element", () => {
  const random = new Random(8);
  const draw = (): Region => {
    const shape = Array.from({ length: 1 + random.int(3) }, () => 1 + random.int(20));
    const strides = shape.map(() => random.pick([1, 3, 7, 31, 32, 33, 64, 97, 160]));
    return region(random.int(400), shape, strides);
  };
  let [shared, repeated] = [0, 0];
  for (let pair = 0; pair < 1000; pair++) {
    const [a, b] = [draw(), draw()];
    const expected = [shareNaively(a, b), new Set(places(a)).size < places(a).length];
    if (expected[0]) shared++;
    if (expected[1]) repeated++;
    assert.equal([overlaps(a, b), repeats(a)], expected, JSON.stringify([a, b]));
  }
  assert.ok(shared > 200 && shared < 800 && repeated > 200 && repeated < 800, `${shared} overlap, ${repeated} repeat`);
});

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
