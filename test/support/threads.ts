/** What the tests of threads share: a call that is worth three of them, its bits, and workers counted. */
import type { Worker } from "node:worker_threads";
import * as main from "laser-attention";
import type { createSync } from "laser-attention/threads";
import * as assert from "uvu/assert";
import { firstDifference } from "./bits.js";
import { withWorkers } from "./host.js";
import { Random } from "./random.js";

export type Instance = ReturnType<typeof createSync>;

export const [H, N, D] = [3, 150, 32]; // 2 H N N (D + D) = 8.6e6 operations: three threads at least
export const data = [1, 2, 3, 4].map((seed) => new Random(seed).normals(H * N * D));

/** out, dq, dk and dv of a call that is worth three threads. */
export function both(la: Instance, variant: "standard" | "laser" = "laser"): Float32Array[] {
  return la.scope(() => {
    const [q, k, v, dout] = data.map((x) => la.tensor(x, [1, H, N, D]));
    const saved = la.attentionForward(q!, k!, v!, { variant, causal: true });
    const { dq, dk, dv } = la.attentionBackward(dout!, saved);
    return [saved.out, dq, dk, dv].map((t) => t.toArray());
  });
}

export const reference = both(main.createSync());

export function assertReference(la: Instance): void {
  for (const [n, x] of both(la).entries()) assert.is(firstDifference(x, reference[n]!), -1);
}

/** The beginning of a program that makes such a call. */
export const CALL = `
import { createSync } from "laser-attention/threads.js";
const la = createSync({ threads: 3 });
if (la.threads !== 3) throw new Error("no threads");
const x = la.tensor(Float32Array.from({ length: ${H * N * D} }, (_, n) => Math.sin(n)), [1, ${H}, ${N}, ${D}]);
la.attentionBackward(x, la.attentionForward(x, x, x, { variant: "laser" }));
`;

/** Counts the workers that `body` starts. */
export async function workersOf(body: () => unknown): Promise<Worker[]> {
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
export function ended(workers: Worker[]): Promise<unknown> {
  const all = workers.map((worker) => new Promise((resolve) => worker.once("exit", resolve)));
  let timer: ReturnType<typeof setTimeout>;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not all of ${workers.length} workers have ended`)), 5000);
  });
  return Promise.race([Promise.all(all), late]).finally(() => clearTimeout(timer));
}
