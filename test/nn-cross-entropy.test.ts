import { test } from "uvu";
import * as assert from "uvu/assert";
import { createSync, crossEntropy as meanCrossEntropy } from "../src/nn/index.js";
import { sameBits } from "./support/bits.js";
import { loadProbe } from "./support/kernels.js";
import { builds, close, differences, U } from "./support/nn.js";
import { crossEntropy } from "./support/nn-oracle.js";
import { Random } from "./support/random.js";

const random = new Random(24);
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const WIDTHS = [1, 2, 3, 4, 5, 7, 8, 9, 17, 65, 257];

for (const nn of builds) {
  const { kernels } = nn;

  /** loss and dlogits of one call. */
  const call = (logits: ArrayLike<number>, targets: number[], width: number, factor = 1, gradient = true) => {
    const rows = targets.length;
    const [loss, d] = [nn.reset().f64(rows), nn.f32(rows * width)];
    const [x, t] = [nn.f32(logits), nn.i32(targets)];
    kernels.crossEntropy(loss.ptr, gradient ? d.ptr : 0, x.ptr, t.ptr, rows, width, factor);
    nn.intact("crossEntropy");
    return { loss: loss.now.slice(), d: d.now.slice(), x, t };
  };

  test(`${nn.target} losses are those of float64 to some roundings, more for larger logits, gradients its central differences; ignored rows give 0`, () => {
    for (const width of WIDTHS) {
      for (const deviation of [0.1, 1, 10]) {
        const targets = [random.int(width), -1, random.int(width), width - 1, -100, 0];
        const logits = random.normals(targets.length * width, deviation);
        logits.fill(nan, width, 2 * width);
        const got = call(logits, targets, width, 0.25);
        const clean = logits.map((x) => (Number.isNaN(x) ? 0 : x));
        const want = crossEntropy(clean, targets, width);
        // x - max is rounded, and exp of it; relative in the sum, hence absolute in its logarithm
        close(`width ${width}`, got.loss, want, () => (4 + 2 * deviation) * U);
        for (const [r, target] of targets.entries()) {
          const f = (x: Float64Array): number => crossEntropy(x, [target], width)[0]! / 4;
          const row = [r * width, (r + 1) * width] as const;
          close("dlogits", got.d.subarray(...row), differences(f, clean.subarray(...row)), () => 1e-7);
        }
        sameBits("ignored", got.d.subarray(width, 2 * width), new Float32Array(width));
        sameBits("loss alone", call(logits, targets, width, 0.25, false).loss, got.loss);
      }
    }
  });

  test(`${nn.target} rows by themselves and gradients in place of the logits have the same bits`, () => {
    const [rows, width] = [4, 13];
    const targets = [2, 12, -1, 0];
    const logits = random.normals(rows * width, 3);
    const whole = call(logits, targets, width, 0.7);
    const { x, t } = whole;
    const loss = nn.f64(rows);
    for (let r = rows - 1; r >= 0; r--) {
      const row = x.ptr + 4 * r * width;
      kernels.crossEntropy(loss.ptr + 8 * r, row, row, t.ptr + 4 * r, 1, width, 0.7);
    }
    sameBits("loss", loss.now, whole.loss);
    sameBits("dlogits", x.now, whole.d);
  });

  test(`${nn.target} a target that is nearly certain keeps the digits of its gradient and of its loss`, () => {
    const { loss, d } = call([12, -3, 0, -3], [0], 4);
    const rest = 2 * Math.exp(-15) + Math.exp(-12);
    close("gradient", [d[0]!], [-rest / (1 + rest)], () => 4 * U * rest);
    close("loss", loss, [Math.log1p(rest)], () => 4 * U * rest + 2 ** -50);
  });

  test(`${nn.target} logits of any size, infinite or NaN, give float64's loss in their own row`, () => {
    const width = 3;
    const rows = [
      [1e38, -1e38, 0],
      [3e38, 3e38, 3e38],
      [-inf, 1, 1],
      [1, -inf, -inf],
      [-inf, -inf, -inf],
      [inf, 0, 0],
      [nan, 0, 0],
      [0, 0, 0],
    ];
    const { loss, d } = call(rows.flat(), [0, 1, 1, 1, 0, 0, 1, 2], width);
    close("loss", loss, [0, Math.log(3), Math.log(2), inf, nan, nan, nan, Math.log(3)], () => 4 * U);
    const third = 1 / 3;
    const want = [0, 0, 0, third, third - 1, third, 0, -0.5, 0.5, 1, -1, 0];
    close("gradient", d.subarray(0, 12), want, () => 4 * U);
    assert.ok(d.subarray(12, 21).some(Number.isNaN));
    close("last", d.subarray(21), [third, third, third - 1], () => 4 * U);
  });
}

test("float64 exp and log are within 2^-52 relative of the host's, and have their limits", async () => {
  const { exports, memory } = await loadProbe("release", "nn-probe");
  const base = 8192 + 64;
  const apply = (name: "exp" | "log", x: Float64Array): Float64Array => {
    const data = new Float64Array(memory.buffer, base, x.length);
    data.set(x);
    exports[name]!(base, base, x.length);
    return data.slice();
  };
  const inputs = Float64Array.from({ length: 20000 }, (_, n) => -700 + 0.07 * n + random.uniform());
  const powers = inputs.map((x) => Math.exp(x / 2));
  const near = Float64Array.from({ length: 20000 }, () => 0.5 + 2 * random.uniform());
  for (const [name, x, f] of [
    ["exp", inputs, Math.exp],
    ["log", powers, Math.log],
    ["log", near, Math.log],
  ] as const) {
    // Both sides may be off by an ulp, 2^-52 at most
    const want = x.map(f);
    close(name, apply(name, x), want, (n) => 2 * 2 ** -52 * Math.abs(want[n]!));
  }
  sameBits("exp", apply("exp", Float64Array.of(0, -inf, inf, nan, -1000, 1000)), [1, 0, inf, nan, 0, inf]);
  close("subnormal", apply("exp", Float64Array.of(-740, -745)), [Math.exp(-740), Math.exp(-745)], () => 2 ** -1074);
  sameBits("log", apply("log", Float64Array.of(1, 0, inf, nan)), [0, -inf, inf, nan]);
});

test("a loss whose targets are all left out is NaN, as in PyTorch", () => {
  const nn = createSync({ threads: 1 });
  assert.ok(
    Number.isNaN(nn.evaluate(() => meanCrossEntropy(nn, nn.input(new Float32Array(6), [2, 3]), [-1, -1]).item)),
  );
  nn.dispose();
});

test.run();
