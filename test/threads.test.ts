/** The entry laser-attention/threads: its options, its fallbacks, its workers' life. Results: team.test.ts; workers that die: pool.test.ts. */
import { availableParallelism } from "node:os";
import type { Worker } from "node:worker_threads";
import * as main from "laser-attention";
import * as threads from "laser-attention/threads";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { host } from "../src/host.js";
import { firstDifference } from "./support/bits.js";
import { replacing, runProgram, warnings, withWorkers } from "./support/host.js";
import { relaxedSupported } from "./support/kernels.js";
import { Random } from "./support/random.js";
import { throws } from "./support/throws.js";

const { create, createSync } = threads;
type Instance = ReturnType<typeof createSync>;

const [H, N, D] = [3, 150, 32]; // 2 H N N (D + D) = 8.6e6 operations: three threads at least
const data = [1, 2, 3, 4].map((seed) => new Random(seed).normals(H * N * D));

/** out, dq, dk and dv of a call that is worth three threads. */
function both(la: Instance, variant: "standard" | "laser" = "laser"): Float32Array[] {
  return la.scope(() => {
    const [q, k, v, dout] = data.map((x) => la.tensor(x, [1, H, N, D]));
    const saved = la.attentionForward(q!, k!, v!, { variant, causal: true });
    const { dq, dk, dv } = la.attentionBackward(dout!, saved);
    return [saved.out, dq, dk, dv].map((t) => t.toArray());
  });
}

const reference = both(main.createSync());

function assertReference(la: Instance): void {
  for (const [n, x] of both(la).entries()) assert.is(firstDifference(x, reference[n]!), -1);
}

const CALL = `
import { createSync } from "laser-attention/threads.js";
const la = createSync({ threads: 3 });
if (la.threads !== 3) throw new Error("no threads");
const x = la.tensor(Float32Array.from({ length: ${H * N * D} }, (_, n) => Math.sin(n)), [1, ${H}, ${N}, ${D}]);
la.attentionBackward(x, la.attentionForward(x, x, x, { variant: "laser" }));
`;

/** Counts the workers that `body` starts. */
async function workersOf(body: () => unknown): Promise<Worker[]> {
  const started: Worker[] = [];
  const warned = await withWorkers(
    (Original) =>
      class extends Original {
        constructor(...given: ConstructorParameters<typeof Original>) {
          super(...given);
          started.push(this);
        }
      },
    body,
  );
  assert.equal(warned, []);
  return started;
}

