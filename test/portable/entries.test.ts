/** Every entry opens in this host, alone and promised, and gives the same results; what is wrong is refused by name. */
import * as main from "laser-attention";
import relaxedKernels from "laser-attention/kernels.relaxed.wasm";
import threadsKernels from "laser-attention/kernels.threads.wasm";
import kernels from "laser-attention/kernels.wasm";
import * as nn from "laser-attention/nn";
import * as relaxed from "laser-attention/relaxed";
import * as slim from "laser-attention/slim";
import * as threads from "laser-attention/threads";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { firstDifference } from "../support/bits.js";
import { throws } from "../support/throws.js";
import { ExactRandom } from "./support/exact-random.js";
import { expected, expectedSimd } from "./support/expected.js";
import { sum } from "./support/instance.js";

type LaserAttention = main.LaserAttention;

const [H, N, D] = [2, 23, 12];
const data = [1, 2, 3, 4].map((seed) => new ExactRandom(seed).normals(H * N * D));

/** out, dq, dk and dv of one call. */
function both(la: LaserAttention): Float32Array[] {
  return la.scope(() => {
    const [q, k, v, dout] = data.map((x) => la.tensor(x, [1, H, N, D]));
    const saved = la.attentionForward(q!, k!, v!, { variant: "laser", causal: true });
    const { dq, dk, dv } = la.attentionBackward(dout!, saved);
    return [saved.out, dq, dk, dv].map((t) => t.toArray());
  });
}

function same(la: LaserAttention, reference: Float32Array[]): void {
  for (const [n, x] of both(la).entries()) assert.is(firstDifference(x, reference[n]!), -1, `result ${n}`);
  la.dispose();
}

/** What a promise rejects with. */
const reason = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error) => error,
  );

test("laser-attention, /slim with kernels.wasm, /relaxed with them and /threads with one thread give the same bits", async () => {
  const reference = both(main.createSync());
  assert.ok(reference.every((x) => x.every(Number.isFinite) && x.some((y) => y !== 0)));
  const instances = [
    main.createSync({ maxMemory: 2 ** 24 }),
    await main.create(),
    slim.createSync({ wasm: kernels }),
    await slim.create({ wasm: Promise.resolve(kernels) }),
    relaxed.createSync({ wasm: kernels }),
    threads.createSync({ threads: 1 }),
    await threads.create({ threads: 1 }),
  ];
  for (const la of instances) {
    assert.is(la.simd, "plain");
    assert.is(la.threads, 1);
    same(la, reference);
  }
});

test("/relaxed runs relaxed SIMD where this host has it, and its kernels in /slim give its bits; nothing else does so unasked", async () => {
  const simd = expectedSimd();
  const instances = [
    relaxed.createSync(),
    await relaxed.create(),
    await threads.create({ threads: 1, simd: "relaxed" }),
  ];
  if (simd === "relaxed") instances.push(slim.createSync({ wasm: relaxedKernels }));
  const reference = both(simd === "relaxed" ? relaxed.createSync() : main.createSync());
  for (const la of instances) {
    assert.is(la.simd, simd);
    same(la, reference);
  }
  for (const entry of [main, threads])
    assert.is(entry.createSync({ ...(entry === threads && { threads: 1 }) }).simd, "plain");
});

test("a module that is compiled once serves many instances", async () => {
  const module = await compiled();
  const reference = both(main.createSync());
  for (let n = 0; n < 3; n++) same(slim.createSync({ wasm: module }), reference);
});

if (expected().workers) {
  test("a module that is compiled once serves instances in other workers", async () => {
    const module = await compiled();
    const here = sum(slim.createSync({ wasm: module }));
    assert.equal(await Promise.all([inWorker(module), inWorker(module)]), [here, here]);
  });
}

/** kernels.wasm as a module: hosts that compile nothing import it as one. */
function compiled(): typeof kernels | Promise<typeof kernels> {
  const { WebAssembly } = globalThis as unknown as { WebAssembly: { compile(bytes: object): Promise<typeof kernels> } };
  return expected().compiles ? WebAssembly.compile(kernels) : kernels;
}

interface Port {
  postMessage(message: unknown): void;
  terminate(): unknown;
}

