import type { Memory } from "./host.js";
import { ADDRESS_SPACE, PAGE } from "./shape.js";

/** Blocks start at multiples of this and take whole multiples of it: one cache line. */
export const ALIGNMENT = 64;

/** Kernels may read up to 64 bytes past the end of a tensor, so these last bytes are never handed out. */
const GUARD = 64;

/** Memory grows by an eighth of its size, at most by 4 MiB, where the limit allows: fewer growths, little waste. */
const MAX_SLACK = 4 << 20;

interface Block {
  ptr: number;
  bytes: number;
}

const alignUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit;

/**
 * Owns the linear memory and hands out aligned blocks of it. Free blocks are kept in address order, neighbours
 * are merged, and a request takes the smallest block that fits, so recurring shapes find their old place again.
 * All sizes are JavaScript numbers, which are exact far beyond 4 GiB: nothing can wrap before it is compared.
 */
export class Arena {
  #memory: Memory | undefined;
  #end: number;
  #used = 0;
  readonly #limit: number;
  readonly #free: Block[] = [];
  readonly #sizes = new Map<number, number>();
  /** The live arrays of tensors, which would keep the memory: they go with it, however long the tensors are held. */
  views = new WeakMap<object, ArrayBufferView>();
  /** Threads that may still write to blocks that were given back, after a call that was cut off; `settle` waits for them. */
  writers: { settle(): void } | undefined;

  /** Takes `memory` from byte `base` on; never grows it beyond `maxMemory` bytes. */
  constructor(memory: Memory, base: number, maxMemory: number = ADDRESS_SPACE) {
    this.#memory = memory;
    this.#limit = Math.floor(maxMemory / PAGE) * PAGE;
    const start = alignUp(base, ALIGNMENT);
    this.#end = memory.buffer.byteLength - GUARD;
    this.#insert({ ptr: start, bytes: this.#end - start });
  }

  /** The buffer as it is now. Growth detaches it: never keep it across a call that may allocate. */
  get buffer(): ArrayBuffer {
    if (this.#memory === undefined) throw new TypeError("laser-attention: this instance is disposed");
    return this.#memory.buffer;
  }

  /** Bytes of linear memory, bytes in blocks handed out, and the most bytes that the memory may grow to. */
  get usage(): { bytes: number; used: number; limit: number } {
    return { bytes: this.buffer.byteLength, used: this.#used, limit: this.#limit };
  }

  get disposed(): boolean {
    return this.#memory === undefined;
  }

  f32(ptr: number, length: number): Float32Array {
    return new Float32Array(this.buffer, ptr, length);
  }

  i32(ptr: number, length: number): Int32Array {
    return new Int32Array(this.buffer, ptr, length);
  }

  u8(ptr: number, length: number): Uint8Array {
    return new Uint8Array(this.buffer, ptr, length);
  }

  /** A block of at least `bytes` bytes, uninitialised. A RangeError leaves everything handed out as it was. */
  allocate(bytes: number): number {
    this.writers?.settle();
    const size = Math.max(ALIGNMENT, alignUp(bytes, ALIGNMENT));
    let index = this.#bestFit(size);
    if (index < 0) {
      this.#grow(size);
      index = this.#bestFit(size);
    }
    const block = this.#free[index]!;
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

  /** Gives a block back. */
  release(ptr: number): void {
    const bytes = this.#sizes.get(ptr);
    if (bytes === undefined) return;
    this.#sizes.delete(ptr);
    this.#used -= bytes;
    this.#insert({ ptr, bytes });
  }

  /** Runs `body` with a block of `bytes` bytes that is given back on every path. */
  borrow<T>(bytes: number, body: (ptr: number) => T): T {
    const ptr = this.allocate(bytes);
    try {
      return body(ptr);
    } finally {
      this.release(ptr);
    }
  }

  /** Lets go of the memory; every later use throws. */
  dispose(): void {
    this.#memory = undefined;
    this.writers = undefined;
    this.views = new WeakMap();
    this.#free.length = 0;
    this.#sizes.clear();
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

  /** Grows the memory so that a block of `size` bytes fits at its end; the end moves only after that succeeded. */
  #grow(size: number): void {
    const buffer = this.buffer;
    const last = this.#free.at(-1);
    const tail = last !== undefined && last.ptr + last.bytes === this.#end ? last.bytes : 0;
    const needed = alignUp(this.#end + size - tail + GUARD, PAGE);
    const refuse = (reason: string): never => {
      throw new RangeError(
        `laser-attention: cannot allocate ${size} bytes: ${reason} ` +
          `(memory is ${buffer.byteLength} bytes, ${this.#used} of them in use, the limit is ${this.#limit} bytes); ` +
          "dispose and scope give tensors back at once, the engine only when it collects what was dropped",
      );
    };
    if (needed > this.#limit) refuse(`memory would have to grow to ${needed} bytes`);
    const slack = Math.min(MAX_SLACK, buffer.byteLength / 8);
    const generous = Math.min(this.#limit, alignUp(needed + slack, PAGE));
    if (!this.#tryGrow(generous) && !this.#tryGrow(needed))
      refuse(`the host refused to grow memory to ${needed} bytes`);
    const end = this.buffer.byteLength - GUARD;
    const grown = { ptr: this.#end, bytes: end - this.#end };
    this.#end = end;
    this.#insert(grown);
  }

  #tryGrow(bytes: number): boolean {
    try {
      this.#memory!.grow((bytes - this.buffer.byteLength) / PAGE);
      return true;
    } catch {
      return false;
    }
  }
}
