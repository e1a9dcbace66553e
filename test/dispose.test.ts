/** What instances with threads leave when they are disposed, and when a worker ends early. How workers end: threads.test.ts. */
import { platform } from "node:os";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { generate, gpt } from "../src/models/index.js";
import { AdamW, createSync } from "../src/nn/index.js";
import { runProgram } from "./support/host.js";
import { ended, workersOf } from "./support/threads.js";

const config = { vocabulary: 64, context: 64, width: 128, heads: 4, layers: 2, variant: "laser" as const, seed: 3 };
const ids = [Array.from({ length: 64 }, (_, n) => (n * 7) % 64)];
const targets = [ids[0]!.map((id) => (id + 7) % 64)];

if (platform() === "linux") {
  test("the system's threads of disposed instances end: workers sleep in Atomics.wait, which not every runtime's terminate ends", async () => {
    const { stdout, stderr } = await runProgram(`
      import { readdirSync } from "node:fs";
      import { create } from "laser-attention/threads.js";
      const running = () => readdirSync("/proc/self/task").length;
      (await create({ threads: 2 })).dispose(); // what the runtime keeps for itself is there from now on
      await new Promise((resolve) => setTimeout(resolve, 300));
      const before = running();
      for (let n = 0; n < 12; n++) (await create({ threads: 2 })).dispose();
      const start = performance.now();
      while (running() > before + 2 && performance.now() - start < 10_000) await new Promise((resolve) => setTimeout(resolve, 50));
      console.log(running() - before);
    `);
    assert.ok(stdout !== "" && Number(stdout) <= 2, `${stdout} threads more after 12 instances ${stderr}`);
  });

  test("the memory of instances with shared memory that were disposed one after the other is given back", async () => {
    const { stdout, stderr } = await runProgram(`
      import process from "node:process";
      import { createSync } from "laser-attention/threads.js";
      const before = process.memoryUsage().rss;
      let most = 0;
      for (let n = 0; n < 16; n++) {
        const la = createSync({ threads: 1 });
        la.zeros([12 * 2 ** 20]).data.fill(1); // an array beside it would make the engine collect
        la.dispose();
        await new Promise((resolve) => setTimeout(resolve, 20));
        most = Math.max(most, process.memoryUsage().rss - before);
      }
      console.log(most / (48 * 2 ** 20));
    `);
    assert.ok(stdout !== "" && Number(stdout) < 8, `as much as ${stdout} of 16 instances ${stderr}`);
  });
}

test("an optimiser's step that says that a worker has ended has changed nothing: taken again, the run is one without threads", async () => {
  const run = async (threads: number) => {
    let nn!: ReturnType<typeof createSync>;
    const workers = await workersOf(() => {
      nn = createSync({ threads });
    });
    const model = gpt(nn, config);
    const optimizer = new AdamW(nn, model, { lr: 1e-2 });
    const said: string[] = [];
    const losses: number[] = [];
    for (let n = 0; n < 4; n++) {
      losses.push(nn.step(() => model.loss(ids, targets)));
      if (n === 1) {
        const all = ended(workers);
        for (const worker of workers) void worker.terminate();
        await all;
      }
      try {
        optimizer.step({ clip: 1 });
      } catch (error) {
        said.push((error as Error).message);
        assert.is(optimizer.steps, n);
        optimizer.step({ clip: 1 });
      }
    }
    const names = [...optimizer.stateDict().moments.keys()].filter((name) => name.startsWith("steps."));
    const { steps } = optimizer;
    nn.dispose();
    return { losses, steps, names, said };
  };
  const one = await run(1);
  const two = await run(2);
  assert.equal(two, { ...one, said: ["laser-attention: a worker has ended; later calls run on one thread"] });
  assert.equal([one.steps, one.names, one.said], [4, [], []]);
});

test("a text whose first token was asked for inside of a scope goes on outside of it", () => {
  const nn = createSync({ threads: 1 });
  const model = gpt(nn, config);
  const options = { count: 5, seed: 2 };
  const expected = [...generate(nn, model, [1, 2], options)];
  const { used } = nn.la.memory;
  const text = generate(nn, model, [1, 2], options);
  const first = nn.la.scope(() => text.next().value);
  assert.equal([first, ...text], expected);
  assert.is(nn.la.memory.used, used);
  nn.dispose();
});

test.run();