/** What test/portable/programs/instance.ts answers in a worker of its own. */
function inWorker(module: unknown): Promise<unknown> {
  const server = globalThis.process?.getBuiltinModule?.("node:worker_threads");
  const address = new URL("./instance.js", import.meta.url);
  let worker: Port | undefined;
  const answer = new Promise<unknown>((resolve, reject) => {
    if (server !== undefined) {
      const thread = new server.Worker(address);
      worker = thread;
      thread.once("message", resolve).once("error", reject);
    } else {
      const { Worker } = globalThis as unknown as { Worker: new (address: URL, options: object) => Port & Events };
      const thread = new Worker(address, { type: "module" });
      worker = thread;
      thread.onmessage = ({ data }) => resolve(data);
      thread.onerror = ({ message }) => reject(new Error(message));
    }
    worker.postMessage(module);
  });
  return answer.finally(() => worker?.terminate());
}

interface Events {
  onmessage(event: { readonly data: unknown }): void;
  onerror(event: { readonly message: string }): void;
}

const { kernels: address } = expected();
if (address !== undefined) {
  test("create fetches kernels.wasm from an address, and says so where there is nothing", async () => {
    same(await slim.create({ wasm: address }), both(main.createSync()));
    const missing = await reason(slim.create({ wasm: `${address}.missing` }));
    assert.ok(
      missing instanceof Error && missing.message.startsWith("create: wasm could not be fetched"),
      `${missing}`,
    );
  });
}

test("a wrong option, kernels of another kind and other bytes are refused, naming what was expected and what came", async () => {
  const loose = main.createSync as (options: unknown) => unknown;
  assert.throws(() => loose({ memory: 5 }), /^createSync: options must be among maxMemory, wasm, got "memory"$/);
  throws(() => loose({ simd: "plain" }), TypeError, 'got "simd" of laser-attention/threads');
  throws(() => loose({ wasm: 5 }), TypeError, "createSync: wasm must be a WebAssembly.Module or its bytes, got 5");
  const shared = () => loose({ wasm: threadsKernels });
  throws(shared, RangeError, "must be kernels.wasm or kernels.relaxed.wasm", "got kernels.threads.wasm");
  const wasm = Uint8Array.of(1, 2, 3);
  throws(() => loose({ wasm }), RangeError, "got 3 bytes that this engine does not compile");
  // Checked where threads, and so these kernels, are left unused as well.
  for (const { createSync } of [threads, nn])
    throws(() => createSync({ threads: 1, wasm }), RangeError, "wasm must be kernels.threads.wasm", "got 3 bytes");
  throws(() => (slim.createSync as (options?: unknown) => unknown)(), TypeError, "wasm must be");
  const rejected = await reason(main.create({ maxMemory: 1 }));
  assert.ok(rejected instanceof RangeError && rejected.message.startsWith("create: maxMemory"), String(rejected));
  const la = main.createSync();
  const x = la.zeros([1, 1, 2, 2]);
  const other = () => la.attention(x, x, x, { variant: "other" as "laser" });
  throws(other, TypeError, 'variant must be "standard" or "laser"');
  throws(() => la.attention(x, x, la.zeros([1, 1, 3, 2]), { variant: "laser" }), RangeError, "v must have shape");
  la.dispose();
});

test("memory ends where maxMemory says, what is there stays usable, and dispose lets go of it", () => {
  const la = main.createSync({ maxMemory: 2 ** 22 });
  const kept = la.tensor(data[0]!, [1, H, N, D]);
  throws(() => la.zeros([2 ** 20]), RangeError, "limit is 4194304 bytes");
  la.scope(() => la.zeros([2 ** 18]));
  assert.is(firstDifference(kept.toArray(), data[0]!), -1);
  la.dispose();
  la.dispose();
  throws(() => la.zeros([1]), TypeError, "this instance is disposed");
  throws(() => kept.toArray(), TypeError, "disposed");
});

test("dispose is what `using` calls where the host has it, and elsewhere has no second name", () => {
  const la = main.createSync();
  const t = la.zeros([1]);
  const ended = [() => t.data, () => la.memory.used];
  for (const [n, thing] of [t, la].entries()) {
    assert.not("undefined" in thing);
    assert.is(Symbol.dispose in thing, Symbol.dispose !== undefined);
    if (Symbol.dispose === undefined) thing.dispose();
    else thing[Symbol.dispose]();
    assert.throws(ended[n]!, /disposed/);
  }
});

test("warmup ends, whatever this host's clock does", async () => {
  const la = main.createSync();
  const used = la.memory.used;
  await la.warmup();
  assert.is(la.memory.used, used);
  la.dispose();
});

test.run();
