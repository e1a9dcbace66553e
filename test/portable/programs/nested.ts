/** A worker of a page that starts workers itself: how many threads there are at once, after a long call, and when it has yielded. */
import { createSync as createTraining } from "laser-attention/nn";
import { create, createSync } from "laser-attention/threads";
import { warnings } from "../support/warnings.js";

export interface Nested {
  readonly threads: readonly number[];
  readonly training: number;
  readonly created: number;
  readonly warned: readonly string[];
  /** Until the long call was done. */
  readonly ms: number;
}

const page = globalThis as unknown as { postMessage(message: Nested): void };
let [threads, training, created, ms]: [number[], number, number, number] = [[], 0, 0, 0];

const warned = await warnings(async () => {
  const start = performance.now();
  const la = createSync({ threads: 2 });
  threads = [la.threads];
  const x = la.zeros([1, 4, 2048, 64]); // 4.3e9 operations: elsewhere worth to wait for workers
  la.attention(x, x, x, { variant: "standard" });
  training = createTraining({ threads: 2 }).la.threads;
  threads.push(la.threads);
  ms = performance.now() - start;
  for (let n = 0; n < 1000 && la.threads === 1; n++) await new Promise((resolve) => setTimeout(resolve, 10));
  threads.push(la.threads);
  const other = await create({ threads: 2 });
  created = other.threads;
  for (const instance of [la, other]) instance.dispose();
});
page.postMessage({ threads, training, created, warned, ms });
