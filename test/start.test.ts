/** How instances with threads start, and what keeps them from it: one thread, and one warning. */
import { Worker as WorkerThread } from "node:worker_threads";
import type * as main from "laser-attention";
import { createSync as createTraining } from "laser-attention/nn";
import * as threads from "laser-attention/threads";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { program } from "../src/generated/worker.js";
import { host } from "../src/host.js";
import { replacing, runProgram, warnings, withWorkers } from "./support/host.js";
import { assertReference, CALL, ended, type Instance, workersOf } from "./support/threads.js";
import { throws } from "./support/throws.js";

const { create, createSync } = threads;

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
async function assertAlone(
  reason: string | RegExp,
  make: Maker,
  body: () => Instance | Promise<Instance>,
): Promise<void> {
  const found = await withWorkers(make, async () => {
    for (let n = 0; n < 2; n++) {
      const la = await body();
      assert.is(la.threads, 1);
      assertReference(la);
      la.dispose();
    }
  });
  assert.is(found.length, 1);
  const said = found[0]!.replace("laser-attention: one thread only: ", "");
  if (typeof reason === "string") assert.is(said, reason);
  else assert.match(said, reason);
}

test("workers that can't be started: one thread, and one warning that says why", async () => {
  await assertAlone("a worker could not be started: no more threads", refusing, () => createSync({ threads: 3 }));
  await assertAlone("a worker has ended", running("process.exit()"), () => create({ threads: 3 }));
});

/** Deno prints the error of a worker, whoever takes care of it: not in this report. */
const testOfErrors = "Deno" in globalThis ? test.skip : test;

testOfErrors("a worker that throws: one thread, and one warning that says why", async () => {
  const breaking = running('throw new Error("bad start")');
  await assertAlone("a worker broke down: bad start", breaking, () => create({ threads: 3 }));
});

testOfErrors(
  "a worker that can't have the kernels: who asks for la.threads, and sleeps meanwhile, hears of it at once",
  async () => {
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
    await assertAlone(/^worker 1 could not be started: TypeError: ./, starving, () => createSync({ threads: 2 }));
    assert.ok(performance.now() - start < 5000); // the limit of a worker that says nothing is twice that
  },
);

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

test("workers start with the first call that is worth them, or when the program yields, and not after dispose", async () => {
  const yielding = () => new Promise((resolve) => setTimeout(resolve, 20));
  const dispose = (la: Instance) => la.dispose();
  for (const [then, expected] of [
    [() => {}, 0],
    [assertReference, 2],
    [yielding, 2],
    [dispose, 0],
  ] as const) {
    let la!: Instance;
    const workers = await workersOf(async () => {
      la = createSync({ threads: 3 });
      la.matmul(la.zeros([16, 16]), la.zeros([16, 16]));
      await then(la);
      if (then === dispose) await yielding();
    });
    assert.is(workers.length, expected);
    const all = ended(workers);
    la.dispose();
    await all;
  }
});

test("an instance that is disposed, and a program that ends, while workers start: all ends, and nothing is said", async () => {
  let la!: Instance;
  const workers = await workersOf(() => {
    la = createSync({ threads: 3 });
    assertReference(la);
  });
  assert.is(workers.length, 2);
  const all = ended(workers);
  la.dispose();
  await all;
  const call = CALL.replace(/^if .*$/m, "");
  const [kept, thrown] = await Promise.all([runProgram(call), runProgram(`${call} throw new Error("of the program")`)]);
  assert.equal(kept, { code: 0, stdout: "", stderr: "" });
  assert.is(thrown.code, 1);
  assert.match(thrown.stderr, "of the program");
});

/** Workers as a browser's worker has them: they start when this thread comes back to its event loop, and not while it sleeps. */
class BrowserWorker {
  onerror: unknown;
  #thread: WorkerThread | undefined;
  postMessage(start: unknown): void {
    setTimeout(() => {
      this.#thread = new WorkerThread(program, { eval: true, workerData: start });
      this.#thread.unref();
    });
  }
  terminate(): void {
    void this.#thread?.terminate();
  }
}

