/** Blocks start at multiples of this and take whole multiples of it: one cache line. */
export const ALIGNMENT = 64;

interface Block {
  ptr: number;
  bytes: number;
}

/**
 * Which bytes from `start` to an end that may move up are in use. Free blocks are kept in address order, neighbours are merged, and a request
 * takes the smallest block that fits, so recurring shapes find their old place again. It holds no memory, so that what waits for tensors to
 * be collected (space.ts) keeps none.
 */
export class Blocks {
  #end: number;
  #used = 0;
  readonly #free: Block[] = [];
  readonly #sizes = new Map<number, number>();

  constructor(start: number, end: number) {
    this.#end = end;
    this.#insert({ ptr: start, bytes: end - start });
  }

  /** Bytes in use. */
  get used(): number {
    return this.#used;
  }

  /** The end that leaves room for a block of `size` bytes, a multiple of ALIGNMENT, behind the last one in use. */
  endWith(size: number): number {
    const last = this.#free.at(-1);
    const tail = last !== undefined && last.ptr + last.bytes === this.#end ? last.bytes : 0;
    return this.#end + size - tail;
  }

  /** There are bytes up to `end` now. */
  extend(end: number): void {
    const added = { ptr: this.#end, bytes: end - this.#end };
    this.#end = end;
    this.#insert(added);
  }

  /** A block of `size` bytes, a multiple of ALIGNMENT; undefined where none is free. */
  take(size: number): number | undefined {
    const index = this.#bestFit(size);
    const block = this.#free[index];
    if (block === undefined) return undefined;
    const { ptr } = block;
    if (block.bytes === size) this.#free.splice(index, 1);
    else {
      block.ptr += size;
      block.bytes -= size;
    }
    this.#sizes.set(ptr, size);
    this.#used += size;
    return ptr;
  }

  /** Gives a block back; nothing where none in use begins at `ptr`. */
  release(ptr: number): void {
    const bytes = this.#sizes.get(ptr);
    if (bytes === undefined) return;
    this.#sizes.delete(ptr);
    this.#used -= bytes;
    this.#insert({ ptr, bytes });
  }

  #bestFit(size: number): number {
    let best = -1;
    let bestBytes = Number.POSITIVE_INFINITY;
    for (let index = 0; index < this.#free.length; index++) {
      const { bytes } = this.#free[index]!;
      if (bytes >= size && bytes < bestBytes) {
        best = index;
        bestBytes = bytes;
        if (bytes === size) break;
      }
    }
    return best;
  }

  /** Puts a free block in its place and merges it with the neighbours it touches. */
  #insert(block: Block): void {
    if (block.bytes === 0) return;
    const free = this.#free;
    let low = 0;
    let high = free.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (free[middle]!.ptr < block.ptr) low = middle + 1;
      else high = middle;
    }
    const before = free[low - 1];
    const after = free[low];
    const joinsBefore = before !== undefined && before.ptr + before.bytes === block.ptr;
    const joinsAfter = after !== undefined && block.ptr + block.bytes === after.ptr;
    if (joinsBefore) {
      before.bytes += block.bytes + (joinsAfter ? after.bytes : 0);
      if (joinsAfter) free.splice(low, 1);
    } else if (joinsAfter) {
      after.ptr = block.ptr;
      after.bytes += block.bytes;
    } else free.splice(low, 0, block);
  }
}
