import { test } from "uvu";
import * as assert from "uvu/assert";
import { Arena } from "../src/arena.js";
import { ALIGNMENT } from "../src/blocks.js";
import type { Memory } from "../src/host.js";
import { Random } from "./support/random.js";
import { throws } from "./support/throws.js";

const PAGE = 65536;

/** A memory of `pages` pages that refuses to grow beyond `most`. Its buffer is detached by growth, as the real one is. */
class MockMemory implements Memory {
  buffer: ArrayBuffer;
  growths = 0;

  constructor(
    pages: number,
    private readonly most = Number.POSITIVE_INFINITY,
  ) {
    this.buffer = new ArrayBuffer(pages * PAGE);
  }

  grow(pages: number): number {
    const before = this.buffer.byteLength / PAGE;
    if (before + pages > this.most) throw new RangeError("mock: no more memory");
    this.growths++;
    const grown = new ArrayBuffer((before + pages) * PAGE);
    new Uint8Array(grown).set(new Uint8Array(this.buffer));
    structuredClone(this.buffer, { transfer: [this.buffer] });
    this.buffer = grown;
    return before;
  }
}

test("blocks are aligned, disjoint, and keep the base and the last 64 bytes free", () => {
  const memory = new MockMemory(1);
  const arena = new Arena(memory, 1030);
  const sizes = [0, 1, 63, 64, 65, 128, 1000, 4096, 100_000];
  const blocks = sizes.map((bytes) => ({ ptr: arena.allocate(bytes), bytes }));
  for (const [index, { ptr, bytes }] of blocks.entries()) {
    assert.is(ptr % ALIGNMENT, 0);
    assert.ok(ptr >= 1030);
    assert.ok(ptr + bytes <= memory.buffer.byteLength - 64);
    for (const other of blocks.slice(index + 1)) assert.ok(other.ptr >= ptr + bytes || other.ptr + other.bytes <= ptr);
  }
});

test("the largest block that fits one page leaves the last 64 bytes alone, one more byte grows", () => {
  for (const extra of [0, 1]) {
    const memory = new MockMemory(1);
    new Arena(memory, 0).allocate(PAGE - 64 + extra);
    assert.is(memory.growths, extra);
  }
});

test("a freed block is reused for the same size, and the smallest block that fits is taken", () => {
  const arena = new Arena(new MockMemory(1), 0);
  const [small, , large] = [256, 64, 1024, 64].map((bytes) => arena.allocate(bytes)) as [number, number, number];
  arena.release(large);
  arena.release(small);
  assert.is(arena.allocate(200), small);
  assert.is(arena.allocate(1024), large);
});

test("neighbouring free blocks merge, whichever is freed first", () => {
  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
    [0, 2, 1],
    [1, 0, 2],
  ]) {
    const arena = new Arena(new MockMemory(1), 0);
    const blocks = [0, 1, 2].map(() => arena.allocate(6400));
    arena.allocate(64);
    for (const index of order) arena.release(blocks[index]!);
    assert.is(arena.allocate(3 * 6400), blocks[0]);
  }
});

test("everything released, the whole memory is one block again after 20,000 random calls", () => {
  const random = new Random(1);
  const memory = new MockMemory(64);
  const arena = new Arena(memory, 1024);
  const live: { ptr: number; bytes: number }[] = [];
  for (let call = 0; call < 20_000; call++) {
    if (live.length > 40 || (live.length > 0 && random.chance(0.45))) {
      arena.release(live.splice(random.int(live.length), 1)[0]!.ptr);
    } else {
      const bytes = random.int(2 ** (4 + random.int(13)));
      const ptr = arena.allocate(bytes);
      for (const other of live) assert.ok(other.ptr >= ptr + bytes || other.ptr + other.bytes <= ptr);
      live.push({ ptr, bytes: Math.max(bytes, 1) });
    }
  }
  for (const { ptr } of live) arena.release(ptr);
  assert.is(arena.usage.used, 0);
  assert.is(arena.allocate(memory.buffer.byteLength - 1024 - 64), 1024);
});

test("growth keeps the contents and adds to the free block at the end instead of leaving it behind", () => {
  const memory = new MockMemory(1);
  const arena = new Arena(memory, 0);
  const first = arena.allocate(400);
  arena.f32(first, 100).fill(7);
  const second = arena.allocate(PAGE);
  assert.is(memory.growths, 1);
  assert.is(second, 448);
  assert.equal(arena.f32(first, 100), new Float32Array(100).fill(7));
});

test("beyond maxMemory: a RangeError with the bytes asked for and the limit, and earlier blocks stay usable", () => {
  const memory = new MockMemory(1);
  const arena = new Arena(memory, 0, 4 * PAGE + 5);
  const kept = arena.allocate(400);
  arena.f32(kept, 100).fill(3);
  throws(() => arena.allocate(4 * PAGE), RangeError, `${4 * PAGE} bytes`, `limit is ${4 * PAGE} bytes`);
  assert.is(memory.growths, 0);
  assert.is(arena.usage.used, 448);
  assert.equal(arena.f32(kept, 100), new Float32Array(100).fill(3));
  arena.allocate(4 * PAGE - 448 - 64);
  assert.is(memory.buffer.byteLength, 4 * PAGE);
});

test("a host that refuses to grow gives a RangeError and changes nothing", () => {
  const memory = new MockMemory(1, 3);
  const arena = new Arena(memory, 0);
  const kept = arena.allocate(64);
  throws(() => arena.allocate(3 * PAGE), RangeError, `${3 * PAGE} bytes`, "refused");
  assert.is(arena.allocate(3 * PAGE - 64 - 64), kept + 64);
});

test("sizes that would wrap in 32 or 64 bits are refused, not wrapped", () => {
  const arena = new Arena(new MockMemory(1), 0);
  for (const bytes of [2 ** 32, 2 ** 32 + 64, 2 ** 53, 2 ** 64, 1e300, Number.POSITIVE_INFINITY]) {
    throws(() => arena.allocate(bytes), RangeError, "bytes", String(2 ** 32));
  }
});

test("a borrowed block is given back on return and on throw", () => {
  const arena = new Arena(new MockMemory(1), 0);
  assert.is(
    arena.borrow(100, (ptr) => ptr + 1),
    1,
  );
  const fail = () => {
    throw new TypeError("from the body");
  };
  throws(() => arena.borrow(100, fail), TypeError, "from the body");
  assert.is(arena.usage.used, 0);
});

test("releasing a block twice does nothing the second time", () => {
  const arena = new Arena(new MockMemory(1), 0);
  const ptr = arena.allocate(64);
  arena.release(ptr);
  arena.release(ptr);
  assert.is.not(arena.allocate(64), arena.allocate(64));
});

test.run();
