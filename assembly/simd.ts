/** Multiply-add, relaxed or not, and what lies across lanes. */
export class Simd {
  /** a * b + c; rounded once where the engine fuses, twice where it does not. */
  @inline static madd(a: v128, b: v128, c: v128): v128 {
    return ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(a, b, c) : f32x4.add(f32x4.mul(a, b), c);
  }

  /** c - a * b. */
  @inline static nmadd(a: v128, b: v128, c: v128): v128 {
    return ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_nmadd(a, b, c) : f32x4.sub(c, f32x4.mul(a, b));
  }

  /** (l0 + l1) + (l2 + l3). */
  @inline static hsum(v: v128): f32 {
    return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
  }

  /** The largest of x_j, j < n, NaN left out; -inf where there is none. */
  static max(x: usize, n: i32): f32 {
    const least = f32x4.splat(-Infinity);
    let top = least;
    for (let j = 0; j < n; j += 4) {
      top = f32x4.pmax(top, v128.bitselect(v128.load(x + ((<usize>j) << 2)), least, Simd.first(n - j)));
    }
    top = f32x4.pmax(top, v128.shuffle<f32>(top, top, 2, 3, 0, 1));
    return f32x4.extract_lane(f32x4.pmax(top, v128.shuffle<f32>(top, top, 1, 0, 3, 2)), 0);
  }

  /** x = v, whole vectors. */
  static fill(x: usize, bytes: usize, v: v128): void {
    for (let d: usize = 0; d < bytes; d += 16) v128.store(x + d, v);
  }

  /** All ones in the first n lanes, all four when n >= 4. */
  @inline static first(n: i32): v128 {
    return i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(n));
  }

  /** Stores the first n lanes, all four when n >= 4. */
  @inline static storeFirst(to: usize, v: v128, n: i32): void {
    if (n >= 4) v128.store(to, v);
    else Simd.storeLanes(to, v, n);
  }

  /**
   * The same for a loop, which must end where this is true: less than four lanes were stored, so they were the last. Those are stored by
   * a call, lest each loop has a copy of its code, and one that came back into the loop would have registers saved around it.
   */
  @inline static storeEnds(to: usize, v: v128, n: i32): bool {
    if (n < 4) {
      Simd.storeTail(to, v, n);
      return true;
    }
    v128.store(to, v);
    return false;
  }

  /** Stores the first n lanes, 0 to 3: the end of an array whose length is no multiple of 4. */
  static storeTail(to: usize, v: v128, n: i32): void {
    Simd.storeLanes(to, v, n);
  }

  @inline private static storeLanes(to: usize, v: v128, n: i32): void {
    if (n & 2) {
      v128.store64_lane(to, v, 0);
      v = i64x2.shuffle(v, v, 1, 0);
      to += 8;
    }
    if (n & 1) v128.store32_lane(to, v, 0);
  }
}

/** Eight floats, x0 and x1: a row of a register tile. */
export class Eight {
  @inline static put(c: usize, x0: v128, x1: v128): void {
    v128.store(c, x0);
    v128.store(c, x1, 16);
  }

  /** c = base + x for one row. */
  @inline static sum(c: usize, base: usize, x0: v128, x1: v128): void {
    Eight.put(c, f32x4.add(v128.load(base), x0), f32x4.add(v128.load(base, 16), x1));
  }

  /** c += x for one row. */
  @inline static add(c: usize, x0: v128, x1: v128): void {
    Eight.sum(c, c, x0, x1);
  }

  /** c += x * factor for one row. */
  @inline static scaleAdd(c: usize, x0: v128, x1: v128, f0: v128, f1: v128): void {
    Eight.put(c, Simd.madd(x0, f0, v128.load(c)), Simd.madd(x1, f1, v128.load(c, 16)));
  }
}
