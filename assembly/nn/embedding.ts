/** y_r = table[ids_r], and its gradient. */
import { Simd } from "../simd";

/** Copies a row of the table, `width` floats, for each of `rows` ids (i32). */
export function embedding(y: usize, table: usize, ids: usize, rows: i32, width: i32): void {
  assert(rows >= 0 && width >= 0, "rows and width must be 0 or more");
  const bytes = (<usize>width) << 2;
  for (let r = 0; r < rows; ++r, y += bytes) {
    const id = load<i32>(ids + ((<usize>r) << 2));
    assert(id >= 0, "ids must be 0 or more");
    memory.copy(y, table + <usize>id * bytes, bytes);
  }
}

/** dtable[ids_r] += dy_r, rows in order, columns [c0, c1). dtable is what the caller has cleared, or goes on with. */
export function embeddingBackward(dtable: usize, dy: usize, ids: usize, rows: i32, width: i32, c0: i32, c1: i32): void {
  assert(rows >= 0 && 0 <= c0 && c0 <= c1 && c1 <= width, "rows must be 0 or more, 0 <= c0 <= c1 <= width");
  const stride = (<usize>width) << 2;
  const from = (<usize>c0) << 2;
  const whole = from + ((<usize>((c1 - c0) & ~3)) << 2);
  const rest = (c1 - c0) & 3;
  for (let r = 0; r < rows; ++r, dy += stride) {
    const id = load<i32>(ids + ((<usize>r) << 2));
    assert(id >= 0, "ids must be 0 or more");
    const to = dtable + <usize>id * stride;
    for (let c = from; c < whole; c += 16) v128.store(to + c, f32x4.add(v128.load(to + c), v128.load(dy + c)));
    if (rest) Simd.storeTail(to + whole, f32x4.add(v128.load(to + whole), v128.load(dy + whole)), rest);
  }
}
