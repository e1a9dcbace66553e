import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { framesOf, LOG_MEL_RATE, logMel, MELS, secondsOf } from "../src/data/log-mel.js";
import { Random } from "../src/data/random.js";
import { readWav } from "../src/data/wav.js";
import { readSafetensors } from "../src/nn/safetensors.js";
import { firstDifference } from "./support/bits.js";
import { recordings } from "./support/conformer-recordings.js";
import { dataFiles, trainingFiles } from "./support/data.js";
import { hashOf } from "./support/hash.js";
import { throws } from "./support/throws.js";

/** The definition, the naive way: a discrete Fourier transform by its sum, HTK's own formulas, Math. */
function defined(x: Float32Array): number[][] {
  const mel = (hz: number): number => 2595 * Math.log10(1 + hz / 700);
  const hertz = (mel: number): number => 700 * (10 ** (mel / 2595) - 1);
  const edges = Array.from({ length: 42 }, (_, n) => hertz((n * mel(4000)) / 41));
  const frames: number[][] = [];
  for (let start = 0; start + 200 <= x.length; start += 80) {
    const power = Array.from({ length: 129 }, (_, bin) => {
      let [re, im] = [0, 0];
      for (let n = 0; n < 200; n++) {
        const value = x[start + n]! * (0.5 - 0.5 * Math.cos((2 * Math.PI * n) / 200));
        re += value * Math.cos((2 * Math.PI * bin * n) / 256);
        im -= value * Math.sin((2 * Math.PI * bin * n) / 256);
      }
      return re * re + im * im;
    });
    frames.push(
      Array.from({ length: 40 }, (_, band) => {
        const [low, middle, high] = edges.slice(band, band + 3) as [number, number, number];
        const weight = (hz: number): number =>
          Math.max(0, Math.min((hz - low) / (middle - low), (high - hz) / (high - middle)));
        return Math.log(power.reduce((sum, value, bin) => sum + weight(bin * 31.25) * value, 0) + 1e-6);
      }),
    );
  }
  for (let band = 0; band < 40; band++) {
    const values = frames.map((frame) => frame[band]!);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
    for (const frame of frames) frame[band] = (frame[band]! - mean) / (deviation + 1e-5);
  }
  return frames;
}

test("features are what the definition says, rounded to float32, of one frame and of silence too", () => {
  const random = new Random(1);
  const sounds = [200, 279, 280, 1000, 1700].map((length) => random.normals(length, 0.1));
  for (const x of [...sounds, new Float32Array(1000)]) {
    const { frames, data } = logMel(x);
    const expected = defined(x);
    assert.is(frames, expected.length);
    assert.is(data.length, frames * MELS);
    for (const [n, value] of expected.flat().entries()) {
      // Half an ulp of float32, and what the sums of the naive transform lose.
      assert.ok(
        Math.abs(data[n]! - value) <= 2 ** -24 * Math.abs(value) + 1e-9,
        `${x.length}: ${n}: ${data[n]}, ${value}`,
      );
    }
  }
});

test("frames last 25 ms and begin every 10 ms", () => {
  for (const [frames, seconds] of [
    [1, 0.025],
    [2, 0.035],
    [98, 0.995],
  ] as const) {
    assert.is(secondsOf(frames), seconds);
    const samples = seconds * LOG_MEL_RATE;
    assert.equal([framesOf(samples - 1), framesOf(samples)], [frames - 1, frames]);
  }
  assert.is(framesOf(0), 0);
});

const folder = dataFiles("log-mel", "fsdd/recordings");
const run = trainingFiles("log-mel", "conformer.laser");
(folder && run ? test : test.skip)(
  "the features of the golden Conformer, all 160 sequences, come out of the recordings to the last bit",
  () => {
    const { tensors } = readSafetensors(readFileSync(run![0]!));
    const feats = tensors.get("data.feats")!;
    const counts = tensors.get("data.frames")!.data as Int32Array;
    const golden = feats.data as Float32Array;
    const room = feats.shape[2]!; // longer sequences are cut after they were normalised
    assert.is(recordings.length, counts.length);
    for (const [n, names] of recordings.entries()) {
      const parts = names.split("+").map((name) => readWav(readFileSync(`${folder![0]}/${name}.wav`)).samples);
      const joined = Float32Array.from(parts.flatMap((part) => [...part]));
      const { frames, data } = logMel(joined);
      assert.is(Math.min(frames, room), counts[n], names);
      const start = n * room * MELS;
      const size = counts[n]! * MELS;
      assert.is(firstDifference(data.subarray(0, size), golden.subarray(start, start + size)), -1, names);
    }
  },
);

test("the bits are those that were written down", () => {
  assert.is(hashOf(logMel(new Random(1).normals(8000)).data), "2137c99859fafea4");
});

test("wrong samples are refused with words", () => {
  throws(() => logMel([1] as never), TypeError, "logMel: samples must be a Float32Array, got [1]");
  throws(
    () => logMel(new Float32Array(199)),
    RangeError,
    "logMel: samples must be 200 or more, a frame at 8 kHz, got 199",
  );
  const x = new Float32Array(400);
  x[250] = Number.NaN;
  throws(() => logMel(x), RangeError, "logMel: every sample must be finite, got others in frame 1");
});

test.run();
