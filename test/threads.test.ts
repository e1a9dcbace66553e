/**
 * The entry laser-attention/threads: its options, its workers' life. Results: team.test.ts; the start: start.test.ts; workers that
 * die: pool.test.ts.
 */
import { availableParallelism } from "node:os";
import * as main from "laser-attention";
import * as threads from "laser-attention/threads";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { firstDifference } from "./support/bits.js";
import { runProgram } from "./support/host.js";
import { relaxedSupported } from "./support/kernels.js";
import {
  assertReference,
  both,
  CALL,
  D,
  data,
  ended,
  H,
  type Instance,
  N,
  reference,
  workersOf,
} from "./support/threads.js";
import { throws } from "./support/throws.js";

const { create, createSync } = threads;

test("the names are those of the main entry, and create and createSync give its bits", async () => {
  assert.equal(Object.keys(threads), Object.keys(main));
  const instances = [createSync({ threads: 3 }), await create({ threads: 2 })];
  assert.equal(
    instances.map((la) => la.threads),
    [3, 2],
  );
  for (const la of instances) {
    assert.is(la.simd, "plain");
    assertReference(la);
    la.dispose();
    throws(() => la.threads, TypeError, "disposed");
  }
});

test("threads: as many as asked for, else as the machine runs at once, at most 8; 1 starts no worker", async () => {
  const numbers: number[] = [];
  const workers = await workersOf(() => {
    for (const options of [{ threads: 5 }, undefined, { threads: undefined }, { threads: 1 }]) {
      const la = createSync(options);
      numbers.push(la.threads);
      la.dispose();
    }
  });
  const most = Math.min(8, availableParallelism());
  assert.equal(numbers, [5, most, most, 1]);
  assert.is(workers.length, 4 + 2 * (most - 1));
  const alone = createSync({ threads: 1 });
  assertReference(alone);
  alone.dispose();
});

test("simd: relaxed runs the relaxed kernels where the engine has them, and says so", async () => {
  const la = await create({ threads: 2, simd: "relaxed" });
  assert.is(la.simd, relaxedSupported ? "relaxed" : "plain");
  assert.is(la.threads, 2);
  for (const [n, x] of both(la).entries()) {
    // Both builds keep the bounds of support/bounds.ts, some 1e-6 here; gradients add up N of them.
    for (const [i, y] of x.entries()) assert.ok(Math.abs(y - reference[n]![i]!) < 1e-4);
  }
  la.dispose();
});

test("every wrong option is refused with its name, what was expected and what came", async () => {
  const loose = createSync as (options: unknown) => unknown;
  const workers = await workersOf(() => {
    for (const count of [0, 1.5, 65, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      throws(() => loose({ threads: count }), RangeError, "threads must be an integer from 1 to 64", `got ${count}`);
    }
    throws(() => loose({ threads: "2" }), TypeError, 'createSync: threads must be a number, got "2"');
    throws(() => loose({ threads: null }), TypeError, "threads must be a number, got null");
    throws(() => loose({ simd: "fast" }), TypeError, 'simd must be "plain" or "relaxed", got "fast"');
    throws(() => loose({ thread: 2 }), TypeError, 'got "thread"');
    throws(() => loose({ worker: 5 }), TypeError, "worker must be a string or a URL, got 5");
    throws(() => loose({ maxMemory: 5 }), RangeError, "maxMemory must be an integer");
    throws(() => loose(null), TypeError, "options must be an object, got null");
  });
  assert.equal(workers, []);
  const rejected = await create({ threads: 65 }).catch((error: Error) => error);
  assert.ok(rejected instanceof RangeError && rejected.message.startsWith("create: threads"));
});

test("memory that grows while the workers exist is theirs too, and tensors survive it", () => {
  const la = createSync({ threads: 3 });
  assert.is(la.threads, 3); // this waits until they have started
  const kept = la.tensor(data[0]!, [1, H, N, D]);
  for (let round = 0; round < 3; round++) {
    la.empty([25 * 2 ** 20]); // 100 MiB
    assertReference(la);
  }
  assert.ok(la.memory.bytes > 300 * 2 ** 20);
  assert.is(firstDifference(kept.toArray(), data[0]!), -1);
  la.dispose();
});

test("set from an older array over the same memory, whose buffer growth has replaced, does not read what it has overwritten", () => {
  const la = createSync({ threads: 2 });
  const x = la.tensor(
    Float32Array.from({ length: 16 }, (_, n) => n),
    [16],
  );
  const before = x.data;
  la.zeros([la.memory.bytes]);
  x.view([4, 4], [1, 4]).set(before);
  assert.equal(Array.from(x.data), [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15]);
  la.dispose();
});

test("maxMemory holds for all threads together: a RangeError, and what there is stays usable", () => {
  const la = createSync({ threads: 3, maxMemory: 2 ** 21 });
  assert.is(la.memory.limit, 2 ** 21);
  assert.is(la.threads, 3);
  throws(() => la.empty([2 ** 19]), RangeError, "2097152 bytes", "limit is 2097152 bytes");
  assertReference(la);
  const filler = la.empty([(la.memory.limit - la.memory.used) / 4 - 2 ** 17]); // half a MiB is left
  throws(() => both(la), RangeError, "cannot allocate");
  filler.dispose();
  assertReference(la);
  la.dispose();
});

test("a worker that ends is an error of the next call, whatever it is worth; later calls run on one thread", async () => {
  let la!: Instance;
  const workers = await workersOf(() => {
    la = createSync({ threads: 3 });
  });
  assert.is(la.threads, 3);
  assertReference(la);
  const all = ended(workers); // the other one is ended as well
  await workers[1]!.terminate();
  await all;
  assert.is(la.threads, 1);
  const { used } = la.memory;
  const x = la.zeros([1, 1, 2, 2]);
  assert.throws(
    () => la.attention(x, x, x, { variant: "laser" }),
    (error: Error) => error.message === "laser-attention: a worker has ended; later calls run on one thread",
  );
  x.dispose();
  assert.is(la.memory.used, used);
  assertReference(la);
  la.dispose();
});

test("a program ends by itself, with its own exit code: after dispose, without it, and after an exception", async () => {
  const [disposed, kept, thrown] = await Promise.all([
    runProgram(`${CALL} la.dispose(); console.log("end")`),
    runProgram(`${CALL} console.log("end")`),
    runProgram(`${CALL} throw new Error("of the program")`),
  ]);
  assert.equal(disposed, { code: 0, stdout: "end\n", stderr: "" });
  assert.equal(kept, { code: 0, stdout: "end\n", stderr: "" });
  assert.is(thrown.code, 1);
  assert.match(thrown.stderr, "of the program");
});

test("idle threads use no processor time", async () => {
  const { stdout, stderr } = await runProgram(`${CALL}
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    await sleep(300);
    const before = process.cpuUsage();
    await sleep(1000);
    const { user, system } = process.cpuUsage(before);
    console.log((user + system) / 1000);
  `);
  // Two threads that looked for work all the time would take 2000 ms, or a good part of that on a busy machine.
  assert.ok(stdout !== "" && Number(stdout) < 30, `${stdout} ms of a second; ${stderr}`);
});

test.run();
