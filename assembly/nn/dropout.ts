/**
 * Dropout with a counter-based generator: element i is kept or not by a hash of its index and the seed, so backward, and any split of
 * the array, finds the same mask, and none is stored.
 *
 *   h = mix(mix(index ^ key0) + key1),   kept where the upper 24 bits of h are p 2^24 or more
 *
 * mix is the 32-bit finaliser lowbias32 (github.com/skeeto/hash-prospector), a bijection whose output bits each depend on
 * every input bit. The keys are themselves mixed from the seed: with the seed as it is, neighbouring seeds would give
 * the same mask with elements swapped.
 */
import { Simd } from "../simd";

const M1 = memory.data<u32>([0x7feb352d], 4);
const M2 = memory.data<u32>([0x846ca68b], 4);

class Hash {
  static mix(h: u32): u32 {
    h = (h ^ (h >>> 16)) * 0x7feb352d;
    h = (h ^ (h >>> 15)) * 0x846ca68b;
    return h ^ (h >>> 16);
  }

  @inline static mix4(h: v128): v128 {
    h = i32x4.mul(v128.xor(h, i32x4.shr_u(h, 16)), v128.load32_splat(M1));
    h = i32x4.mul(v128.xor(h, i32x4.shr_u(h, 15)), v128.load32_splat(M2));
    return v128.xor(h, i32x4.shr_u(h, 16));
  }
}

/** y_i = x_i / (1 - p), or 0 with probability p, whatever x_i is; y may be x. Element i has index first + i (u32). */
export function dropout(y: usize, x: usize, n: i32, seedLow: u32, seedHigh: u32, first: u32, p: f64): void {
  assert(n >= 0 && p >= 0 && p <= 1, "n must be 0 or more, p between 0 and 1");
  const low = Hash.mix(seedLow + 0x9e3779b9);
  const key0 = i32x4.splat(Hash.mix(low ^ seedHigh));
  const key1 = i32x4.splat(Hash.mix(Hash.mix(seedHigh + 0x85ebca6b) + low));
  const least = i32x4.splat(<i32>nearest(p * 16777216)); // of the upper 24 bits
  const factor = f32x4.splat(<f32>(1 / (1 - p)));
  let index = i32x4.add(i32x4.splat(first), i32x4(0, 1, 2, 3));
  const four = i32x4.splat(4);
  for (let i = 0; i < n; i += 4) {
    const at = (<usize>i) << 2;
    const h = Hash.mix4(i32x4.add(Hash.mix4(v128.xor(index, key0)), key1));
    const keep = i32x4.ge_s(i32x4.shr_u(h, 8), least);
    if (Simd.storeEnds(y + at, v128.and(f32x4.mul(v128.load(x + at), factor), keep), n - i)) return;
    index = i32x4.add(index, four);
  }
}
