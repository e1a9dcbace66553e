/** The memory of steps: which blocks share bytes, and when it is planned. With models: nn.test.ts, nn-read-rows.test.ts. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Arena } from "../src/arena.js";
import { Plan } from "../src/nn/plan.js";

/** An arena that gives each block bytes of its own, at most `memory.most` of them, and a plan of it. */
function planned() {
  const memory = { most: Number.POSITIVE_INFINITY };
  let end = 64;
  const blocks = new Map<number, number>();
  const arena = {
    allocate(bytes: number): number {
      if (bytes > memory.most) throw new RangeError("full");
      const ptr = end;
      end += bytes;
      blocks.set(ptr, bytes);
      return ptr;
    },
    release: (ptr: number) => blocks.delete(ptr),
  };
  return { blocks, memory, plan: new Plan(arena as unknown as Arena) };
}

/** A step by its events: a name and bytes, which takes a block, or a name alone, which releases it. Blocks in use lie apart. */
function steps(plan: Plan, events: readonly (readonly [string, number?])[]): void {
  plan.begin();
  const open = new Map<string, readonly [ptr: number, bytes: number]>();
  for (const [name, bytes] of events) {
    if (bytes === undefined) {
      plan.release(open.get(name)![0]);
      open.delete(name);
    } else open.set(name, [plan.allocate(bytes), bytes]);
    const order = [...open.values()].sort(([a], [b]) => a - b);
    for (const [n, [ptr, size]] of order.slice(0, -1).entries()) assert.ok(ptr + size <= order[n + 1]![0], "apart");
  }
  plan.end(true);
}

test("a plan serves smaller blocks, makes room for a larger one, and is noted anew for other blocks", () => {
  const { blocks, plan } = planned();
  /** Blocks in use at once, and how many of them the step took from the arena. */
  const step = (...sizes: readonly number[]): number => {
    plan.begin();
    const before = blocks.size;
    for (const bytes of sizes) plan.allocate(bytes);
    const taken = blocks.size - before;
    plan.end(true);
    assert.is(blocks.size, 1, "one area");
    return taken;
  };
  assert.is(step(640, 64), 2);
  for (const sizes of [
    [640, 64],
    [320, 1],
    [0, 64],
  ])
    assert.is(step(...sizes), 0, `${sizes}`);
  assert.is(plan.bytes, 704);
  assert.is(step(320, 128), 1, "only the larger block");
  assert.is(plan.bytes, 768);
  assert.is(step(640, 128), 0, "room for the largest of both");
  plan.begin();
  plan.release(plan.allocate(640)); // an event where there was none
  plan.allocate(128);
  plan.end(true);
  assert.is(plan.bytes, 0);
  assert.is(step(64, 64), 2);
  assert.is(plan.bytes, 128);
  plan.dispose();
  assert.is(blocks.size, 0);
});

test("blocks in use lie apart in a step that releases later than the plan, in another order, or not at all, larger ones too", () => {
  const noted: Record<string, readonly (readonly [string, number?])[]> = {
    "a, then b in its place": [["a", 640], ["c", 64], ["a"], ["b", 640]],
    "a, then b in its place, then c": [["a", 640], ["c", 640], ["a"], ["b", 640], ["c"]],
  };
  const others: readonly (readonly (readonly [string, number?])[])[] = [
    [["a", 640], ["c", 64], ["b", 640], ["a"]],
    [["a", 640], ["c", 640], ["c"], ["b", 640]],
    [
      ["a", 640],
      ["c", 640],
      ["b", 640],
    ],
    [["a", 640], ["c", 1280], ["a"], ["b", 64], ["c"]],
    [["a", 1280], ["c", 64], ["c"], ["b", 1280], ["d", 640]],
  ];
  for (const events of Object.values(noted)) {
    for (const other of others) {
      const { plan } = planned();
      for (const one of [events, events, other, other, events, other]) steps(plan, one);
      plan.dispose();
    }
  }
});

test("a plan that is more than twice as large as what steps ask for is given back after 32 of them", () => {
  const { blocks, plan } = planned();
  const step = (bytes: number): void => steps(plan, [["a", bytes]]);
  step(6400);
  step(6400);
  for (let n = 0; n < 31; n++) step(640);
  assert.is(plan.bytes, 6400);
  step(3200); // half of it: the count begins anew
  for (let n = 0; n < 32; n++) step(640);
  assert.is(plan.bytes, 0);
  step(640);
  step(640);
  assert.is(plan.bytes, 640);
  assert.is(blocks.size, 1);
});

test("a step that succeeds stays so when memory has no room for its plan in one piece", () => {
  const { blocks, plan, memory } = planned();
  memory.most = 1000;
  const step = (): void =>
    steps(plan, [
      ["a", 640],
      ["b", 640],
    ]);
  step();
  assert.is(plan.bytes, 0);
  assert.is(blocks.size, 0);
  memory.most = 2000;
  step();
  assert.is(plan.bytes, 1280);
  assert.is(blocks.size, 1);
});

test("a step of more blocks than are planned takes them from the arena, each time, and has no plan; one of fewer has", () => {
  const { blocks, plan } = planned();
  const step = (count: number): number => {
    plan.begin();
    const before = blocks.size;
    for (let n = 0; n < count; n++) plan.allocate(64);
    const taken = blocks.size - before;
    plan.end(true);
    return taken;
  };
  assert.equal([step(4097), step(4097), plan.bytes, blocks.size], [4097, 4097, 0, 0]);
  assert.equal([step(4096), plan.bytes, step(4096)], [4096, 64 * 4096, 0]);
  assert.equal([step(5000), plan.bytes, blocks.size], [904, 0, 0], "beyond its plan, which is dropped");
});

test("an address is the step's where a block of it is", () => {
  const { plan } = planned();
  const ask = (): boolean[] => {
    plan.begin();
    const ptr = plan.allocate(128);
    const found = [ptr - 1, ptr, ptr + 127, ptr + 128].map((at) => plan.has(at));
    plan.end(true);
    return [...found, plan.has(ptr)];
  };
  for (const planned of [false, true]) assert.equal(ask(), [false, true, true, false, false], `${planned}`);
});

test("where a larger block finds no room beside the area, in which nothing of the step lies, the area gives way", () => {
  const { blocks, memory, plan } = planned();
  const areas = [];
  const events = [["a", 640], ["b", 640], ["a"], ["b"]] as const;
  steps(plan, events);
  areas.push(plan.bytes);
  // Room for 2,000 bytes beside the area's 1,280, and none for a block of more than 1,000 as long as they are taken.
  Object.defineProperty(memory, "most", { get: () => (blocks.size > 0 && plan.bytes > 0 ? 1000 : 4000) });
  steps(plan, [["a", 1600], ["b", 640], ["a"], ["b"]]);
  areas.push(plan.bytes);
  plan.begin();
  plan.allocate(64);
  assert.throws(() => plan.allocate(1600), RangeError, "in use: the first block lies in the area");
  plan.end(false);
  assert.equal(areas, [1280, 2240]);
  // A step that has left the plan: no notes are made of it, but of the next.
  steps(plan, events);
  plan.begin();
  plan.release(plan.allocate(64));
  plan.allocate(1600);
  plan.end(true);
  assert.is(plan.bytes, 0);
  steps(plan, events);
  assert.is(plan.bytes, 1280);
});

test.run();
