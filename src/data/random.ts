import { show } from "../check.js";
import { integer, list, real } from "../check-number.js";
import { cosPi, log } from "./math.js";

/**
 * Four 32-bit words, not all zero: all there is to a generator, for a checkpoint.
 *
 * @example const state: RandomState = new Random(7).state;
 */
export type RandomState = readonly [number, number, number, number];

const MASK = 0xffffffffffffffffn;

/** Two outputs of SplitMix64 (Steele, Lea and Flood), which xoshiro's authors advise for the first state. */
function expand(seed: number): RandomState {
  let state = BigInt(seed);
  const words: number[] = [];
  for (let n = 0; n < 2; n++) {
    state = (state + 0x9e3779b97f4a7c15n) & MASK;
    let z = state;
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK;
    z ^= z >> 31n;
    words.push(Number(z & 0xffffffffn), Number(z >> 32n));
  }
  return words as unknown as RandomState;
}

function checkState(value: unknown): asserts value is RandomState {
  if (!Array.isArray(value) || value.length !== 4) {
    throw new TypeError(`Random: seed must be a number, or state must be an array of four words, got ${show(value)}`);
  }
  for (const word of value) integer("Random", "every word of state", word, 0, 2 ** 32 - 1);
  if (value.every((word) => word === 0)) throw new RangeError("Random: state must not be all zero, got [0, 0, 0, 0]");
}

/**
 * Seeded random numbers, the same bits in every engine: xoshiro128** 1.1 (Blackman and Vigna), in integers alone, with
 * a log and a cosine of this package for normal deviates. Not for secrets.
 *
 * @example
 * const random = new Random(7);
 * const weights = random.truncatedNormals(128 * 384, 0.02);
 * const later = new Random(random.state); // goes on with the same numbers
 */
export class Random {
  readonly #s: Uint32Array;

  /**
   * @param seed An integer from 0 to 2^53 - 1, or the state of another generator.
   * @throws RangeError for another number, or a state of zeros; TypeError for another kind of thing
   */
  constructor(seed: number | RandomState) {
    if (typeof seed !== "object") integer("Random", "seed", seed, 0);
    else checkState(seed);
    this.#s = Uint32Array.from(typeof seed === "number" ? expand(seed) : seed);
  }

  /** What `new Random(state)` goes on from. */
  get state(): RandomState {
    return Array.from(this.#s) as unknown as RandomState;
  }

  /**
   * 32 random bits, as an integer from 0 to 2^32 - 1.
   *
   * @example new Random(7).bits();
   */
  bits(): number {
    const s = this.#s;
    const [a, b, c, d] = s as unknown as RandomState;
    const product = Math.imul(b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const third = c ^ a;
    const fourth = d ^ b;
    s[0] = a ^ fourth;
    s[1] = b ^ third;
    s[2] = third ^ (b << 9);
    s[3] = (fourth << 11) | (fourth >>> 21);
    return result;
  }

  /**
   * Uniform in [0, 1): a multiple of 2^-24, which float32 holds exactly.
   *
   * @example new Random(7).uniform();
   */
  uniform(): number {
    return (this.bits() >>> 8) / 2 ** 24;
  }

  /**
   * An integer from 0 to n - 1, each as likely as the others.
   * @throws RangeError when n is no integer from 1 to 2^32
   *
   * @example const dice = 1 + random.int(6);
   */
  int(n: number): number {
    integer("Random.int", "n", n, 1, 2 ** 32);
    const whole = 2 ** 32 - (2 ** 32 % n); // as many times n as 32 bits hold; what is above is drawn again
    let drawn = this.bits();
    while (drawn >= whole) drawn = this.bits();
    return drawn % n;
  }

  /**
   * A normal deviate of mean 0 and deviation 1, by Box and Muller: at most sqrt(64 log 2) = 6.66 in size.
   *
   * @example random.normal();
   */
  normal(): number {
    const u = (this.bits() + 1) / 2 ** 32; // (0, 1]
    return Math.sqrt(-2 * log(u)) * cosPi(this.bits() / 2 ** 31);
  }

  /**
   * A normal deviate, drawn again until it is at most 2 in size. Its deviation is 0.88, not 1.
   *
   * @example random.truncatedNormal();
   */
  truncatedNormal(): number {
    let x = this.normal();
    while (Math.abs(x) > 2) x = this.normal();
    return x;
  }

  /**
   * `count` numbers, uniform from `low` up to `high`, rounded to float32.
   * @throws RangeError for a count that is no integer of 0 or more, bounds that are not finite, or `high` below `low`
   *
   * @example const bias = random.uniforms(8, -0.1, 0.1);
   */
  uniforms(count: number, low = 0, high = 1): Float32Array {
    integer("Random.uniforms", "count", count, 0);
    real("Random.uniforms", "low", low);
    real("Random.uniforms", "high", high, low);
    return this.#fill(count, () => low + (high - low) * this.uniform());
  }

  /**
   * `count` normal deviates times `deviation`, plus `mean`, rounded to float32.
   * @throws RangeError for a count that is no integer of 0 or more, a deviation below 0, or a number that is not finite
   *
   * @example const weights = random.normals(24, 0.02);
   */
  normals(count: number, deviation = 1, mean = 0): Float32Array {
    integer("Random.normals", "count", count, 0);
    real("Random.normals", "deviation", deviation, 0);
    real("Random.normals", "mean", mean);
    return this.#fill(count, () => mean + deviation * this.normal());
  }

  /**
   * `count` normal deviates, cut at 2, times `deviation`, rounded to float32.
   * @throws RangeError for a count that is no integer of 0 or more, or a deviation below 0 or not finite
   *
   * @example const weights = random.truncatedNormals(24, 0.02);
   */
  truncatedNormals(count: number, deviation = 1): Float32Array {
    integer("Random.truncatedNormals", "count", count, 0);
    real("Random.truncatedNormals", "deviation", deviation, 0);
    return this.#fill(count, () => deviation * this.truncatedNormal());
  }

  /**
   * Puts the elements into random order, in place, every order as likely as the others, and returns the array.
   * @throws TypeError for what is no array
   *
   * @example random.shuffle(["a", "b", "c"]);
   */
  shuffle<T extends unknown[] | Int32Array | Uint32Array | Float32Array>(array: T): T {
    list("Random.shuffle", "array", array);
    for (let last = array.length - 1; last > 0; last--) {
      const other = this.int(last + 1);
      [array[last], array[other]] = [array[other]!, array[last]!];
    }
    return array;
  }

  /**
   * 0, 1, ... n - 1 in random order.
   * @throws RangeError when n is no integer from 0 to 2^31
   *
   * @example for (const row of random.permutation(10)) console.log(row);
   */
  permutation(n: number): Int32Array {
    integer("Random.permutation", "n", n, 0, 2 ** 31);
    return this.shuffle(Int32Array.from({ length: n }, (_, index) => index));
  }

  #fill(count: number, draw: () => number): Float32Array {
    const x = new Float32Array(count);
    for (let n = 0; n < count; n++) x[n] = draw();
    return x;
  }
}

/** The generator that a caller gives. */
export function checkRandom(where: string, random: unknown): asserts random is Random {
  if (random instanceof Random) return;
  throw new TypeError(`${where}: random must be a Random, got ${show(random, Random)}`);
}
