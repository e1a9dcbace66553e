/** Log-mel features of speech, the same bits in every engine: float64 with data/math.ts, rounded to float32 once. */
import { arrayOf } from "../check-number.js";
import { cosPi, exp, log, sinPi } from "./math.js";

/**
 * Samples a second that {@link logMel} expects.
 *
 * @example resample(new Float32Array(441), 44100, LOG_MEL_RATE); // 80 samples
 */
export const LOG_MEL_RATE = 8000;

/**
 * Bands of {@link logMel}: the `mels` of a {@link conformer}.
 *
 * @example logMel(new Float32Array(LOG_MEL_RATE)).data.length / MELS; // 98 frames
 */
export const MELS = 40;

const WINDOW = 200;
const HOP = 80;
const SIZE = 256;
const BINS = SIZE / 2 + 1;

/** Added to a power before its logarithm, so that silence is finite. */
const FLOOR = 1e-6;

/** Added to the deviation of a band before it divides, so that a constant band is 0. */
const LEAST_DEVIATION = 1e-5;

/**
 * What {@link logMel} gives.
 *
 * @example const features: Features = logMel(new Float32Array(LOG_MEL_RATE));
 */
export interface Features {
  /** How many: 1 + floor((samples - 200) / 80). */
  frames: number;
  /** [frames, 40], row-major. */
  data: Float32Array;
}

/** Frames of so many samples: 0 where there is not one whole. */
export const framesOf = (samples: number): number => Math.max(0, 1 + Math.floor((samples - WINDOW) / HOP));

/** Seconds of so many frames. */
export const secondsOf = (frames: number): number => (WINDOW + (frames - 1) * HOP) / LOG_MEL_RATE;

/**
 * 40 features for every 10 ms of speech at 8 kHz. Frames of 200 samples every 80 lie wholly inside the signal; of each, under
 * a periodic Hann window, the power spectrum (FFT of 256 points) is summed into 40 triangular bands that are equally wide on
 * the HTK mel scale from 0 to 4 kHz. Of log(power + 1e-6), each band has its mean over the utterance subtracted and is
 * divided by its deviation (of the population, plus 1e-5).
 *
 * @example
 * const second = Float32Array.from({ length: 44100 }, (_, n) => Math.sin(n / 20));
 * const { frames, data } = logMel(resample(second, 44100, LOG_MEL_RATE)); // 98 frames
 *
 * @throws RangeError when the signal is shorter than one frame of 200 samples, or not finite.
 */
export function logMel(samples: Float32Array): Features {
  arrayOf("logMel", "samples", samples, "Float32Array");
  if (samples.length < WINDOW) {
    throw new RangeError(`logMel: samples must be ${WINDOW} or more, a frame at 8 kHz, got ${samples.length}`);
  }
  tables ??= makeTables();
  const { window, bands } = tables;
  const frames = framesOf(samples.length);
  const features = new Float64Array(frames * MELS);
  const real = new Float64Array(SIZE);
  const imaginary = new Float64Array(SIZE);
  const powers = new Float64Array(BINS);
  for (let frame = 0; frame < frames; frame++) {
    real.fill(0);
    imaginary.fill(0);
    for (let n = 0; n < WINDOW; n++) real[n] = samples[frame * HOP + n]! * window[n]!;
    transform(real, imaginary, tables);
    for (let bin = 0; bin < BINS; bin++) powers[bin] = real[bin]! * real[bin]! + imaginary[bin]! * imaginary[bin]!;
    for (let mel = 0; mel < MELS; mel++) {
      const { first, weights } = bands[mel]!;
      let power = 0;
      for (let n = 0; n < weights.length; n++) power += weights[n]! * powers[first + n]!;
      if (!Number.isFinite(power))
        throw new RangeError(`logMel: every sample must be finite, got others in frame ${frame}`);
      features[frame * MELS + mel] = log(power + FLOOR);
    }
  }
  return { frames, data: normalise(features, frames) };
}

