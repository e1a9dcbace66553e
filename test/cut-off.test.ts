/** Calls that end in the middle, while other threads still work for them: no memory is written afterwards, and later calls are right. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { firstDifference } from "./support/bits.js";
import { runProgram } from "./support/host.js";
import { Random } from "./support/random.js";
import { makeTeam } from "./support/team.js";

const [H, N, D] = [4, 128, 32];
const shape = [1, H, N, D] as const;
const data = new Random(1).normals(H * N * D);

/** An instance with two threads, a call on both of them, and tensors that no call may touch, with memory to be found between them. */
function setUp(variant: "standard" | "laser") {
  const { la } = makeTeam(2);
  const [q, out] = [la.tensor(data, shape), la.empty(shape)];
  const tensors = Array.from({ length: 20 }, () => la.tensor(data, shape));
  const others = tensors.filter((tensor, n) => n % 2 === 0 || tensor.dispose());
  const call = (): void => void la.attention(q, q, q, { variant, out });
  call();
  const expected = out.toArray();
  const check = (): void => {
    out.data.fill(0);
    call();
    assert.is(firstDifference(out.data, expected), -1);
    for (const tensor of [q, ...others]) assert.is(firstDifference(tensor.data, data), -1);
  };
  return { la, call, check };
}

function dive(depth: number, call: () => unknown): number {
  if (depth > 0) return 1 + dive(depth - 1, call);
  call();
  return 0;
}

const fits = (depth: number, call: () => unknown): boolean => {
  try {
    dive(depth, call);
    return true;
  } catch (error) {
    assert.instance(error, RangeError);
    return false;
  }
};

/** Lets `call` begin ever deeper in the stack, until that was full so many times: after 70 it can't begin. `check` follows each time. */
function eachOverflow(times: number, call: () => unknown, check: () => void): void {
  let depth = 1000;
  for (const step of [500, 50]) {
    while (fits(depth, call)) depth += step;
    depth -= step + 10;
  }
  for (let overflows = 0; overflows < times; depth++) {
    if (fits(depth, call)) continue;
    overflows++;
    check();
  }
}

for (const variant of ["standard", "laser"] as const) {
  test(`a stack that is full, wherever in a call with threads, is an error of that call alone: ${variant}`, () => {
    const { la, call, check } = setUp(variant);
    eachOverflow(100, call, check);
    assert.is(la.threads, 2);
    la.dispose();
  });
}

test("where the others would wait for the one that was cut off, they end at once, and all go on", () => {
  const { la } = makeTeam(2);
  const rows = 300; // two tiles of keys, after each of which the threads of the one head meet
  const x = la.tensor(data.subarray(0, rows * D), [1, 1, rows, D]);
  const saved = la.attentionForward(x, x, x, { variant: "standard" });
  const backward = (): Float32Array => la.scope(() => la.attentionBackward(x, saved).dk.toArray());
  const expected = backward();
  let longest = 0;
  const timed = (): Float32Array => {
    const start = performance.now();
    try {
      return backward();
    } finally {
      longest = Math.max(longest, performance.now() - start);
    }
  };
  eachOverflow(70, timed, () => assert.is(firstDifference(timed(), expected), -1));
  assert.ok(longest < 9_000, `nobody waited for ten seconds: ${longest} ms`);
  assert.is(la.threads, 2);
  la.dispose();
});

