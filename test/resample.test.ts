import { test } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../src/data/random.js";
import { resample } from "../src/data/resample.js";
import { hashOf } from "./support/hash.js";
import { throws } from "./support/throws.js";

const tone = (hz: number, rate: number, count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, n) => Math.sin((2 * Math.PI * hz * n) / rate + 0.3));

/** The largest difference in the middle, where the kernel lies inside the signal. */
function apart(x: Float32Array, y: Float32Array, margin = 40): number {
  let most = 0;
  assert.ok(x.length > 3 * margin);
  for (let n = margin; n < Math.min(x.length, y.length) - margin; n++) most = Math.max(most, Math.abs(x[n]! - y[n]!));
  return most;
}

/** 95,999 has 8,000 kernels of 836 weights, too many to be kept. */
const rates = [8001, 11025, 16000, 22050, 44100, 48000, 95999];

for (const from of rates) {
  test(`from ${from} to 8,000 Hz tones up to 3,300 Hz stay within 0.001, and those from 4,050 Hz on fall below it`, () => {
    const count = Math.ceil(from / 20);
    for (const hz of [50, 1000, 3300]) {
      const out = resample(tone(hz, from, count), from, 8000);
      assert.is(out.length, Math.ceil((count * 8000) / from));
      const error = apart(out, tone(hz, 8000, out.length));
      assert.ok(error < 1e-3, `${hz} Hz: ${error}`);
    }
    for (const hz of [4050, 5500, 20000]) {
      if (hz >= from / 2) continue;
      const left = apart(resample(tone(hz, from, count), from, 8000), new Float32Array(count));
      assert.ok(left < 1e-3, `${hz} Hz: ${left}`);
    }
  });
}

test("to a higher rate tones stay too, and a constant stays what it is", () => {
  const out = resample(tone(1000, 8000, 1600), 8000, 11025);
  assert.ok(apart(out, tone(1000, 11025, out.length), 60) < 1e-3);
  for (const [from, to] of [
    [16000, 8000],
    [11025, 8000],
    [8000, 44100],
  ] as const) {
    assert.ok(
      apart(resample(new Float32Array(2000).fill(0.5), from, to), new Float32Array(20000).fill(0.5), 300) < 1e-7,
    );
  }
});

test("at the same rate nothing changes, and the result is a copy", () => {
  const x = new Random(1).normals(100);
  const y = resample(x, 8000, 8000);
  assert.equal(y, x);
  assert.is.not(y.buffer, x.buffer);
});

test("no samples, one sample and a few give as many as there must be", () => {
  for (const [count, expected] of [
    [0, 0],
    [1, 1],
    [2, 1],
    [3, 1],
    [7, 2],
    [442, 81],
  ] as const) {
    assert.is(resample(new Float32Array(count), 44100, 8000).length, expected);
  }
});

test("the bits are those that were written down", () => {
  const x = new Random(1).normals(4000);
  assert.equal(
    [11025, 16000, 44100].map((from) => hashOf(resample(x, from, 8000))),
    ["1a889fb9c7df8bc4", "6761034c02b0d518", "8083c03285d82e9a"],
  );
});

test("wrong samples and rates are refused by name", () => {
  const x = new Float32Array(4);
  throws(() => resample([1] as never, 8000, 8000), TypeError, "resample: samples must be a Float32Array, got [1]");
  throws(() => resample(x, 0, 8000), RangeError, "resample: from must be an integer from 1000 to 192000, got 0");
  throws(
    () => resample(x, 8000, 8000.5),
    RangeError,
    "resample: to must be an integer from 1000 to 192000, got 8000.5",
  );
  throws(() => resample(x, "8000" as never, 8000), TypeError, 'resample: from must be a number, got "8000"');
});

test.run();