/** Every band of [frames, MELS] to mean 0 and deviation 1. */
function normalise(features: Float64Array, frames: number): Float32Array {
  const out = new Float32Array(features.length);
  for (let mel = 0; mel < MELS; mel++) {
    let sum = 0;
    for (let n = mel; n < features.length; n += MELS) sum += features[n]!;
    const mean = sum / frames;
    let squares = 0;
    for (let n = mel; n < features.length; n += MELS) squares += (features[n]! - mean) * (features[n]! - mean);
    const deviation = Math.sqrt(squares / frames) + LEAST_DEVIATION;
    for (let n = mel; n < features.length; n += MELS) out[n] = (features[n]! - mean) / deviation;
  }
  return out;
}

interface Tables {
  window: Float64Array;
  /** Of each band the first bin with a weight, and the weights from there on. */
  bands: { first: number; weights: Float64Array }[];
  /** exp(-2 pi i k / SIZE) for k below SIZE / 2. */
  cos: Float64Array;
  sin: Float64Array;
  /** The place of each input of the transform, its bits in reverse order. */
  reversed: Uint8Array;
}

let tables: Tables | undefined; // made on first use

function makeTables(): Tables {
  const window = Float64Array.from({ length: WINDOW }, (_, n) => 0.5 - 0.5 * cosPi((2 * n) / WINDOW));
  const cos = Float64Array.from({ length: SIZE / 2 }, (_, k) => cosPi((2 * k) / SIZE));
  const sin = Float64Array.from({ length: SIZE / 2 }, (_, k) => -sinPi((2 * k) / SIZE));
  const reversed = new Uint8Array(SIZE);
  for (let n = 1; n < SIZE; n++) reversed[n] = (reversed[n >> 1]! >> 1) | (n % 2 === 0 ? 0 : SIZE / 2);
  return { window, bands: makeBands(), cos, sin, reversed };
}

/** HTK: mel = 2595 log10(1 + hz / 700). So the edges of equally wide bands have equal ratios of 1 + hz / 700. */
function makeBands(): Tables["bands"] {
  const highest = LOG_MEL_RATE / 2;
  const edge = (n: number): number => 700 * (exp((n / (MELS + 1)) * log(1 + highest / 700)) - 1);
  return Array.from({ length: MELS }, (_, mel) => {
    const [low, middle, high] = [edge(mel), edge(mel + 1), edge(mel + 2)];
    const all = Array.from({ length: BINS }, (_, bin) => {
      const hz = (bin * LOG_MEL_RATE) / SIZE;
      return Math.max(0, Math.min((hz - low) / (middle - low), (high - hz) / (high - middle)));
    });
    const first = all.findIndex((weight) => weight > 0);
    return { first, weights: Float64Array.from(all.filter((weight) => weight > 0)) };
  });
}

/**
 * Fast Fourier transform of SIZE points in place: Cooley and Tukey, radix 2. Without arrays that are taken apart, which engines make: with
 * them features take two (Node 20) to four times as long (Node 24).
 */
function transform(real: Float64Array, imaginary: Float64Array, { cos, sin, reversed }: Tables): void {
  for (let n = 0; n < SIZE; n++) {
    const other = reversed[n]!;
    if (other <= n) continue; // the input is real: the imaginary part is 0 everywhere
    const swapped = real[n]!;
    real[n] = real[other]!;
    real[other] = swapped;
  }
  for (let half = 1; half < SIZE; half *= 2) {
    const stride = SIZE / 2 / half;
    for (let start = 0; start < SIZE; start += 2 * half) {
      for (let k = 0; k < half; k++) {
        const a = start + k;
        const b = a + half;
        const c = cos[k * stride]!;
        const s = sin[k * stride]!;
        const re = c * real[b]! - s * imaginary[b]!;
        const im = c * imaginary[b]! + s * real[b]!;
        real[b] = real[a]! - re;
        imaginary[b] = imaginary[a]! - im;
        real[a] = real[a]! + re;
        imaginary[a] = imaginary[a]! + im;
      }
    }
  }
}
