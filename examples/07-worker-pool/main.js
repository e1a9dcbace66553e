// Many independent calls on a pool of Node's worker threads: the kernels are compiled once, each worker has an instance of
// its own. For one large call on all processors there is laser-attention/threads.
//   node examples/07-worker-pool/main.js
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";

const wasm = new WebAssembly.Module(readFileSync(new URL(import.meta.resolve("laser-attention/kernels.wasm"))));
const program = new URL("./worker.mjs", import.meta.url);
const workers = [1, 2].map(() => new Worker(program, { workerData: { wasm } }));

// Sequences of different lengths, so that the workers are not done at the same times.
const D = 32;
const wave = (_, n) => Float32Array.from({ length: (n + 1) * 20 * D }, (_, i) => Math.sin(0.1 * i + n));
const sequences = Array.from({ length: 8 }, wave);

const results = [];
const queue = sequences.entries(); // one iterator for all: who is free takes the next
async function work(worker) {
  for (const [n, x] of queue) {
    worker.postMessage(x, [x.buffer]); // moved, not copied
    const [{ out, thread }] = await once(worker, "message"); // rejects when the worker breaks down
    results[n] = { length: out.length / D, thread };
  }
  await worker.terminate();
}
await Promise.all(workers.map(work));

console.log("lengths:", results.map(({ length }) => length).join(" "));
console.log("workers:", new Set(results.map(({ thread }) => thread)).size);
