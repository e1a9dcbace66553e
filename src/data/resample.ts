import { arrayOf, integer } from "../check-number.js";
import { gcd } from "../overlap.js";
import { cosPi, sinPi } from "./math.js";

/** Zero crossings of the kernel on either side of its middle: the transition band is some 10 % of the lower rate. */
const CROSSINGS = 32;

/** Where the kernel lets half through, as a part of half the lower rate: above that rate's half nothing is left. */
const CUTOFF = 0.92;

/** Kernels for all phases are kept when they are at most so many numbers; else each is made anew (odd ratios of rates). */
const KEPT = 2 ** 20;

/**
 * The same signal at another rate, with what lies above half of the lower rate filtered out: a sinc under a Blackman window,
 * in float64, the same bits in every engine. The signal is 0 before its beginning and after its end. There are
 * ceil(length * to / from) samples, the first at the same time as the first one given.
 *
 * @throws RangeError for rates that are not integers of 1000 to 192000
 *
 * @example const samples = resample(new Float32Array(44100), 44100, 8000); // 8000 of them
 */
export function resample(samples: Float32Array, from: number, to: number): Float32Array {
  const where = "resample";
  arrayOf(where, "samples", samples, "Float32Array");
  integer(where, "from", from, 1000, 192000);
  integer(where, "to", to, 1000, 192000);
  if (from === to) return samples.slice();
  const divisor = gcd(from, to);
  const phases = to / divisor; // sample n of the output lies at n * step / phases of the input
  const step = from / divisor;
  const cutoff = CUTOFF * Math.min(1, to / from);
  const reach = Math.ceil(CROSSINGS / cutoff);
  const kernels: Float64Array[] = [];
  const out = new Float32Array(Math.ceil((samples.length * phases) / step));
  for (let n = 0; n < out.length; n++) {
    const phase = (n * step) % phases;
    const kernel = kernels[phase] ?? makeKernel(phase / phases, reach, cutoff);
    if (phases * kernel.length <= KEPT) kernels[phase] = kernel;
    const first = (n * step - phase) / phases - reach + 1; // of the samples under the kernel
    let sum = 0;
    for (let j = Math.max(0, -first); j < kernel.length && first + j < samples.length; j++) {
      sum += kernel[j]! * samples[first + j]!;
    }
    out[n] = sum;
  }
  return out;
}

/** Weights of the samples at 1 - reach, ..., reach for a place between 0 and 1. Their sum is 1, so a constant stays what it is. */
function makeKernel(place: number, reach: number, cutoff: number): Float64Array {
  const kernel = new Float64Array(2 * reach);
  let sum = 0;
  for (let j = 0; j < kernel.length; j++) {
    const distance = j + 1 - reach - place;
    const t = (distance * cutoff) / CROSSINGS; // the window lies between -1 and 1
    if (Math.abs(t) >= 1) continue;
    const window = 0.42 + 0.5 * cosPi(t) + 0.08 * cosPi(2 * t);
    const x = distance * cutoff;
    kernel[j] = window * (x === 0 ? 1 : sinPi(x) / (Math.PI * x));
    sum += kernel[j]!;
  }
  return kernel.map((weight) => weight / sum);
}
