import { ALIGNMENT, Blocks } from "./blocks.js";
import type { Memory } from "./host.js";
import { ADDRESS_SPACE, PAGE } from "./shape.js";

/** Kernels may read up to 64 bytes past the end of a tensor, so these last bytes are never handed out. */
const GUARD = 64;

/** Memory grows by an eighth of its size, at most by 4 MiB, where the limit allows: fewer growths, little waste. */
const MAX_SLACK = 4 << 20;

const alignUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit;

/** Bytes of an array buffer that make V8 collect: its soft limit for what lies outside of its heap is 64 MiB. */
const NOTICED = 65 << 20;

/** Bytes of shared memory that instances let go of since the last hint. */
let unnoticed = 0;

/**
 * V8 counts array buffers, but no shared memory, when it decides to collect: without a hint, instances with threads that were made and
 * disposed one after the other, of 100 MB each, took 6 GB.
 */
function hint({ byteLength }: ArrayBuffer): void {
  unnoticed += byteLength;
  if (unnoticed < NOTICED) return;
  try {
    new ArrayBuffer(unnoticed);
  } catch {
    // No room: it has tried to collect.
  }
  unnoticed = 0;
}

/**
 * Owns the linear memory and hands out aligned blocks of it. All sizes are JavaScript numbers, which are exact far beyond 4 GiB: nothing can
 * wrap before it is compared.
 */
export class Arena {
  #memory: Memory | undefined;
  readonly #outgrown = new WeakSet<object>();
  readonly #limit: number;
  /** Which parts of it are handed out. */
  blocks: Blocks;
  /** The live arrays of tensors, which would keep the memory: they go with it, however long the tensors are held. */
  views = new WeakMap<object, ArrayBufferView>();
  /** Called when the program has yielded after a use. */
  yielded: (() => void) | undefined;
  /** Blocks of `borrow` in use, outermost first; `#depth` counts them, since shortening an array takes time. */
  readonly #borrowed: number[] = [];
  #depth = 0;
  #watched = false;
  /** Threads that may still write to blocks that were given back, after a call that was cut off; `settle` waits for them. */
  writers: { settle(): void } | undefined;
  /** Whether what is given back stays taken. */
  #abandoned = false;

  /** Takes `memory` from byte `base` on; never grows it beyond `maxMemory` bytes. */
  constructor(memory: Memory, base: number, maxMemory: number = ADDRESS_SPACE) {
    this.#memory = memory;
    this.#limit = Math.floor(maxMemory / PAGE) * PAGE;
    this.blocks = new Blocks(alignUp(base, ALIGNMENT), memory.buffer.byteLength - GUARD);
  }

  /** The buffer as it is now. Growth detaches it: never keep it across a call that may allocate. */
  get buffer(): ArrayBuffer {
    if (this.#memory === undefined) throw new TypeError("laser-attention: this instance is disposed");
    return this.#memory.buffer;
  }

  /** Whether an array lies in this memory. Shared memory has another buffer after a growth, which leaves views of those before as they are. */
  holds({ buffer }: ArrayBufferView): boolean {
    return buffer === this.buffer || this.#outgrown.has(buffer);
  }

  /** Bytes of linear memory, bytes in blocks handed out, and the most bytes that the memory may grow to. */
  get usage(): { bytes: number; used: number; limit: number } {
    return { bytes: this.buffer.byteLength, used: this.blocks.used, limit: this.#limit };
  }

  get disposed(): boolean {
    return this.#memory === undefined;
  }

  /** Views of the memory. `f32` and `u8` are named like the element types, by which tensors ask for them. */
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
    this.#abandoned = false;
    this.writers?.settle();
    const size = Math.max(ALIGNMENT, alignUp(bytes, ALIGNMENT));
    let ptr = this.blocks.take(size);
    if (ptr === undefined) {
      this.#grow(size);
      ptr = this.blocks.take(size)!;
    }
    return ptr;
  }

  /** Gives a block back. */
  release(ptr: number): void {
    if (!this.#abandoned) this.blocks.release(ptr);
  }

  /**
   * What the call that is ending gives back stays taken for good: threads that were given up may still write to it. Until the next block is
   * asked for, or the program yields.
   */
  abandon(): void {
    this.watch();
    this.#abandoned = true;
  }

  /** Runs `body` with a block of `bytes` bytes that is given back on every path. */
  borrow<T>(bytes: number, body: (ptr: number) => T): T {
    this.watch();
    const ptr = this.allocate(bytes);
    const depth = this.#depth;
    this.#borrowed[this.#depth++] = ptr;
    try {
      return body(ptr);
    } finally {
      this.#depth = depth; // first: cut off in between, the block is lost, and not given back twice
      this.release(ptr);
    }
  }

  /**
   * Ctrl-C in a REPL, and a timeout of node:vm, end a call so that no `finally` runs. When the program has yielded, no call is running and no
   * scope and no step is open: what they left is given back then.
   */
  watch(): void {
    if (this.#watched) return;
    void Promise.resolve().then(() => {
      this.#watched = false;
      if (this.disposed) return;
      this.writers?.settle();
      while (this.#depth > 0) this.release(this.#borrowed[--this.#depth]!);
      this.#abandoned = false;
      this.yielded?.();
    });
    this.#watched = true; // behind it: a stack that is full may end this in between
  }

  /** Lets go of the memory; every later use throws. */
  dispose(): void {
    const buffer = this.#memory?.buffer;
    this.#memory = undefined;
    this.yielded = undefined;
    if (buffer !== undefined && !(buffer instanceof ArrayBuffer)) hint(buffer);
    this.writers = undefined;
    this.views = new WeakMap();
    this.blocks = new Blocks(0, 0);
  }

  /** Grows the memory so that a block of `size` bytes fits at its end; the end moves only after that succeeded. */
  #grow(size: number): void {
    const buffer = this.buffer;
    const needed = alignUp(this.blocks.endWith(size) + GUARD, PAGE);
    const refuse = (reason: string): never => {
      throw new RangeError(
        `laser-attention: cannot allocate ${size} bytes: ${reason} ` +
          `(memory is ${buffer.byteLength} bytes, ${this.blocks.used} of them in use, the limit is ${this.#limit} bytes); ` +
          "dispose and scope give tensors back at once, the engine only when it collects what was dropped",
      );
    };
    if (needed > this.#limit) refuse(`memory would have to grow to ${needed} bytes`);
    const slack = Math.min(MAX_SLACK, buffer.byteLength / 8);
    const generous = Math.min(this.#limit, alignUp(needed + slack, PAGE));
    if (!this.#tryGrow(generous) && !this.#tryGrow(needed))
      refuse(`the host refused to grow memory to ${needed} bytes`);
    this.blocks.extend(this.buffer.byteLength - GUARD);
  }

  #tryGrow(bytes: number): boolean {
    const { buffer } = this;
    try {
      this.#memory!.grow((bytes - buffer.byteLength) / PAGE);
      if (!(buffer instanceof ArrayBuffer)) this.#outgrown.add(buffer);
      return true;
    } catch {
      return false;
    }
  }
}