// Deno's node:vm has no timeouts. A process of its own: after one that ended a finalization callback, Node may run no more of them.
if (!("Deno" in globalThis)) {
  /** What a program prints as JSON that uses runInNewContext; `timedOut`: 1, once a timeout has ended a loop of calls. */
  const reported = async (source: string) => {
    const vm = `const { runInNewContext } = process.getBuiltinModule("node:vm");
      const timedOut = (call, timeout) => {
        try {
          runInNewContext("for (;;) call()", { call }, { timeout });
        } catch {
          return 1;
        }
      };\n`;
    const { stdout, stderr } = await runProgram(vm + source);
    assert.is.not(stdout, "", stderr);
    return JSON.parse(stdout);
  };

  test("a call that a timeout of node:vm ends, which runs no finally, leaves nothing behind that writes", async () => {
    const found = await reported(`
      const { createSync } = await import("laser-attention/threads.js");
      const la = createSync({ threads: 2 });
      if (la.threads !== 2) throw new Error("no threads");
      const shape = [1, 4, 512, 32];
      const q = la.tensor(Float32Array.from({ length: 4 * 512 * 32 }, (_, n) => Math.sin(n)), shape);
      const out = la.empty(shape);
      const call = () => la.attention(q, q, q, { variant: "laser", out });
      const expected = call().toArray();
      const others = Array.from({ length: 20 }, () => la.zeros([4096]));
      const found = { ended: 0, wrong: 0, damaged: 0 };
      for (let n = 0; n < 20; n++) {
        found.ended += timedOut(call, 5 + n);
        if (call().data.some((x, i) => x !== expected[i])) found.wrong++;
        if (others.some(({ data }) => data.some((x) => x !== 0))) found.damaged++;
      }
      console.log(JSON.stringify({ ...found, threads: la.threads }));
    `);
    assert.equal(found, { ended: 20, wrong: 0, damaged: 0, threads: 2 });
  });

  test("memory that is given back after a call was ended so is nobody's but the next tensor's", async () => {
    const found = await reported(`
      const { createSync } = await import("laser-attention/threads.js");
      const la = createSync({ threads: 2 });
      if (la.threads !== 2) throw new Error("no threads");
      const shape = [1, 4, 512, 32];
      const q = la.tensor(Float32Array.from({ length: 4 * 512 * 32 }, (_, n) => Math.sin(n)), shape);
      const found = { ended: 0, written: 0 };
      for (let n = 0; n < 10; n++) {
        const out = la.empty(shape);
        const call = () => la.attention(q, q, q, { variant: "laser", out });
        found.ended += timedOut(call, 10 + n);
        out.dispose();
        const next = la.zeros(shape); // in its place
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20); // as long as a call takes
        if (next.data.some((x) => x !== 0)) found.written++;
        next.dispose();
      }
      console.log(JSON.stringify(found));
    `);
    assert.equal(found, { ended: 10, written: 0 });
  });

  test("a tensor that is dropped after a scope was ended so is reclaimed", async () => {
    const found = await reported(`
      const { setFlagsFromString } = process.getBuiltinModule("node:v8");
      const { createSync } = await import("laser-attention/index.js");
      setFlagsFromString("--expose-gc");
      const gc = runInNewContext("gc");
      const la = createSync();
      const scope = () => la.scope(() => runInNewContext("for (;;);"));
      let ended = 0;
      try {
        runInNewContext("scope()", { scope }, { timeout: 20 });
      } catch {
        ended++;
      }
      await undefined;
      const { used } = la.memory;
      (() => la.zeros([5000]))();
      for (let round = 0; round < 100 && la.memory.used > used; round++) {
        gc();
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      console.log(JSON.stringify({ ended, kept: la.memory.used - used }));
    `);
    assert.equal(found, { ended: 1, kept: 0 });
  });

  test("a timeout of node:vm while workers start leaves one thread, with a warning, and nothing that keeps the process", async () => {
    const { code, stdout, stderr } = await runProgram(`
      const { runInNewContext } = process.getBuiltinModule("node:vm");
      const threads = process.getBuiltinModule("node:worker_threads");
      const get = process.getBuiltinModule;
      let made = 0;
      class Worker extends threads.Worker {
        constructor(...given) {
          super(...given);
          if (++made === 2) for (;;);
        }
      }
      process.getBuiltinModule = (name) => (name === "node:worker_threads" ? { ...threads, Worker } : get(name));
      const warnings = [];
      console.warn = (text) => warnings.push(text);
      const { createSync } = await import("laser-attention/threads.js");
      const la = createSync({ threads: 4 });
      let error;
      try {
        runInNewContext("la.threads", { la }, { timeout: 3000 });
      } catch ({ code }) {
        error = code;
      }
      const x = la.tensor(Float32Array.of(1, 2, 3, 4), [1, 1, 2, 2]);
      console.log(JSON.stringify({ error, threads: la.threads, warnings, sum: la.attention(x, x, x, { variant: "laser" }).data.length, made }));
      la.dispose();
    `);
    assert.is(code, 0, stderr);
    assert.equal(JSON.parse(stdout), {
      ...{ error: "ERR_SCRIPT_EXECUTION_TIMEOUT", threads: 1, sum: 4, made: 2 },
      warnings: ["laser-attention: one thread only: the start of workers was cut off"],
    });
  });

  test("a step, an evaluation or a scope that a timeout of node:vm ends is over when the program has yielded", async () => {
    const found = await reported(`
      const { createSync, crossEntropy, Linear, Random } = await import("laser-attention/nn/index.js");
      const nn = createSync({ threads: 1 });
      const model = new Linear(nn, new Random(1), 8, 8);
      const x = () => nn.input(new Float32Array(32).fill(0.5), [4, 8]);
      const step = () => nn.step(() => crossEntropy(nn, model.forward(x()), [1, 2, 3, 4]));
      const hang = () => runInNewContext("for (;;);", {}, {});
      const cut = (call) => {
        try {
          runInNewContext("call()", { call }, { timeout: 20 });
        } catch {
          ended++;
        }
      };
      let ended = 0;
      const expected = step();
      model.zeroGrad();
      const used = nn.la.memory.used;
      const found = [];
      for (const call of [
        () => nn.step(() => (x(), hang())),
        () => nn.evaluate(() => (x(), hang())),
        () => nn.la.scope(() => nn.step(() => (x(), hang()))),
        () => nn.evaluate(() => nn.la.scope(() => (x(), hang()))),
      ]) {
        cut(call);
        await undefined;
        found.push(step() === expected, nn.la.memory.used === used);
        model.zeroGrad();
      }
      console.log(JSON.stringify({ ended, found }));
    `);
    assert.equal(found, { ended: 4, found: Array(8).fill(true) });
  });

  test("a model that was being read, and a model whose parts were being walked, leave the next ones as they are", async () => {
    const found = await reported(`
      const { createSync, Linear, loadCheckpoint, Module, Random, saveCheckpoint } = await import("laser-attention/nn/index.js");
      const { gpt, restore } = await import("laser-attention/models/index.js");
      const nn = createSync({ threads: 1 });
      const config = { vocabulary: 64, context: 16, width: 128, heads: 2, layers: 2, variant: "laser" };
      const model = gpt(nn, config);
      const file = loadCheckpoint(saveCheckpoint(model));
      const expected = model.head.weight.tensor.toArray();
      const found = { ended: 0, wrong: 0 };
      for (let n = 0; n < 6; n++) {
        found.ended += timedOut(() => restore(nn, file), 3 + n);
        await undefined;
        const drawn = gpt(nn, config).head.weight.tensor.toArray();
        if (drawn.some((x, i) => x !== expected[i])) found.wrong++;
        found.ended += timedOut(() => model.train(), 3 + n);
        if (model.parameters.size === 0) found.wrong++;
        nn.release();
      }
      console.log(JSON.stringify(found));
    `);
    assert.equal(found, { ended: 12, wrong: 0 });
  });

  test("scratch of calls that were ended so is free again when the program has yielded", async () => {
    const found = await reported(`
      const { createSync } = await import("laser-attention/index.js");
      const la = createSync();
      const shape = [1, 8, 512, 64];
      const [q, out] = [la.zeros(shape), la.empty(shape)];
      const call = () => la.attention(q, q, q, { variant: "laser", out });
      call();
      const { used } = la.memory;
      const found = { ended: 0, kept: 0 };
      for (let n = 0; n < 10; n++) {
        found.ended += timedOut(call, 5 + n);
        await undefined;
        if (la.memory.used !== used) found.kept++;
      }
      console.log(JSON.stringify(found));
    `);
    assert.equal(found, { ended: 10, kept: 0 });
  });

  test("after a step with threads was ended so, nobody writes into the gradients that it had begun", async () => {
    const found = await reported(`
      const { createSync, crossEntropy, Linear, Random } = await import("laser-attention/nn/index.js");
      const nn = createSync({ threads: 2 });
      const model = new Linear(nn, new Random(1), 768, 768);
      const data = new Float32Array(2048 * 768).fill(0.5);
      const labels = new Int32Array(2048);
      const step = () => nn.step(() => crossEntropy(nn, model.forward(nn.input(data, [2048, 768])), labels));
      const gradients = () => [...model.parameters.values()].map(({ grad }) => grad.toArray());
      let took = Infinity; // the least, however busy the machine is
      let whole; // a step that was done may be ended too, before it has returned
      for (let n = 0; n < 3; n++) {
        const start = performance.now();
        step();
        took = Math.min(took, performance.now() - start);
        whole = gradients();
        model.zeroGrad();
      }
      nn.release(); // the next step takes its memory anew
      const found = { ended: 0, written: 0 };
      for (let n = 0; n < 12; n++) {
        try {
          runInNewContext("step()", { step }, { timeout: Math.ceil(took * (0.4 + n / 24)) }); // in its backward pass
        } catch {
          found.ended++;
          await undefined;
          const left = gradients();
          const differ = (from) => left.some((all, n) => all.some((x, i) => x !== from(n, i)));
          if (differ(() => 0) && differ((n, i) => whole[n][i])) found.written++;
        }
        model.zeroGrad();
      }
      console.log(JSON.stringify(found));
    `);
    assert.ok(found.ended > 0, "a step takes longer than that");
    assert.is(found.written, 0);
  });
}

test.run();
