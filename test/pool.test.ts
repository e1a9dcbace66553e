/** Workers that die, hang or trap: an error within the limit, never a hang, and then one thread. The limit within a kernel: team.test.ts. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Field } from "../src/generated/problem.js";
import { host } from "../src/host.js";
import type { LaserAttention } from "../src/index.js";
import { endsAtOnce } from "../src/pool.js";
import { ARGUMENTS, DONE, SLOT } from "../src/protocol.js";
import { firstDifference } from "./support/bits.js";
import { plain } from "./support/engines.js";
import { replacing } from "./support/host.js";
import { Random } from "./support/random.js";
import { makeTeam, pretender, type TeamOptions } from "./support/team.js";

const [H, N, D] = [4, 150, 32];
const data = new Random(1).normals(H * N * D);
const progress = 300; // the limit in ms

function forward(la: LaserAttention, heads = H): Float32Array {
  return la.scope(() => {
    const x = la.tensor(data.subarray(0, heads * N * D), [1, heads, N, D]);
    return la.attention(x, x, x, { variant: "laser", causal: true }).toArray();
  });
}

const reference = forward(plain);

/** A module whose attentionForward is unreachable; useLanes, which every instance is given, does nothing. */
const TRAP = Buffer.concat([
  Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 8, 2, 0x60, 0, 0, 0x60, 1, 0x7f, 0, 3, 3, 2, 0, 1, 7, 31, 2, 16]),
  Buffer.from("attentionForward"),
  Buffer.from([0, 0, 8]),
  Buffer.from("useLanes"),
  Buffer.from([0, 1, 10, 8, 2, 3, 0, 0, 0x0b, 2, 0, 0x0b]),
]);

const standstill = `no thread made any progress for ${progress} ms, a worker has died`;

const givesUp =
  (reason: string) =>
  ({ message }: Error): boolean =>
    message === `laser-attention: ${reason}; later calls run on one thread`;

/**
 * The call throws what it should within twice the limit; memory comes back, where no worker that is only slow may still write to it; later
 * calls are right, on one thread.
 */
function assertGivesUp(reason: string, options: TeamOptions, threads = 3): void {
  const { la, broken } = makeTeam(threads, { limits: { progress }, ...options });
  assert.is(broken, undefined, "the workers start");
  const { used } = la.memory;
  const start = performance.now();
  assert.throws(() => forward(la), givesUp(reason));
  const ms = performance.now() - start;
  assert.ok(ms < 2 * progress + 1000, `${ms} ms`); // a busy machine may stand still for a while
  assert.is(la.threads, 1);
  const lost = la.memory.used - used;
  assert.ok(lost === 0 || (!endsAtOnce && reason === standstill && lost > 0), `${lost}`);
  for (let n = 0; n < 2; n++) assert.is(firstDifference(forward(la), reference), -1);
  la.dispose();
}

test("a worker that never takes its job is an error after the limit", () => {
  assertGivesUp(standstill, { program: pretender("") });
});

test("a worker that ends in the middle of a call is an error after the limit", () => {
  assertGivesUp(standstill, { program: pretender("job(); process.exit();") });
});

test("a worker that was ended behind the pool's back, just before a call, is an error after the limit", () => {
  const { la, workers } = makeTeam(3, { limits: { progress } });
  assert.is(firstDifference(forward(la), reference), -1);
  void workers[0]!.terminate();
  // Node says so when it comes round to it, Deno at once.
  assert.throws(
    () => forward(la),
    (error: Error) => [standstill, "a worker has ended"].some((reason) => givesUp(reason)(error)),
  );
  assert.is(firstDifference(forward(la), reference), -1);
  la.dispose();
});

test("a worker whose kernel traps is an error at once, when the others are done", () => {
  assertGivesUp("worker 2 broke down: RuntimeError: unreachable", {
    start: (start) => (start.member === 2 ? { ...start, modules: [new host.WebAssembly!.Module(TRAP)] } : start),
  });
});

test("an error of the calling thread is told as it is, a full stack or a trap, when the others are done", () => {
  const trap = Object.assign(new Error("memory access out of bounds"), { name: "RuntimeError" });
  for (const error of [new RangeError("Maximum call stack size exceeded"), trap]) {
    let calls = 0;
    const { la } = makeTeam(2, {
      kernels: (own) => ({
        ...own,
        attentionForward(...args) {
          if (calls++ === 0) throw error;
          own.attentionForward(...args);
        },
      }),
      program: pretender(`job(); pause(200); Atomics.add(words, ${DONE}, 1); Atomics.notify(words, ${DONE});`),
    });
    const start = performance.now();
    assert.throws(
      () => forward(la),
      (found: Error) => found === error,
    );
    assert.ok(performance.now() - start > 150, `${error}`);
    assert.is(la.threads, 2);
    la.dispose();
  }
});