/** Resolves when all workers have ended, and rejects after five seconds: a worker that runs on is no hang of the tests. */
function ended(workers: Worker[]): Promise<unknown> {
  const all = workers.map((worker) => new Promise((resolve) => worker.once("exit", resolve)));
  let timer: ReturnType<typeof setTimeout>;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not all of ${workers.length} workers have ended`)), 5000);
  });
  return Promise.race([Promise.all(all), late]).finally(() => clearTimeout(timer));
}

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

test("two instances with threads work side by side, and one outlives the other", () => {
  const [first, second] = [createSync({ threads: 2 }), createSync({ threads: 3 })];
  assert.equal([first.threads, second.threads], [2, 3]);
  for (let round = 0; round < 3; round++) for (const la of [first, second]) assertReference(la);
  first.dispose();
  assertReference(second);
  second.dispose();
  throws(() => second.threads, TypeError, "disposed");
});

test("dispose ends every worker", async () => {
  let la!: Instance;
  const workers = await workersOf(() => {
    la = createSync({ threads: 4 });
  });
  assert.is(la.threads, 4);
  assertReference(la);
  const all = ended(workers);
  la.dispose();
  la.dispose();
  await all;
  assert.is(workers.length, 3);
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

type Maker = Parameters<typeof withWorkers>[0];

/** Workers that run another text. */
const running =
  (text: string): Maker =>
  (Original) =>
    class extends Original {
      constructor(_: string | URL, options: object) {
        super(text, options);
      }
    };

const refusing: Maker = () =>
  class {
    constructor() {
      throw new Error("no more threads");
    }
  };

/** Runs `body` where workers can't start: there is one warning however many instances there are, and it gives `reason`. */
async function assertAlone(reason: string, make: Maker, body: () => Instance | Promise<Instance>): Promise<void> {
  const found = await withWorkers(make, async () => {
    for (let n = 0; n < 2; n++) {
      const la = await body();
      assert.is(la.threads, 1);
      assertReference(la);
      la.dispose();
    }
  });
  assert.equal(found, [`laser-attention: one thread only: ${reason}`]);
}

test("workers that can't be started: one thread, and one warning that says why", async () => {
  await assertAlone("a worker could not be started: no more threads", refusing, () => createSync({ threads: 3 }));
  await assertAlone("a worker has ended", running("process.exit()"), () => create({ threads: 3 }));
  // Deno prints the error of a worker, whoever takes care of it: not in this report.
  if ("Deno" in globalThis) return;
  const breaking = running('throw new Error("bad start")');
  await assertAlone("a worker broke down: bad start", breaking, () => create({ threads: 3 }));
});

test("a worker that can't have the kernels: who asks for la.threads, and sleeps meanwhile, hears of it at once", async () => {
  if ("Deno" in globalThis) return; // it prints the error of a worker, whoever takes care of it
  const wanting = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 2, 6, 1, 0, 0, 3, 0x7f, 0); // a global that nobody has
  const starving: Maker = (Original) =>
    class extends Original {
      constructor(source: string | URL, options: { workerData: object }) {
        super(source, {
          ...options,
          workerData: { ...options.workerData, modules: [new host.WebAssembly!.Module(wanting)] },
        });
        this.on("error", () => {}); // of the second report, when it is too late to say more
      }
    };
  const start = performance.now();
  await assertAlone("worker 1 could not be started", starving, () => createSync({ threads: 2 }));
  assert.ok(performance.now() - start < 5000); // the limit of a worker that says nothing is twice that
});

/** Workers that start when the gate is opened, or `ms` after they were made. */
const gated =
  (gate: Int32Array, ms = 20_000): Maker =>
  (Original) =>
    class extends Original {
      constructor(text: string | URL, options: { workerData: object }) {
        const wait = `Atomics.wait(process.getBuiltinModule("node:worker_threads").workerData.gate, 0, 0, ${ms});`;
        super(`${wait}\n${text}`, { ...options, workerData: { ...options.workerData, gate } });
      }
    };
const newGate = (): Int32Array => new Int32Array(new SharedArrayBuffer(4));

test("createSync and short calls wait for no worker: one thread, the same bits; memory may grow; la.threads waits", async () => {
  const gate = newGate();
  const found = await withWorkers(gated(gate), () => {
    const la = createSync({ threads: 3 });
    assertReference(la); // would wait for ever, but for the limit
    la.empty([25 * 2 ** 20]); // 100 MiB
    assertReference(la);
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    assert.is(la.threads, 3);
    assertReference(la);
    la.dispose();
  });
  assert.equal(found, []);
});

test("a call that takes longer than workers do waits for them", async () => {
  const delay = 700;
  const found = await withWorkers(gated(newGate(), delay), () => {
    const start = performance.now();
    const la = createSync({ threads: 2 });
    const x = la.zeros([1, 4, 2048, 64]); // 4.3e9 operations, 0.1 s of one thread
    la.attention(x, x, x, { variant: "standard" });
    assert.ok(performance.now() - start >= delay);
    la.dispose();
  });
  assert.equal(found, []);
});

test("an instance that is disposed, and a program that ends, while workers start: all ends, and nothing is said", async () => {
  let la!: Instance;
  const workers = await workersOf(() => {
    la = createSync({ threads: 3 });
  });
  const all = ended(workers);
  la.dispose();
  await all;
  const call = CALL.replace(/^if .*$/m, "");
  const [kept, thrown] = await Promise.all([runProgram(call), runProgram(`${call} throw new Error("of the program")`)]);
  assert.equal(kept, { code: 0, stdout: "", stderr: "" });
  assert.is(thrown.code, 1);
  assert.match(thrown.stderr, "of the program");
});

test("a page that is not cross-origin isolated, a host without workers, or without shared memory: the same", async () => {
  const alone = async (options: threads.ThreadsOptions<main.KernelSource>): Promise<void> => {
    for (const la of [createSync(options), await create(options)]) {
      assert.is(la.threads, 1);
      assert.is(la.memory.limit, 2 ** 24);
      assertReference(la);
      la.dispose();
    }
  };
  const options = { maxMemory: 2 ** 24, threads: 4 };
  const page = await warnings(() =>
    replacing(globalThis, { crossOriginIsolated: false } as object, () => alone(options)),
  );
  assert.equal(page, [
    "laser-attention: one thread only: threads need a cross-origin isolated page (headers COOP: same-origin and COEP: require-corp)",
  ]);
  const noWorkers = await warnings(() =>
    replacing(process, { getBuiltinModule: undefined }, () =>
      replacing(globalThis, { Worker: undefined } as object, () => alone(options)),
    ),
  );
  assert.equal(noWorkers, ["laser-attention: one thread only: this host has no workers"]);
  const wasm = host.WebAssembly!;
  for (const [reason, refusal] of [
    ["this host has no shared memory", TypeError],
    ["the host refused shared memory", RangeError],
  ] as const) {
    class Memory extends wasm.Memory {
      constructor(descriptor: ConstructorParameters<typeof wasm.Memory>[0]) {
        if (descriptor.shared) throw new refusal("not here");
        super(descriptor);
      }
    }
    const unshared = await warnings(() => replacing(wasm, { Memory }, () => alone(options)));
    assert.equal(unshared, [`laser-attention: one thread only: ${reason}`]);
    const unused = { threads: 1, wasm: Uint8Array.of(1, 2, 3) };
    await replacing(wasm, { Memory }, async () => {
      const refused = "createSync: wasm must be kernels.threads.wasm";
      throws(() => threads.createSync(unused), RangeError, refused, "got 3 bytes");
      const reason = await threads.create(unused).catch((error: Error) => error.message);
      assert.match(String(reason), "create: wasm must be kernels.threads.wasm");
    });
  }
  assert.equal(await warnings(() => alone({ ...options, threads: 1 })), [], "one thread as asked for is no warning");
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
