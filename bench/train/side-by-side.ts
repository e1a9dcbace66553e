/** What two threads can reach on this machine: steps of an instance beside another's, which has a thread and memory of its own. */
import { once } from "node:events";
import { Worker, workerData } from "node:worker_threads";
import { median } from "../measure.js";
import { type OwnTrainer, openRelaxed } from "./own.js";
import { type Workload, workloads } from "./workloads.js";

const ROUNDS = 9;

/** What `train.js beside WORKLOAD` does, as a worker: steps while its word is 1. */
export async function stepBeside([name]: readonly string[]): Promise<never> {
  const word = workerData as Int32Array;
  const trainer = (await openRelaxed())(workloads.find((one) => one.name === name)!);
  for (;;) {
    Atomics.wait(word, 0, 0);
    trainer.step();
  }
}

/** How many times the steps of one instance two of them make, by what a step of `trainer` takes with and without the other. */
export async function sideBySide(workload: Workload, trainer: OwnTrainer): Promise<number> {
  const word = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(process.argv[1]!, { argv: ["beside", workload.name], workerData: word });
  await once(worker, "online");
  const time = (beside: 0 | 1): number => {
    Atomics.store(word, 0, beside);
    Atomics.notify(word, 0);
    trainer.step(); // until the other has begun, or has come to its end
    const start = performance.now();
    trainer.step();
    return performance.now() - start;
  };
  for (let n = 0; n < 3; n++) time(1);
  const ratios = Array.from({ length: ROUNDS }, () => (2 * time(0)) / time(1));
  await worker.terminate();
  return median(ratios);
}
