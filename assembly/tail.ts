export class Tail {
  /** Stores the first `count` lanes of v, 0 to 3: the end of an array whose length is no multiple of 4. */
  static store(to: usize, v: v128, count: i32): void {
    if (count & 2) {
      v128.store64_lane(to, v, 0);
      v = i64x2.shuffle(v, v, 1, 0);
      to += 8;
    }
    if (count & 1) v128.store32_lane(to, v, 0);
  }
}