test("a call on some of the threads that is cut off waits for those alone", () => {
  let calls = 0;
  const { la } = makeTeam(3, {
    eager: false,
    kernels: (own) => ({
      ...own,
      attentionForward(...args) {
        if (calls++ === 0) throw new RangeError("Maximum call stack size exceeded");
        own.attentionForward(...args);
      },
    }),
  });
  assert.throws(() => forward(la, 2), /Maximum call stack/); // 5.8e6 operations, worth two threads
  assert.is(la.threads, 3);
  assert.is(firstDifference(forward(la), reference), -1);
  la.dispose();
});

test("workers that could not be ended, for want of stack, are ended with the instance", () => {
  const { la, workers } = makeTeam(3, { limits: { progress }, program: pretender("") });
  const ended: number[] = [];
  workers.forEach((worker, n) => {
    const terminate = worker.terminate.bind(worker);
    let calls = 0;
    worker.terminate = () => {
      if (n === 1 && calls++ === 0) throw new RangeError("Maximum call stack size exceeded");
      ended.push(n);
      return terminate();
    };
  });
  assert.throws(() => forward(la), /Maximum call stack/);
  assert.equal(ended, []);
  la.dispose();
  assert.equal([...new Set(ended)].sort(), [0, 1]); // Deno says at once that one has ended, and it is ended again
});

test("a worker that takes longer than the limit, but goes on, is no reason to give up", () => {
  const slow = pretender(`
    job();
    const [problem] = new Float64Array(memory.buffer, control + 4 * (member * ${SLOT} + ${ARGUMENTS}), 1);
    const ticks = new Int32Array(memory.buffer, problem + ${Field.ticks}, 1);
    for (let n = 0; n < 10; n++, ticks[0]++) pause(100);
    Atomics.add(words, ${DONE}, 1);
    Atomics.notify(words, ${DONE});
  `);
  const { la } = makeTeam(2, { limits: { progress }, program: slow });
  const start = performance.now();
  assert.is(firstDifference(forward(la), reference), -1); // the calling thread has done all of it
  assert.ok(performance.now() - start > 3 * progress);
  assert.is(la.threads, 2);
  la.dispose();
});

test("a process that is stopped for longer than the limit, in a call or while workers start, gives up on nobody", async () => {
  const real = performance;
  let stops = 0;
  const clock = { now: () => real.now() + 1e6 * stops++ }; // stopped between any two looks at it
  await replacing(globalThis, { performance: clock } as object, () => {
    const slow = pretender(`job(); pause(250); Atomics.add(words, ${DONE}, 1); Atomics.notify(words, ${DONE});`);
    const { la, broken } = makeTeam(2, { limits: { progress: 2000 }, program: slow });
    assert.is(broken, undefined);
    assert.is(firstDifference(forward(la), reference), -1);
    assert.is(la.threads, 2);
    la.dispose();
  });
});

test("workers that do not start within the limit are no error but a reason for one thread", () => {
  const { la, broken } = makeTeam(3, {
    limits: { start: 50 },
    program: "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)",
  });
  assert.is(broken, `0 of 2 workers started within 50 ms`);
  assert.is(la.threads, 1);
  assert.is(firstDifference(forward(la), reference), -1);
  la.dispose();
});

test("work that is not worth a thread stays on the calling one", () => {
  // Workers that never take a job: a call that gave them one would be an error.
  const { la } = makeTeam(2, { limits: { progress }, eager: false, program: pretender("") });
  assert.is(la.threads, 2);
  assert.is(firstDifference(forward(la, 1), forward(plain, 1)), -1); // 2 N N (D + D) = 2.9e6 operations
  assert.throws(() => forward(la), givesUp(standstill));
  la.dispose();
});

test("a product of one row or column is worth two threads from an eighth of the work on that others take, of two from a quarter", () => {
  for (const size of [(n: number) => [1, n], (m: number) => [m, 1], (n: number) => [2, n]]) {
    const { la } = makeTeam(2, { limits: { progress }, eager: false, program: pretender("") });
    const product = ([m, n]: number[]) => la.matmul(la.zeros([m!, 256]), la.zeros([256, n!])).dispose();
    product([8, 1216]); // 5.0e6 operations
    product(size(1216));
    assert.throws(() => product(size(1280)), givesUp(standstill));
    la.dispose();
  }
});

test.run();