test("in a browser's worker nothing waits for workers that start when it yields: one thread until then; training has one, and says why", async () => {
  const found = await warnings(() =>
    replacing(process, { getBuiltinModule: undefined }, () =>
      replacing(globalThis, { Worker: BrowserWorker } as object, async () => {
        const start = performance.now();
        const la = createSync({ threads: 3 });
        assert.is(la.threads, 1);
        const x = la.zeros([1, 4, 2048, 64]); // as above, a call that is worth to wait
        la.attention(x, x, x, { variant: "standard" });
        assertReference(la);
        assert.is(createTraining({ threads: 3 }).la.threads, 1);
        assert.ok(performance.now() - start < 8000); // the limit of workers that do not start is 10 s
        while (la.threads === 1) await new Promise((resolve) => setTimeout(resolve, 5));
        assert.is(la.threads, 3);
        assertReference(la);
        la.dispose();
        const other = await create({ threads: 2 });
        assert.is(other.threads, 2);
        other.dispose();
      }),
    ),
  );
  const reason = "a worker of a browser may not wait for its own workers: use create()";
  assert.equal(found, [`laser-attention: one thread only: ${reason}`]);
});

test("workers that break down: the warning says where their file was looked for and what to do, once for each cause", async () => {
  class Missing {
    onerror!: (event: { message?: string }) => void;
    readonly address: unknown;
    constructor(address: unknown) {
      this.address = address;
      if (address === "https://elsewhere.org/worker.js") throw new Error("SecurityError");
    }
    postMessage(): void {
      setTimeout(() => this.onerror(this.address === "/broken.js" ? { message: "SyntaxError" } : {}));
    }
    terminate(): void {}
  }
  const found = await warnings(() =>
    replacing(process, { getBuiltinModule: undefined }, () =>
      replacing(globalThis, { Worker: Missing } as object, async () => {
        for (const worker of [
          undefined,
          "/assets/worker.js",
          new URL("https://example.org/worker.js"),
          "/broken.js",
          "/broken.js",
          "https://elsewhere.org/worker.js",
        ])
          assert.is((await create({ threads: 2, worker })).threads, 1);
      }),
    ),
  );
  const remedy =
    "a page must serve laser-attention/worker.js from its origin, with its headers, and name it with the option worker";
  const said = (place: string, more = ""): string =>
    `laser-attention: one thread only: worker.js was not found ${place} or broke down${more}: ${remedy}`;
  assert.equal(found, [
    said("beside the program"),
    said("at /assets/worker.js"),
    said("at https://example.org/worker.js"),
    said("at /broken.js", " (SyntaxError)"),
    `laser-attention: one thread only: a worker could not be started: SecurityError: ${remedy}`,
  ]);
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
  const withoutClass = await warnings(() =>
    replacing(globalThis, { SharedArrayBuffer: undefined } as object, () => alone(options)),
  );
  assert.equal(withoutClass, [], "the same reason, which was said, and not what headers a page needs");
});

test("a host without room for 4 GiB of shared memory gives what it has, by halves down to 512 MiB; a limit that was given is kept", async () => {
  const wasm = host.WebAssembly!;
  const asked: number[] = [];
  const most = async (room: number, options: threads.ThreadsOptions<main.KernelSource>): Promise<number> => {
    class Memory extends wasm.Memory {
      constructor(descriptor: ConstructorParameters<typeof wasm.Memory>[0]) {
        if (descriptor.shared) asked.push(descriptor.maximum! * 2 ** 16);
        if (descriptor.shared && descriptor.maximum! * 2 ** 16 > room) throw new RangeError("no room");
        super(descriptor);
      }
    }
    return await replacing(wasm, { Memory }, () => {
      const la = createSync(options);
      const { limit } = la.memory;
      if (la.threads > 1) assertReference(la);
      la.dispose();
      return limit;
    });
  };
  const said = await warnings(async () => {
    assert.is(await most(2 ** 30, { threads: 2 }), 2 ** 30);
    assert.is(await most(2 ** 29, { threads: 2 }), 2 ** 29);
  });
  assert.equal(said, []);
  assert.equal(asked.splice(0), [2 ** 32, 2 ** 31, 2 ** 30, 2 ** 32, 2 ** 31, 2 ** 30, 2 ** 29]);
  await warnings(async () => {
    assert.is(await most(2 ** 28, { threads: 2 }), 2 ** 32, "not shared");
    assert.is(await most(2 ** 28, { threads: 2, maxMemory: 2 ** 31 }), 2 ** 31, "not shared either");
  });
  assert.equal(asked, [2 ** 32, 2 ** 31, 2 ** 30, 2 ** 29, 2 ** 31]);
});

test.run();
