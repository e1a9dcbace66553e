/** Copies, sums over rows and along rows, embeddings and masks. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { sameBits } from "./support/bits.js";
import { builds, close, dot, SIZES, U } from "./support/nn.js";
import { Random } from "./support/random.js";

const random = new Random(23);
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

/** Sums of columns in float64, and of magnitudes. */
function columns(x: Float32Array, rows: number, width: number, counts: (r: number) => boolean = () => true) {
  const [sum, size] = [new Float64Array(width), new Float64Array(width)];
  for (let r = 0; r < rows; r++) {
    if (!counts(r)) continue;
    for (let c = 0; c < width; c++) {
      sum[c]! += x[r * width + c]!;
      size[c]! += Math.abs(x[r * width + c]!);
    }
  }
  return { sum, size };
}

/** 16 terms are added in float32, the rest in float64, and the result is rounded: (16 + 1) U of the magnitudes. */
const SPAN_BOUND = 17 * U;

for (const nn of builds) {
  const { kernels } = nn;

  test(`${nn.target} columnSum is the float64 sum, and any split of the columns gives the same bits`, () => {
    for (const width of SIZES) {
      for (const rows of [0, 1, 2, 15, 16, 17, 33, 101]) {
        const [x, old] = [random.normals(rows * width), random.normals(width)];
        const [xs, whole, parts, added] = [nn.reset().f32(x), nn.f32(width), nn.f32(width), nn.f32(old)];
        kernels.columnSum(whole.ptr, xs.ptr, rows, width, 0, width, 0);
        const { sum, size } = columns(x, rows, width);
        close(`${rows} x ${width}`, whole.now, sum, (c) => SPAN_BOUND * size[c]!);
        const cuts = [0, Math.floor(width / 3), Math.floor(width / 2), width];
        for (let n = 0; n < 3; n++) kernels.columnSum(parts.ptr, xs.ptr, rows, width, cuts[n]!, cuts[n + 1]!, 0);
        sameBits("split", parts.now, whole.now);
        kernels.columnSum(added.ptr, xs.ptr, rows, width, 0, width, 1);
        const want = sum.map((value, c) => value + old[c]!);
        close("added", added.now, want, (c) => SPAN_BOUND * size[c]! + U * Math.abs(want[c]!));
        nn.intact("columnSum");
      }
    }
  });

  test(`${nn.target} columnSum of 20,000 rows of one sign is off by less than two float32 roundings`, () => {
    const rows = 20000;
    const x = random.normals(rows, 1, 10);
    const [xs, out] = [nn.reset().f32(x), nn.f32(1)];
    kernels.columnSum(out.ptr, xs.ptr, rows, 1, 0, 1, 0);
    const { sum } = columns(x, rows, 1);
    assert.ok(Math.abs(out.now[0]! - sum[0]!) <= 2 * U * sum[0]!, `expected ${sum[0]}, got ${out.now[0]}`);
  });

  test(`${nn.target} addRows, addScaled, multiply and scale are one operation an element, and write nothing else`, () => {
    for (const n of SIZES) {
      const batches = 3;
      const [x, y, rows] = [random.normals(batches * n), random.normals(batches * n), random.normals(n)];
      const [xs, ys, r, out] = [nn.reset().f32(x), nn.f32(y), nn.f32(rows), nn.f32(batches * n)];
      kernels.addRows(out.ptr, xs.ptr, r.ptr, batches, n);
      const sums = x.map((value, i) => value + rows[i % n]!);
      sameBits("addRows", out.now, sums);
      kernels.scale(out.ptr, xs.ptr, 0.3, batches * n);
      sameBits(
        "scale",
        out.now,
        x.map((value) => value * Math.fround(0.3)),
      );
      kernels.multiply(out.ptr, xs.ptr, ys.ptr, batches * n);
      const products = x.map((value, i) => value * y[i]!);
      sameBits("multiply", out.now, products);
      kernels.multiply(out.ptr, out.ptr, ys.ptr, batches * n);
      sameBits(
        "multiply in place",
        out.now,
        products.map((value, i) => value * y[i]!),
      );
      kernels.addScaled(out.ptr, xs.ptr, ys.ptr, 0.5, batches * n);
      sameBits(
        "addScaled", // by a power of two, so that a fused multiply-add rounds alike
        out.now,
        x.map((value, i) => value + y[i]! / 2),
      );
      kernels.addScaled(ys.ptr, xs.ptr, ys.ptr, 1, batches * n);
      sameBits(
        "addScaled in place",
        ys.now,
        y.map((value, i) => value + x[i]!),
      );
      kernels.addRows(xs.ptr, xs.ptr, r.ptr, batches, n);
      sameBits("addRows in place", xs.now, sums);
      nn.intact("elementwise");
    }
  });

  test(`${nn.target} sumSquares and sum64 are float64 sums, which neither large nor small numbers leave`, () => {
    for (const n of [...SIZES, 1009]) {
      const x = random.normals(n, 3);
      const losses = Float64Array.from(x, (value) => value * 1.1);
      const [xs, l] = [nn.reset().f32(x), nn.f64(losses)];
      const squares = dot(x, x);
      close("sumSquares", [kernels.sumSquares(xs.ptr, n)], [squares], () => 2 ** -53 * n * squares);
      let sum = 0;
      for (const value of losses) sum += value;
      assert.is(kernels.sum64(l.ptr, n), sum);
    }
    const x = nn.reset().f32([3e38, -3e38, 1e-30, 3e38, 3e38]);
    close("huge", [kernels.sumSquares(x.ptr, 5)], [4 * Math.fround(3e38) ** 2], () => 1e61);
    const hostile = [nn.f32([1, nan, 1, 1, 1]), nn.f32([1, 1, 1, 1, -inf])];
    sameBits(
      "hostile",
      hostile.map(({ ptr }) => kernels.sumSquares(ptr, 5)),
      [nan, inf],
    );
  });

  test(`${nn.target} embedding copies rows; its gradient adds them in order, in any split of the columns`, () => {
    const ids = [3, 0, 3, 3, 1, 0];
    for (const width of SIZES) {
      const [table, dy, old] = [random.normals(4 * width), random.normals(6 * width), random.normals(4 * width)];
      const [t, i, y, g, whole, parts] = [
        nn.reset().f32(table),
        nn.i32(ids),
        nn.f32(6 * width),
        nn.f32(dy),
        nn.f32(old),
        nn.f32(old),
      ];
      kernels.embedding(y.ptr, t.ptr, i.ptr, 6, width);
      sameBits(
        "embedding",
        y.now,
        ids.flatMap((id) => Array.from(table.subarray(id * width, (id + 1) * width))),
      );
      kernels.embeddingBackward(whole.ptr, g.ptr, i.ptr, 6, width, 0, width);
      const want = old.slice();
      for (const [r, id] of ids.entries()) for (let c = 0; c < width; c++) want[id * width + c]! += dy[r * width + c]!;
      sameBits("embeddingBackward", whole.now, want);
      const cut = Math.floor(width / 2);
      kernels.embeddingBackward(parts.ptr, g.ptr, i.ptr, 6, width, cut, width);
      kernels.embeddingBackward(parts.ptr, g.ptr, i.ptr, 6, width, 0, cut);
      sameBits("split", parts.now, want);
      nn.intact("embedding");
    }
  });

  test(`${nn.target} maskRows clears what is not kept, NaN included, in place too`, () => {
    for (const width of SIZES) {
      const x = random.normals(3 * width);
      x.fill(nan, width, 2 * width);
      const [xs, y, keep] = [nn.reset().f32(x), nn.f32(3 * width), nn.u8([1, 0, 255])];
      const want = x.slice().fill(0, width, 2 * width);
      kernels.maskRows(y.ptr, xs.ptr, keep.ptr, 3, width);
      sameBits("maskRows", y.now, want);
      kernels.maskRows(xs.ptr, xs.ptr, keep.ptr, 3, width);
      sameBits("in place", xs.now, want);
      nn.intact("maskRows");
    }
  });

  test(`${nn.target} maskedMean and its gradient count the kept rows alone; a batch without one gives 0`, () => {
    for (const width of SIZES) {
      for (const T of [0, 1, 5, 40]) {
        const B = 3;
        const keep = Uint8Array.from({ length: B * T }, (_, n) => (n < 2 * T ? +random.chance(0.6) : 0));
        const x = random.normals(B * T * width);
        for (const [n, kept] of keep.entries()) if (!kept) x.fill(nan, n * width, (n + 1) * width);
        const dy = random.normals(B * width);
        for (const all of [false, true]) {
          const input = all ? x.map((value) => (Number.isNaN(value) ? 1 : value)) : x;
          const [xs, mask] = [nn.reset().f32(input), nn.u8(keep)];
          const [y, dx, g] = [nn.f32(B * width), nn.f32(B * T * width), nn.f32(dy)];
          kernels.maskedMean(y.ptr, xs.ptr, all ? 0 : mask.ptr, B, T, width);
          kernels.maskedMeanBackward(dx.ptr, g.ptr, all ? 0 : mask.ptr, B, T, width);
          const gradient = new Float64Array(B * T * width);
          for (let b = 0; b < B; b++) {
            const counted = (t: number): boolean => all || keep[b * T + t] === 1;
            const count = Array.from({ length: T }, (_, t) => counted(t)).filter(Boolean).length;
            const { sum, size } = columns(input.subarray(b * T * width), T, width, counted);
            const mean = sum.map((value) => (count === 0 ? 0 : value / count));
            close(`maskedMean ${T} x ${width}`, y.now.slice(b * width, (b + 1) * width), mean, (c) =>
              count === 0 ? 0 : (18 * U * size[c]!) / count,
            );
            for (let n = 0; n < T * width; n++)
              if (counted(Math.floor(n / width))) gradient[b * T * width + n] = dy[b * width + (n % width)]! / count;
          }
          sameBits("maskedMeanBackward", dx.now, Float32Array.from(gradient));
          nn.intact("maskedMean");
        }
      }
    }
  });
}

test.run();
